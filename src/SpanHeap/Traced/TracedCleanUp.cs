using SpanHeap.Traced.CleanUps;

namespace SpanHeap.Traced;

/// <summary>
/// A clean-up registered by <see cref="TracedScope.OnDead{T, TState}"/>, which can be cancelled through it. The program need not keep it.
/// </summary>
/// <remarks>Thread safe. Copies are the same clean-up.</remarks>
public readonly record struct TracedCleanUp : IDisposable
{
    private readonly CleanUp? _cleanUp;

    internal TracedCleanUp(CleanUp cleanUp) => _cleanUp = cleanUp;

    /// <summary>Cancels the clean-up, unless it has begun to run. May be called in or out of scopes, and after the heap was disposed.</summary>
    /// <returns>True if this call cancelled it; false if it has run, is running, or was cancelled or dropped before.</returns>
    public bool TryCancel() => _cleanUp != null && _cleanUp.TryCancel();

    /// <summary>Cancels the clean-up, unless it has begun to run.</summary>
    public void Dispose() => TryCancel();
}
