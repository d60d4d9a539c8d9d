namespace SpanHeap.Tests.Support;

/// <summary>A test that breaks what the heap's own code asserts, to see what finds that in a build without asserts. Debug builds skip it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class UnassertedFactAttribute : FactAttribute
{
    public UnassertedFactAttribute()
    {
#if DEBUG
        Skip = "It breaks what Debug builds assert.";
#endif
    }
}
