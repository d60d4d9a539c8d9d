using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>What was registered by <see cref="GcScope.OnDead{T, TState}"/>: it can be cancelled, and need not be kept.</summary>
/// <remarks>Thread safe. Copies are the same clean-up.</remarks>
public readonly record struct GcCleanUp : IDisposable
{
    private readonly CleanUp? _cleanUp;

    internal GcCleanUp(CleanUp cleanUp) => _cleanUp = cleanUp;

    /// <summary>Makes sure that it is not run. In or out of scopes, also after the heap was disposed.</summary>
    /// <returns>False when it has been run, is being run, or has been cancelled or dropped before.</returns>
    public bool TryCancel() => _cleanUp != null && _cleanUp.TryCancel();

    /// <summary>The same for who does not want to know.</summary>
    public void Dispose() => TryCancel();
}
