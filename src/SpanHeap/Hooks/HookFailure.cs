using System.Diagnostics.CodeAnalysis;
using SpanHeap.Guard;
using SpanHeap.Heap;

namespace SpanHeap.Hooks;

/// <summary>Ends the process where an exception would have to cross the frames of native code, which must not happen.</summary>
internal static unsafe class HookFailure
{
    /// <summary>Ends the process because of what a hook was given.</summary>
    /// <param name="core">The heap.</param>
    /// <param name="error">What the heap says.</param>
    [DoesNotReturn]
    public static void End(HeapCore core, Exception error) => End(
        error is HeapCorruptionException
            ? $"SpanHeap, heap '{core.Name}': {error.Message}{Environment.NewLine}Native code passed the pointer to a hook of the heap."
            : $"SpanHeap, heap '{core.Name}': a hook that native code called failed: {error}");

    /// <summary>Ends the process because a hook has no heap.</summary>
    [DoesNotReturn]
    public static void EndWithoutHeap(HookTarget* target) => End(
        HookTarget.FormerName(target) is { } name
            ? $"SpanHeap, heap '{name}': native code called a hook after its {nameof(HeapHooks)} had been disposed."
            : $"SpanHeap: native code called a hook that has no heap. If the hook has an opaque pointer, it must be {nameof(HeapHooks)}.{nameof(HeapHooks.Opaque)}.");

    [DoesNotReturn]
    private static void End(string message)
    {
        ProcessEnd.Announce();
        Environment.FailFast(message);
    }
}
