using System.Collections.Concurrent;

namespace SpanHeap.Traced.Layouts;

/// <summary>What messages call the blocks of a span class: the types that use it, if there are any.</summary>
/// <remarks>Thread safe. Names, like span classes, belong to the process.</remarks>
internal static class TracedNames
{
    // Types of one layout and class share a span class, which is named after the first two.
    private static readonly ConcurrentDictionary<uint, string> s_names = new();

    /// <summary>Notes that a type uses a span class.</summary>
    public static void Note(uint spanClass, string type) =>
        s_names.AddOrUpdate(spanClass, type, (_, known) => known == type || known.Contains(" or ", StringComparison.Ordinal) ? known : $"{known} or {type}");

    public static unsafe string Of(uint spanClass)
    {
        if (s_names.TryGetValue(spanClass, out string? name))
        {
            return name;
        }

        return SpanClasses.Info(spanClass)->Form switch
        {
            TracedForm.NoPointers => "block without references",
            TracedForm.Collectable => "collectable block",
            TracedForm.References => "array of references",
            TracedForm.Elements => "array",
            _ => "block",
        };
    }
}
