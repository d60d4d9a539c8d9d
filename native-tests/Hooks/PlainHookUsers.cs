namespace SpanHeap.Tests.Hooks;

/// <summary>Tests of hooks without an opaque pointer: there are few sets of those in a process, so these tests run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class PlainHookUsers
{
    public const string Name = "Hooks without an opaque pointer";
}
