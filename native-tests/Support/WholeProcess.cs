namespace SpanHeap.Tests.Support;

/// <summary>Tests that look at the process as a whole: its resident memory, its pool of caches. They run alone, after all others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeProcess
{
    public const string Name = "The process as a whole";
}
