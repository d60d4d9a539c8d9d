namespace SpanHeap.Tests.Consumers;

/// <summary>A test of a library from the package feed; skipped, visibly, where that cannot be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ConsumerFactAttribute : FactAttribute
{
    public ConsumerFactAttribute() => Skip = ConsumerPrograms.Missing;
}
