using System.Runtime.InteropServices;

namespace SpanHeap.Caches;

/// <summary>Magazines that were made together and stand side by side behind this header, which says which of them are empty and at hand.</summary>
/// <remarks>All fields are guarded by the lock of <see cref="MagazinePool"/>, but for <see cref="Count"/>, which is constant.</remarks>
[StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
internal unsafe struct MagazineGroup
{
    public const int HeaderBytes = 64;

    /// <summary>Neighbours in one of the pool's lists.</summary>
    public MagazineGroup* Next;
    public MagazineGroup* Previous;

    /// <summary>Those at hand that have been in use, linked by <see cref="Magazine.Next"/>, the one given last first.</summary>
    public Magazine* Used;

    /// <summary>From this one on, none has been in use since the group was made, or since its memory went back.</summary>
    public int Fresh;

    /// <summary>How many are at hand.</summary>
    public int EmptyCount;

    /// <summary>How many there are.</summary>
    public int Count;

    /// <summary>The heap's tick when the last of its magazines came back.</summary>
    public uint IdleSince;

    public static nint BytesFor(int count) => HeaderBytes + ((nint)count * Magazine.Size);

    /// <summary>The group that a magazine belongs to.</summary>
    public static MagazineGroup* Of(Magazine* magazine) => (MagazineGroup*)((byte*)magazine - (magazine->Place * Magazine.Size) - HeaderBytes);

    /// <summary>Takes one that is at hand; there must be one.</summary>
    public static Magazine* Take(MagazineGroup* group)
    {
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
        magazine->Next = group->Used;
        group->Used = magazine;
        group->EmptyCount++;
    }

    /// <summary>Forgets that any has been in use: the memory of all, which are at hand, goes back.</summary>
    public static void Forget(MagazineGroup* group)
    {
        group->Used = null;
        group->Fresh = 0;
    }

    /// <summary>Takes a group out of a list.</summary>
    public static void Unlink(ref MagazineGroup* first, ref MagazineGroup* last, MagazineGroup* group)
    {
        if (group->Previous != null)
        {
            group->Previous->Next = group->Next;
        }
        else
        {
            first = group->Next;
        }

        if (group->Next != null)
        {
            group->Next->Previous = group->Previous;
        }
        else
        {
            last = group->Previous;
        }
    }

    /// <summary>Puts a group at the beginning of a list.</summary>
    public static void Link(ref MagazineGroup* first, ref MagazineGroup* last, MagazineGroup* group)
    {
        group->Previous = null;
        group->Next = first;
        if (first != null)
        {
            first->Previous = group;
        }
        else
        {
            last = group;
        }

        first = group;
    }
}
