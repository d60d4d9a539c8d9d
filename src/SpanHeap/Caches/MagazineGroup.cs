using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>The header of magazines that were created together and lie side by side after it. It says which of them are empty and at hand.</summary>
/// <remarks>All fields are guarded by the lock of <see cref="MagazinePool"/>, except <see cref="Count"/>, which is constant.</remarks>
[StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
internal unsafe struct MagazineGroup : ILinked<MagazineGroup>
{
    public const int HeaderBytes = 64;

    /// <summary>The next group in one of the pool's lists; the previous one follows.</summary>
    public MagazineGroup* Next;
    public MagazineGroup* Previous;

    /// <summary>The magazines at hand that have been in use, linked by <see cref="Magazine.Next"/>, the most recently returned first.</summary>
    public Magazine* Used;

    /// <summary>The index from which on no magazine has been in use since the group was created or its memory was given back.</summary>
    public int Fresh;

    /// <summary>The number of magazines at hand.</summary>
    public int EmptyCount;

    /// <summary>The number of magazines in the group.</summary>
    public int Count;

    /// <summary>The heap's tick when the last of its magazines came back.</summary>
    public uint IdleSince;

    public static nint BytesFor(int count) => HeaderBytes + ((nint)count * Magazine.Size);

    /// <summary>Gets the group to which a magazine belongs.</summary>
    public static MagazineGroup* Of(Magazine* magazine) => (MagazineGroup*)((byte*)magazine - (magazine->Place * Magazine.Size) - HeaderBytes);

    /// <summary>Takes a magazine that is at hand; there must be one.</summary>
    public static Magazine* Take(MagazineGroup* group)
    {
        Invariant.Assert(group->EmptyCount > 0, "There is a magazine at hand.");
        group->EmptyCount--;
        Magazine* magazine = group->Used;
        if (magazine != null)
        {
            group->Used = magazine->Next;
            return magazine;
        }

        magazine = (Magazine*)((byte*)group + HeaderBytes) + group->Fresh;
        magazine->Place = (ushort)group->Fresh++;
        return magazine;
    }

    public static void Give(MagazineGroup* group, Magazine* magazine)
    {
        Invariant.Assert(group->EmptyCount < group->Count, "A group gets back no more magazines than it gave.");
        magazine->Next = group->Used;
        group->Used = magazine;
        group->EmptyCount++;
    }

    /// <summary>Forgets that any magazine has been in use, because the memory of all of them, which are at hand, is given back.</summary>
    public static void Forget(MagazineGroup* group)
    {
        Invariant.Assert(group->EmptyCount == group->Count, "All magazines are at hand when their memory goes.");
        group->Used = null;
        group->Fresh = 0;
    }

    static ref MagazineGroup* ILinked<MagazineGroup>.NextOf(MagazineGroup* node) => ref node->Next;

    static ref MagazineGroup* ILinked<MagazineGroup>.PreviousOf(MagazineGroup* node) => ref node->Previous;
}
