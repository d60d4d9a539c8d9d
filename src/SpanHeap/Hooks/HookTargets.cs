using SpanHeap.Heap;
using SpanHeap.Os;

namespace SpanHeap.Hooks;

/// <summary>The targets that opaque pointers point to.</summary>
/// <remarks>Thread safe.</remarks>
internal static unsafe class HookTargets
{
    // So many closed targets wait before one leads to a heap again. Native code that still uses one of those is found.
    private const int MostClosed = 256;

    private static readonly Lock s_lock = new();
    private static readonly Queue<nint> s_closed = new();

    /// <summary>Gets a target that leads to a heap.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for it.</exception>
    public static HookTarget* Take(HeapCore core)
    {
        HookTarget* taken = null;
        Uninterrupted.Do(core, core => taken = TakeLocked(core));
        return taken;
    }

    /// <summary>Takes a target back that native code no longer uses.</summary>
    public static void Return(HookTarget* target) => Uninterrupted.Do((nint)target, static target => ReturnLocked((HookTarget*)target));

    private static HookTarget* TakeLocked(HeapCore core)
    {
        // An interrupt arrives before the lock is taken.
        lock (s_lock)
        {
            HookTarget* target = s_closed.Count > MostClosed ? (HookTarget*)s_closed.Dequeue() : HookTarget.Make(count: 1);
            HookTarget.Open(target, core);
            return target;
        }
    }

    private static void ReturnLocked(HookTarget* target)
    {
        lock (s_lock)
        {
            HookTarget.Close(target);
            s_closed.Enqueue((nint)target);
        }
    }
}
