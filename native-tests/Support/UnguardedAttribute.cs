using Xunit.Abstractions;
using Xunit.Sdk;

namespace SpanHeap.Tests.Support;

/// <summary>
/// Says why a test does not run where the environment has heaps guarded (<c>SPANHEAP_GUARD</c>, filter <c>Guard!=Off</c>): what it
/// is about is then otherwise by nature. The list of these is the list of what guarding excludes.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
[TraitDiscoverer("SpanHeap.Tests.Support." + nameof(UnguardedDiscoverer), "SpanHeap.Tests")]
public sealed class UnguardedAttribute(string because) : Attribute, ITraitAttribute
{
    public string Because { get; } = because;

    /// <summary>Whether it runs with a sample guarded (filter <c>Guard!=Off</c>) and only not with all (<c>Guard!=Off&amp;Guard!=Sampled</c>).</summary>
    public bool Samples { get; init; }
}

/// <summary>Makes it a trait that a filter can name.</summary>
public sealed class UnguardedDiscoverer : ITraitDiscoverer
{
    public IEnumerable<KeyValuePair<string, string>> GetTraits(IAttributeInfo traitAttribute) =>
        [new("Guard", traitAttribute.GetNamedArgument<bool>(nameof(UnguardedAttribute.Samples)) ? "Sampled" : "Off")];
}
