using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Guard.Records;

/// <summary>The return addresses of the calling thread's frames, read off the chain of frame pointers: some nanoseconds a frame.</summary>
/// <remarks>
/// On Linux x64, the runtime's compiler gives every method that calls another a frame pointer, and the runtime itself is compiled in the same way.
/// Code that does otherwise leads nowhere, or to a shorter chain. Each link must lie above the one before and within the thread's stack, so only
/// valid memory is read. What is read is compared, never jumped to.
/// </remarks>
internal static unsafe class FrameChain
{
    private const int MaxFrames = 64;
    private const ulong HashSeed = 0x9e37_79b9_7f4a_7c15;
    private const ulong HashFactor = 0xd6e8_feb8_6659_fd93;

    // mov rax, rbp; ret: it returns the frame pointer of its caller. It touches no memory and cannot fault, so it needs no transition.
    private static readonly delegate* unmanaged[SuppressGCTransition]<nint> s_framePointer =
        (delegate* unmanaged[SuppressGCTransition]<nint>)(IsPossible ? ExecutableMemory.TryMake([0x48, 0x89, 0xe8, 0xc3]) : 0);

    private static bool IsPossible => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && PosixThread.IsSupported;

    /// <summary>A number that chains of other addresses do not have, but for one in 2^64; 0 where no chain can be read.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong TryHash()
    {
        nuint end = s_framePointer != null ? StackEnd() : 0;
        nuint frame = end != 0 ? (nuint)s_framePointer() : 0;
        nuint below = (nuint)(&end);
        ulong hash = HashSeed;
        int frames = 0;

        // A link is two words: the frame pointer of the caller, and the return address.
        for (; frames < MaxFrames && frame > below && frame < end - 8 && frame % 8 == 0; frames++)
        {
            hash = Mix(hash, *(ulong*)(frame + 8));
            below = frame;
            frame = *(nuint*)frame;
        }

        // Where the chain ended, counted from the start of the thread's stack, which is nearly always the same. A chain that was cut short by code
        // without frame pointers shares its addresses with others of the same end, but rarely ends at the same depth.
        hash = frames < MaxFrames ? Mix(hash, end - below) : hash;
        return frames > 1 && hash != 0 ? hash : 0;
    }

    private static ulong Mix(ulong hash, ulong value)
    {
        hash = (hash ^ value) * HashFactor;
        return hash ^ (hash >> 32);
    }

    // The stack of a thread does not change. 0 on a stack that is not the thread's own.
    private static nuint StackEnd()
    {
        byte here;
        nuint address = (nuint)(&here);
        if (OwnStack.Bytes == 0)
        {
            if (!PosixThread.TryGetStack(out nuint low, out nuint bytes))
            {
                return 0;
            }

            OwnStack.Low = low;
            OwnStack.Bytes = bytes;
        }

        return address - OwnStack.Low < OwnStack.Bytes ? OwnStack.Low + OwnStack.Bytes : 0;
    }

    // In a class without initialized statics: beside those it would be a managed object for each thread.
    private static class OwnStack
    {
        [ThreadStatic]
        public static nuint Low;

        [ThreadStatic]
        public static nuint Bytes;
    }
}
