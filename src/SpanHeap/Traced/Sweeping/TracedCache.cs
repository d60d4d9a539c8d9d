using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// One thread's part of a heap's traced memory: where it allocates, and whether it is in a scope. The address of each <see cref="CursorBlock"/>
/// follows in memory.
/// </summary>
/// <remarks>
/// In native memory, as long as the heap lives. It belongs to its thread cache, and so to a thread, or to the thread that drains an orphan.
/// Everything but <see cref="Depth"/> belongs to the thread while it is in a scope, and to the collector while the gate is closed and the thread is
/// in no scope.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = HeaderBytes)]
internal unsafe struct TracedCache
{
    /// <summary>The bytes of a cache without its cursors.</summary>
    public const int Size = HeaderBytes + (Blocks * 8);

    private const int HeaderBytes = 208;
    private const int Blocks = SpanClasses.Capacity >> CursorBlock.ClassesShift;

    /// <summary>What the thread's cache knows of this. It must be the first field.</summary>
    [FieldOffset(0)]
    public WingCache Wing;

    /// <summary>
    /// The number of scopes that the thread has open. Written by the thread alone: by a plain store within a scope, by release at the end of the
    /// outermost. The collector reads it after a process-wide fence; see <c>Gate</c>.
    /// </summary>
    [FieldOffset(24)]
    public int Depth;

    /// <summary>
    /// The generation in which the cursors were filled: an older one means that their spans are stale. Any number is a generation, so
    /// <see cref="WasUsed"/> says whether the cache was ever used.
    /// </summary>
    [FieldOffset(28)]
    public uint Generation;

    /// <summary>Whether a thread has been in a scope with this cache, so that <see cref="Generation"/> is meaningful.</summary>
    [FieldOffset(96)]
    public bool WasUsed;

    /// <summary>The bytes of slots taken since they were last added to the heap's.</summary>
    [FieldOffset(8)]
    public long BytesTaken;

    /// <summary>The numbers of the open scopes. The collector reads that of the outermost as well.</summary>
    [FieldOffset(104)]
    public ScopeNumbers Scopes;

    /// <summary>The cache made before this one: all of a heap's caches are linked. Constant.</summary>
    [FieldOffset(48)]
    public TracedCache* Previous;

    /// <summary>When the outermost scope began, in milliseconds; for the watchdog.</summary>
    [FieldOffset(32)]
    public long EnteredAt;

    /// <summary>The managed thread number of the thread that is in a scope.</summary>
    [FieldOffset(40)]
    public int ThreadNumber;

    /// <summary>
    /// With full checks: the number of the stack that entered the outermost scope, or 0. Written by the thread, read by any thread that
    /// describes the scope.
    /// </summary>
    [FieldOffset(44)]
    public int EntryStack;

    /// <summary>The number of scopes entered so far.</summary>
    [FieldOffset(56)]
    public ulong LastScope;

    /// <summary>The scope that the last failed Yield ended.</summary>
    [FieldOffset(64)]
    public ulong FailedScope;

    /// <summary>The scope that was last reported to hold up a collection. Used by the collector, under its lock.</summary>
    [FieldOffset(72)]
    public ulong ReportedScope;

    /// <summary>The number of collections when that scope was reported. Used by the collector, under its lock.</summary>
    [FieldOffset(80)]
    public long ReportedCycle;

    /// <summary>In a heap that guards a sample: the number of slots to take before a block gets a span of its own.</summary>
    [FieldOffset(88)]
    public long UntilSample;

    /// <summary>The spans whose blocks are freed when scopes end.</summary>
    [FieldOffset(160)]
    public NurseryState Nursery;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AllocCursor* Cursor(TracedCache* cache, uint spanClass) =>
        (AllocCursor*)*BlockOf(cache, spanClass) + (spanClass % CursorBlock.Classes);

    /// <summary>Whether there is a writable cursor for a span class.</summary>
    public static bool HasCursor(TracedCache* cache, uint spanClass) => *BlockOf(cache, spanClass) != (nint)CursorBlock.Empty;

    /// <summary>Where the address of the block with a span class's cursor is stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint* BlockOf(TracedCache* cache, uint spanClass) => (nint*)((byte*)cache + HeaderBytes) + (spanClass / CursorBlock.Classes);

    /// <summary>Prepares a new record, which has no cursors yet.</summary>
    public static void Prepare(TracedCache* cache) => new Span<nint>(BlockOf(cache, 0), Blocks).Fill((nint)CursorBlock.Empty);

    /// <summary>The fast path of allocation; 0 if the cursor has no slot. The slot's bytes are not cleared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint TryTake(TracedCache* cache, uint spanClass)
    {
        AllocCursor* cursor = Cursor(cache, spanClass);
        ulong free = cursor->Free;
        if (free == 0)
        {
            return 0;
        }

        cursor->Free = free & (free - 1);
        return cursor->Base + (BitOperations.TrailingZeroCount(free) * TracedBits.Granule);
    }
}
