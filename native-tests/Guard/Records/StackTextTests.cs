using SpanHeap.Guard.Records;

namespace SpanHeap.Tests.Guard.Records;

/// <summary>Stacks as text: which frames are left out.</summary>
public sealed class StackTextTests
{
    [Theory]
    [InlineData("SpanHeap", true)]
    [InlineData("SpanHeap, Version=0.1.0.0", true)]
    [InlineData("SpanHeap, Version=0.1.0.0, Culture=neutral, PublicKeyToken=null", true)]
    [InlineData("SpanHeap.Tests, Version=0.1.0.0, Culture=neutral, PublicKeyToken=null", false)]
    [InlineData("Span", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Frames_of_the_heap_are_known_by_the_simple_name_of_their_assembly_however_much_of_it_is_given(string? assembly, bool own) =>
        Assert.Equal(own, StackText.IsOwn(assembly));
}
