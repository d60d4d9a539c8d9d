using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Layouts;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// One thread's part of a heap's traced memory: where it allocates, and whether it is in a scope. What says where the cursors are
/// follows in memory: an address for each <see cref="CursorBlock"/>.
/// </summary>
/// <remarks>
/// In native memory, as long as the heap. It belongs to the thread cache it hangs on, and so to a thread, or to who drains an orphan.
/// All but <see cref="Depth"/> is the thread's while it is in a scope and the collector's while the gate is closed and it is not.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = HeaderBytes)]
internal unsafe struct TracedCache
{
    /// <summary>Bytes of a cache without its cursors.</summary>
    public const int Size = HeaderBytes + (Blocks * 8);

    private const int HeaderBytes = 160;
    private const int Blocks = TracedKinds.Capacity >> CursorBlock.KindsShift;

    /// <summary>
    /// How many scopes the thread has open. Written by the thread alone: plainly within a scope, by release at the end of the
    /// outermost. The collector reads it after a process-wide fence; see <c>Gate</c>.
    /// </summary>
    [FieldOffset(0)]
    public int Depth;

    /// <summary>
    /// The generation in which the cursors were filled: an older one means that their spans are stale. Any number is a generation: of a cache
    /// that was never used <see cref="WasUsed"/> says so.
    /// </summary>
    [FieldOffset(4)]
    public uint Generation;

    /// <summary>Whether a thread has been in a scope with it, and so <see cref="Generation"/> means something.</summary>
    [FieldOffset(96)]
    public bool WasUsed;

    /// <summary>Bytes of slots taken since they were last added to the heap's.</summary>
    [FieldOffset(8)]
    public long BytesTaken;

    /// <summary>The numbers of the scopes that are open. That of the outermost is read by the collector, too.</summary>
    [FieldOffset(104)]
    public ScopeNumbers Scopes;

    /// <summary>The thread cache that this belongs to. Constant.</summary>
    [FieldOffset(24)]
    public nint Owner;

    /// <summary>The one made before this; all of a heap's are linked. Constant.</summary>
    [FieldOffset(48)]
    public TracedCache* Previous;

    /// <summary>When the outermost scope began, in milliseconds: for the watchdog.</summary>
    [FieldOffset(32)]
    public long EnteredAt;

    /// <summary>The thread that is in a scope: its managed number.</summary>
    [FieldOffset(40)]
    public int ThreadNumber;

    /// <summary>
    /// With full checks: the number of the stack that entered the outermost scope, or 0. Written by the thread, read by any thread that
    /// describes the scope.
    /// </summary>
    [FieldOffset(44)]
    public int EntryStack;

    /// <summary>Counts scopes.</summary>
    [FieldOffset(56)]
    public ulong LastScope;

    /// <summary>The scope that a failed Yield has ended last.</summary>
    [FieldOffset(64)]
    public ulong FailedScope;

    /// <summary>The scope that held a collection up and was reported last; the collector's, under its lock.</summary>
    [FieldOffset(72)]
    public ulong ReportedScope;

    /// <summary>How many collections there had been when it was; the collector's, under its lock.</summary>
    [FieldOffset(80)]
    public long ReportedCycle;

    /// <summary>In a heap that guards a sample: slots that may be taken until a block has a span of its own.</summary>
    [FieldOffset(88)]
    public long UntilSample;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AllocCursor* Cursor(TracedCache* cache, uint kind) =>
        (AllocCursor*)*BlockOf(cache, kind) + (kind % CursorBlock.Kinds);

    /// <summary>Whether there is a cursor for a kind that may be written to.</summary>
    public static bool HasCursor(TracedCache* cache, uint kind) => *BlockOf(cache, kind) != (nint)CursorBlock.Empty;

    /// <summary>Where the block's address stands that has a kind's cursor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint* BlockOf(TracedCache* cache, uint kind) => (nint*)((byte*)cache + HeaderBytes) + (kind / CursorBlock.Kinds);

    /// <summary>A record that was just made has no cursors yet.</summary>
    public static void Prepare(TracedCache* cache) => new Span<nint>(BlockOf(cache, 0), Blocks).Fill((nint)CursorBlock.Empty);

    /// <summary>The fast path of allocation; 0 when the cursor has no slot. The slot's bytes are what they were.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint TryTake(TracedCache* cache, uint kind)
    {
        AllocCursor* cursor = Cursor(cache, kind);
        ulong free = cursor->Free;
        if (free == 0)
        {
            return 0;
        }

        cursor->Free = free & (free - 1);
        return cursor->Base + (BitOperations.TrailingZeroCount(free) * TracedBits.Granule);
    }
}
