using SpanHeap.Guard.Faults;
using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Quarantine;
using SpanHeap.Guard.Records;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard;

/// <summary>
/// The guarded blocks of a heap. Each has a span of its own from the heap's page heap, and its end (or its start) at a page that faults. After it is
/// freed, all of it faults until it retires from quarantine and other blocks may have its pages.
/// </summary>
/// <remarks>
/// Thread safe. Call without a lock. The parts state the rules: <see cref="GuardRecords"/> those of the lock and of the contents of a record,
/// <see cref="GuardQuarantine"/> those of a span's way from its free to the page heap.
/// </remarks>
internal sealed unsafe class GuardedBlocks(GuardParts parts)
{
    private readonly GuardRecords _records = parts.Records;
    private readonly GuardQuarantine _quarantine = parts.Quarantine;
    private readonly SpanProtection _protection = parts.Protection;
    private readonly GuardRefusals _refusals = parts.Refusals;

    /// <summary>Whether all blocks are to be guarded.</summary>
    public bool GuardsAll => parts.GuardsAll;

    /// <summary>The pages that the guards of a sample add to live blocks.</summary>
    internal long SamplePages => parts.Sample?.Taken ?? 0;

    public GuardStatistics Statistics => new(
        _records.LiveBlocks,
        _records.LiveBytes,
        _records.HugeBytes,
        _quarantine.Spans,
        _quarantine.Bytes,
        _records.Pages,
        _records.Guarded,
        _quarantine.Retired,
        _refusals.Degraded,
        _refusals.Skipped,
        _protection.UsesMarkers,
        _protection.Mappings,
        HasFaultReport: FaultHandler.IsInstalled);

    /// <inheritdoc cref="GuardAllocator.TryAllocate"/>
    public void* TryAllocate(nuint byteCount, nuint alignment, bool zeroed, out string? whyNot) =>
        parts.Allocator.TryAllocate(byteCount, alignment, zeroed, out whyNot);

    /// <inheritdoc cref="GuardRefusals.NoteUnguarded"/>
    public void NoteUnguarded(string why) => _refusals.NoteUnguarded(why);

    /// <summary>Frees a guarded block; from then on an access to it faults.</summary>
    /// <param name="address">The block's first byte.</param>
    /// <param name="hasMoved">Whether the caller has moved the block since <see cref="BeginMove"/>.</param>
    /// <exception cref="HeapCorruptionException">The address is not a live block, or bytes beside the block were written to. The block stays allocated.</exception>
    public void Free(nint address, bool hasMoved = false)
    {
        int stack = parts.KeepsStacks ? StackDepot.Capture() : 0;
        GuardFinding finding = _records.Free(address, hasMoved, stack, out GuardedSpan* span, out GuardRecord freed);
        finding.ThrowUnlessSound();
        parts.File?.Note(freed);
        InterleavingPoints.At(InterleavingPoint.GuardedBlockFreed);
        if (span != null)
        {
            _quarantine.Add(span);
        }
    }

    /// <summary>
    /// Begins to move a live block. The block stays while the caller copies it elsewhere, but to any other thread it is freed. A move ends with
    /// <see cref="Free"/>, or with <see cref="CancelMove"/>.
    /// </summary>
    /// <returns>The number of bytes that were requested for the block.</returns>
    /// <exception cref="HeapCorruptionException">The address is not a live block, or bytes beside the block were written to.</exception>
    public nuint BeginMove(nint address) => RequireByteCount(_records.BeginMove(address));

    /// <summary>Cancels a move: the block stays where it is.</summary>
    public void CancelMove(nint address) => _records.CancelMove(address);

    /// <summary>
    /// Stops counting a block that is being moved towards the heap's limit, or counts it again. A heap without guards may grow a block in place, so
    /// before a resize is refused, a limit with room for the larger of the two blocks must be enough. (Other threads may take that room meanwhile.
    /// If the block then stays, the heap is over its limit until as much has been freed.)
    /// </summary>
    public void CountMoving(nuint byteCount, bool counts)
    {
        if (counts)
        {
            parts.Charge.Restore(byteCount);
        }
        else
        {
            parts.Charge.Release(byteCount);
        }
    }

    /// <summary>Gets the bytes that were asked for with a live block.</summary>
    /// <exception cref="HeapCorruptionException">The address is not a live block, or bytes beside the block were written to.</exception>
    public nuint UsableSize(nint address) => RequireByteCount(_records.Inspect(address));

    /// <inheritdoc cref="GuardRecords.TryFind"/>
    public bool TryFind(nint address, out GuardRecord record) => _records.TryFind(address, out record);

    /// <summary>Gets the live blocks, grouped by the stack that allocated them, the most bytes first.</summary>
    public IReadOnlyList<LiveBlockGroup> LiveBlocks() => GuardLeaks.Group(_records.FindLive());

    /// <inheritdoc cref="GuardQuarantine.RetireFor"/>
    public void RetireFor(nuint byteCount) => _quarantine.RetireFor(byteCount);

    /// <summary>Reserves room in a sample for a traced block, until <see cref="QuarantineTraced"/> or <see cref="ReleaseTraced"/>; false when there is none.</summary>
    public bool TryReserveTraced() => _quarantine.TryReserve(SampleBudget.TracedCost);

    /// <summary>Releases the room of a traced block whose pages could not be had.</summary>
    public void ReleaseTraced()
    {
        _quarantine.Release(SampleBudget.TracedCost);
        _refusals.NoteSkipped();
    }

    /// <summary>Makes room for a traced block of so many pages where all blocks are guarded; false when it must be made without a guard.</summary>
    public bool TryMakeRoomForTraced(int pageCount) => _quarantine.TryMakeRoom(pageCount);

    /// <summary>Puts the pages of a traced span in which nothing lives in quarantine: an access to them faults. The caller alone has them, and no entry names them.</summary>
    public void QuarantineTraced(nint address, int pageCount)
    {
        GuardedSpan* span = _records.PublishSwept(address, pageCount);
        parts.File?.Note(span->Record);
        _quarantine.Add(span);
    }

    /// <summary>
    /// Makes all pages accessible before their memory goes back to where it came from, and releases blocks that no arena holds. No thread uses the
    /// heap any more.
    /// </summary>
    public void Close()
    {
        for (int i = 0; parts.Pages.TryGetArena(i, out nint arena); i++)
        {
            _protection.UnprotectAll(arena, (nuint)(ArenaHeader.EndOf(arena) - arena));
        }

        while (HugeBlockTable.TryFindGuarded(parts.Arenas.HeapSerial, 0, out HugeBlock huge))
        {
            GuardedSpan* span = (GuardedSpan*)huge.Guarded;
            _records.Unlink(span);
            _protection.UnprotectAll(span->Span.Base, span->Bytes);
            parts.Source.Release(span);
        }

        _protection.Close();
    }

    private static nuint RequireByteCount(in GuardFinding finding)
    {
        finding.ThrowUnlessSound();
        return finding.Record.ByteCount;
    }
}
