using SpanHeap.Heap;

namespace SpanHeap.Hooks;

/// <summary>Which heap has which set of hooks without an opaque pointer. All hooks of one heap share one set.</summary>
/// <remarks>Thread safe.</remarks>
internal static unsafe class PlainHookSets
{
    private static readonly Lock s_lock = new();

    // By the lock: how many hooks use each set, and which set was taken last.
    private static readonly int[] s_users = new int[PlainHookCode.Count];
    private static int s_last = PlainHookCode.Count - 1;

    /// <summary>Gets a set for a heap.</summary>
    /// <exception cref="InvalidOperationException">Other heaps have all of them.</exception>
    public static int Take(HeapCore core)
    {
        lock (s_lock)
        {
            int set = Find(core);
            if (set < 0)
            {
                set = FindFree(core);
                HookTarget.Open(PlainHookCode.Targets + set, core);
                s_last = set;
            }

            s_users[set]++;
            return set;
        }
    }

    /// <summary>Takes a set back that native code no longer uses on behalf of one user.</summary>
    public static void Return(int set)
    {
        lock (s_lock)
        {
            if (--s_users[set] == 0)
            {
                HookTarget.Close(PlainHookCode.Targets + set);
            }
        }
    }

    // -1 when it has none.
    private static int Find(HeapCore core)
    {
        for (int set = 0; set < PlainHookCode.Count; set++)
        {
            if (s_users[set] != 0 && HookTarget.CoreOf(PlainHookCode.Targets + set) == core)
            {
                return set;
            }
        }

        return -1;
    }

    // In turn, so that a set is at rest for long before another heap gets it: native code that still calls it is found.
    private static int FindFree(HeapCore core)
    {
        for (int i = 1; i <= PlainHookCode.Count; i++)
        {
            int set = (s_last + i) % PlainHookCode.Count;
            if (s_users[set] == 0)
            {
                return set;
            }
        }

        throw new InvalidOperationException(
            $"The heap '{core.Name}' cannot have hooks without an opaque pointer: there are {PlainHookCode.Count} sets of them, and the heaps {Owners()} have them. " +
            $"Dispose the {nameof(HeapHooks)} of one that is no longer needed, or use hooks with an opaque pointer, which any number of heaps can have.");
    }

    private static string Owners() =>
        string.Join(", ", Enumerable.Range(0, PlainHookCode.Count).Select(static set => $"'{HookTarget.CoreOf(PlainHookCode.Targets + set)?.Name}'"));
}
