using SpanHeap.Os;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>A schedule that came to its end.</summary>
/// <param name="Decisions">For <see cref="ReplayedOrder"/>.</param>
/// <param name="Steps">The points that were passed, and by which threads.</param>
internal sealed record Schedule(string Decisions, IReadOnlyList<(int Thread, InterleavingPoint Point)> Steps);
