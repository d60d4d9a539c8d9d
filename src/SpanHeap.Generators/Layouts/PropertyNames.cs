using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Layouts;

/// <summary>Names the property of a field: like the field, unless <c>TracedRef</c> itself has a member of that name.</summary>
internal static class PropertyNames
{
    private const string Suffix = "Field";

    // The members of TracedRef, which take precedence over extensions, and those of all objects.
    private static readonly HashSet<string> s_reserved =
        ["Address", "IsNull", "Value", "Is", "As", "Equals", "GetHashCode", "ToString", "GetType", "ReferenceEquals", "MemberwiseClone"];

    /// <summary>The name of the property of a field.</summary>
    public static string Of(IFieldSymbol field) =>
        IsHidden(field.Name) ? Names.Free(field.Name + Suffix, name => field.ContainingType.GetMembers(name).Any()) : field.Name;

    /// <summary>Whether <c>TracedRef</c> has a member with the name.</summary>
    public static bool IsHidden(string field) => s_reserved.Contains(field);

    /// <summary>Whether a field is named like an accessor of another field's property; it then gets no property.</summary>
    public static bool IsAccessor(IFieldSymbol field)
    {
        const int Prefix = 4;
        return (field.Name.StartsWith("get_", StringComparison.Ordinal) || field.Name.StartsWith("set_", StringComparison.Ordinal))
            && field.ContainingType.GetMembers(field.Name.Substring(Prefix)).OfType<IFieldSymbol>().Any();
    }
}
