using System.Collections.Concurrent;

namespace SpanHeap.Layouts;

/// <summary>What messages call the blocks of a kind: by the types that use it, as far as there are any.</summary>
/// <remarks>Thread safe. Of the process, as kinds are.</remarks>
internal static class TracedNames
{
    // Types of one layout and class have one kind: it is called by the first two.
    private static readonly ConcurrentDictionary<uint, string> s_names = new();

    /// <summary>Blocks of a kind are of this type, among others.</summary>
    public static void Note(uint kind, string type) =>
        s_names.AddOrUpdate(kind, type, (_, known) => known == type || known.Contains(" or ", StringComparison.Ordinal) ? known : $"{known} or {type}");

    public static unsafe string Of(uint kind)
    {
        if (s_names.TryGetValue(kind, out string? name))
        {
            return name;
        }

        return TracedKinds.Info(kind)->Form switch
        {
            TracedForm.NoPointers => "block without references",
            TracedForm.Collectable => "collectable block",
            TracedForm.References => "array of references",
            TracedForm.Elements => "array",
            _ => "block",
        };
    }
}
