using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Allocators.Peers;

/// <summary>Child process: loads a library that the command line names, and asks it for a few blocks before anything is measured.</summary>
internal static unsafe class PeerTrial
{
    public const string Verb = "peer-trial";

    private const int Size = 100;
    private const int Alignment = 256;
    private const int GrownSize = 10_000;
    private const byte Fill = 0xA5;

    public static int Run(string library)
    {
        WorkerProtocol.Send(Try(library));
        return 0;
    }

    private static PeerFindings Try(string library)
    {
        try
        {
            PeerExports exports = PeerExports.Find(library);
            PeerAllocator.Choose(library);
            return new PeerFindings(WhatIsWrong(exports.Aligns), exports.Prefix, exports.Aligns, PeerExports.HasPlainNames(library));
        }
        catch (InputException unusable)
        {
            return new PeerFindings(unusable.Message, "", Aligns: false, HasPlainNames: false);
        }
    }

    // Null when all is as it should be.
    private static string? WhatIsWrong(bool aligns)
    {
        PeerAllocator allocator = PeerAllocator.ForThisThread();
        byte* block = (byte*)allocator.Alloc(Size);
        if (block == null)
        {
            return $"its malloc gives no block of {Size} bytes.";
        }

        if (PeerAllocator.UsableSize(block) < Size)
        {
            return $"it says that a block of {Size} bytes has {PeerAllocator.UsableSize(block)}.";
        }

        new Span<byte>(block, Size).Fill(Fill);
        block = (byte*)allocator.Realloc(block, GrownSize);
        if (block == null || new ReadOnlySpan<byte>(block, Size).ContainsAnyExcept(Fill))
        {
            return "its realloc loses what is in a block.";
        }

        allocator.Free(block);
        block = (byte*)allocator.AllocZeroed(GrownSize);
        if (block == null || new ReadOnlySpan<byte>(block, GrownSize).ContainsAnyExcept((byte)0))
        {
            return "its calloc gives blocks that are not zero.";
        }

        allocator.Free(block);
        if (!aligns)
        {
            return null;
        }

        block = (byte*)allocator.AlignedAlloc(Size, Alignment);
        if (block == null || (nuint)block % Alignment != 0)
        {
            return $"it gives no block at {Alignment} bytes.";
        }

        allocator.AlignedFree(block);
        return null;
    }
}

/// <summary>What the trial of a library has found.</summary>
/// <param name="Refusal">Why it cannot be measured; null if it can be.</param>
/// <param name="Prefix">What the names of its functions begin with.</param>
/// <param name="Aligns">Whether it has blocks at given alignments.</param>
/// <param name="HasPlainNames">Whether it can be preloaded.</param>
internal sealed record PeerFindings(string? Refusal, string Prefix, bool Aligns, bool HasPlainNames);
