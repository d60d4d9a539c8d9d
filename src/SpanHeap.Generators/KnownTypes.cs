using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators;

/// <summary>Knows the names of the library's types, and determines which of them a symbol is.</summary>
internal static class KnownTypes
{
    public const string TracedAttribute = "SpanHeap.Traced.TracedAttribute";

    private const string Library = "SpanHeap";
    private const string Wing = "Traced";

    /// <summary>Whether a type is that of a field that refers to a block: <c>Traced&lt;T&gt;</c>.</summary>
    public static bool IsSlot(ITypeSymbol? type) => Is(type, "Traced", 1);

    /// <summary>Whether a type is a reference within a scope: <c>TracedRef&lt;T&gt;</c>.</summary>
    public static bool IsReference(ITypeSymbol? type) => Is(type, "TracedRef", 1);

    public static bool IsScope(ITypeSymbol? type) => Is(type, "TracedScope", 0);

    public static bool IsHeap(ITypeSymbol? type) => Is(type, "TracedHeap", 0);

    /// <summary>
    /// Whether a type says where its references lie: by the attribute, by the interface, or, for a type parameter, by its constraint.
    /// </summary>
    public static bool IsTraced(ITypeSymbol type) => HasAttribute(type) || DescribesItself(type);

    public static bool HasAttribute(ITypeSymbol type) =>
        type.OriginalDefinition.GetAttributes().Any(static attribute => Is(attribute.AttributeClass, nameof(TracedAttribute), 0));

    /// <summary>Whether a type implements the interface itself, or a type parameter is constrained to it.</summary>
    public static bool DescribesItself(ITypeSymbol type)
    {
        IEnumerable<ITypeSymbol> interfaces = type is ITypeParameterSymbol parameter
            ? parameter.ConstraintTypes
            : type.OriginalDefinition.AllInterfaces;
        ITypeSymbol self = type is ITypeParameterSymbol ? type : type.OriginalDefinition;
        return interfaces.Any(one =>
            Is(one, "ITraced", 1) && SymbolEqualityComparer.Default.Equals(((INamedTypeSymbol)one).TypeArguments[0], self));
    }

    /// <summary>Whether a type itself says where its references lie, or inherits that from an interface of the program.</summary>
    public static bool HasLayout(INamedTypeSymbol type) => type.OriginalDefinition.AllInterfaces
        .Where(one => Is(one, "ITraced", 1) && SymbolEqualityComparer.Default.Equals(one.TypeArguments[0], type.OriginalDefinition))
        .SelectMany(static one => one.GetMembers("Layout"))
        .Any(member => type.OriginalDefinition.FindImplementationForInterfaceMember(member) != null);

    /// <summary>What a field refers to: what its attribute says, or else the type argument.</summary>
    public static ITypeSymbol TargetOf(IFieldSymbol slot) =>
        SaidTargetOf(slot) ?? ((INamedTypeSymbol)slot.Type).TypeArguments[0];

    /// <summary>What a field refers to according to its attribute; null without one.</summary>
    public static ITypeSymbol? SaidTargetOf(IFieldSymbol slot) => slot.GetAttributes()
        .Where(static attribute => Is(attribute.AttributeClass, "RefersToAttribute", 1))
        .Select(static attribute => attribute.AttributeClass!.TypeArguments[0])
        .FirstOrDefault();

    /// <summary>Whether a type is an array or the string of the library, whose contents follow it in memory.</summary>
    public static bool IsArray(ITypeSymbol? type) =>
        Is(type, "TracedArray", 1) || Is(type, "TracedElements", 1) || Is(type, "TracedValues", 1) || Is(type, "TracedString", 0);

    public static bool IsHandle(ITypeSymbol? type) => Is(type, "TracedHandle", 1);

    public static bool IsRootArray(ITypeSymbol? type) => Is(type, "TracedRoots", 1);

    public static bool IsWeakHandle(ITypeSymbol? type) => Is(type, "TracedWeakHandle", 1);

    public static bool IsSpan(ITypeSymbol? type) => type is INamedTypeSymbol
    {
        Name: "Span" or "ReadOnlySpan", Arity: 1, ContainingNamespace: { Name: nameof(System), ContainingNamespace.IsGlobalNamespace: true },
    };

    /// <summary>Whether a type is the library's own.</summary>
    public static bool IsInLibrary(ITypeSymbol type) => IsLibrary(type.ContainingNamespace) || IsWing(type.ContainingNamespace);

    private static bool Is(ITypeSymbol? type, string name, int arity) =>
        type is INamedTypeSymbol { ContainingType: null } named && named.Name == name && named.Arity == arity
        && IsWing(named.ContainingNamespace);

    // The namespace of traced memory, which contains all types that the generator and the rules know.
    private static bool IsWing(INamespaceSymbol? space) => space is { Name: Wing, ContainingNamespace: { } library } && IsLibrary(library);

    private static bool IsLibrary(INamespaceSymbol? space) => space is { Name: Library, ContainingNamespace.IsGlobalNamespace: true };
}
