using SpanHeap.Os;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>What an order decides on.</summary>
/// <param name="Step">How many points have been passed.</param>
/// <param name="Current">The thread that has the turn, or had it and has ended; null at the beginning.</param>
/// <param name="Point">Where it is; null at its end.</param>
/// <param name="CurrentCanGoOn">Whether the current thread is one of the ready ones; then it is the first of them.</param>
/// <param name="Ready">The numbers of the threads that could go on, at least two.</param>
internal readonly record struct Choice(int Step, int? Current, InterleavingPoint? Point, bool CurrentCanGoOn, IReadOnlyList<int> Ready);

/// <summary>Decides which thread goes on.</summary>
internal abstract class Order
{
    /// <summary>How a failure can be repeated.</summary>
    public abstract string Description { get; }

    /// <returns>An index into the threads that are ready.</returns>
    public abstract int Choose(in Choice choice);

    /// <summary>A thread waits in a loop; it would only look again.</summary>
    public virtual void NoteSpin(int thread)
    {
    }
}
