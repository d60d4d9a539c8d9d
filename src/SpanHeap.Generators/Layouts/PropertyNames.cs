using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Layouts;

/// <summary>What the property of a field is called: as the field, unless a <c>GcRef</c> has a member of that name itself.</summary>
internal static class PropertyNames
{
    private const string Suffix = "Field";

    // Members of GcRef, which come before any extension, and of all objects.
    private static readonly HashSet<string> s_reserved =
        ["Address", "IsNull", "Value", "Is", "As", "Equals", "GetHashCode", "ToString", "GetType", "ReferenceEquals", "MemberwiseClone"];

    /// <summary>The property of a field.</summary>
    public static string Of(IFieldSymbol field) =>
        IsHidden(field.Name) ? Names.Free(field.Name + Suffix, name => field.ContainingType.GetMembers(name).Any()) : field.Name;

    /// <summary>Whether a <c>GcRef</c> has a member of the name.</summary>
    public static bool IsHidden(string field) => s_reserved.Contains(field);

    /// <summary>Whether a field is called as the method behind another's property: it goes without.</summary>
    public static bool IsAccessor(IFieldSymbol field)
    {
        const int Prefix = 4;
        return (field.Name.StartsWith("get_", StringComparison.Ordinal) || field.Name.StartsWith("set_", StringComparison.Ordinal))
            && field.ContainingType.GetMembers(field.Name.Substring(Prefix)).OfType<IFieldSymbol>().Any();
    }
}
