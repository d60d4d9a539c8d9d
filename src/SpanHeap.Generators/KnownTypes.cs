using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators;

/// <summary>What the types of the library are called, and which of them a symbol is.</summary>
internal static class KnownTypes
{
    public const string TracedAttribute = "SpanHeap.TracedAttribute";

    private const string Library = "SpanHeap";

    /// <summary>A field that refers to a block: <c>Gc&lt;T&gt;</c>.</summary>
    public static bool IsSlot(ITypeSymbol? type) => Is(type, "Gc", 1);

    /// <summary>A reference within a scope: <c>GcRef&lt;T&gt;</c>.</summary>
    public static bool IsReference(ITypeSymbol? type) => Is(type, "GcRef", 1);

    public static bool IsScope(ITypeSymbol? type) => Is(type, "GcScope", 0);

    public static bool IsHeap(ITypeSymbol? type) => Is(type, "NativeHeap", 0);

    /// <summary>Whether blocks of a type say where their references lie: by the attribute, by the interface, or as a type parameter by its constraint.</summary>
    public static bool IsTraced(ITypeSymbol type) => HasAttribute(type) || DescribesItself(type);

    public static bool HasAttribute(ITypeSymbol type) =>
        type.OriginalDefinition.GetAttributes().Any(static attribute => Is(attribute.AttributeClass, nameof(TracedAttribute), 0));

    /// <summary>Whether a type implements the interface itself, or a type parameter must.</summary>
    public static bool DescribesItself(ITypeSymbol type)
    {
        IEnumerable<ITypeSymbol> interfaces = type is ITypeParameterSymbol parameter
            ? parameter.ConstraintTypes
            : type.OriginalDefinition.AllInterfaces;
        ITypeSymbol self = type is ITypeParameterSymbol ? type : type.OriginalDefinition;
        return interfaces.Any(one =>
            Is(one, "ITraced", 1) && SymbolEqualityComparer.Default.Equals(((INamedTypeSymbol)one).TypeArguments[0], self));
    }

    /// <summary>Whether a type says itself where its references lie, or an interface of the program does for it.</summary>
    public static bool HasLayout(INamedTypeSymbol type) => type.OriginalDefinition.AllInterfaces
        .Where(one => Is(one, "ITraced", 1) && SymbolEqualityComparer.Default.Equals(one.TypeArguments[0], type.OriginalDefinition))
        .SelectMany(static one => one.GetMembers("Layout"))
        .Any(member => type.OriginalDefinition.FindImplementationForInterfaceMember(member) != null);

    /// <summary>What a field refers to: what it says it does, or else the type argument.</summary>
    public static ITypeSymbol TargetOf(IFieldSymbol slot) =>
        SaidTargetOf(slot) ?? ((INamedTypeSymbol)slot.Type).TypeArguments[0];

    /// <summary>What an attribute says that a field refers to; null without one.</summary>
    public static ITypeSymbol? SaidTargetOf(IFieldSymbol slot) => slot.GetAttributes()
        .Where(static attribute => Is(attribute.AttributeClass, "RefersToAttribute", 1))
        .Select(static attribute => attribute.AttributeClass!.TypeArguments[0])
        .FirstOrDefault();

    /// <summary>The arrays and strings of the library, which hold what is behind them in memory.</summary>
    public static bool IsArray(ITypeSymbol? type) =>
        Is(type, "TracedArray", 1) || Is(type, "TracedElements", 1) || Is(type, "TracedValues", 1) || Is(type, "TracedString", 0);

    public static bool IsHandle(ITypeSymbol? type) => Is(type, "GcHandle", 1);

    public static bool IsRootArray(ITypeSymbol? type) => Is(type, "RootArray", 1);

    public static bool IsWeakHandle(ITypeSymbol? type) => Is(type, "GcWeakHandle", 1);

    public static bool IsSpan(ITypeSymbol? type) => type is INamedTypeSymbol
    {
        Name: "Span" or "ReadOnlySpan", Arity: 1, ContainingNamespace: { Name: nameof(System), ContainingNamespace.IsGlobalNamespace: true },
    };

    /// <summary>Whether a type is the library's own.</summary>
    public static bool IsInLibrary(ITypeSymbol type) => type.ContainingNamespace is { Name: Library, ContainingNamespace.IsGlobalNamespace: true };

    private static bool Is(ITypeSymbol? type, string name, int arity) =>
        type is INamedTypeSymbol { ContainingType: null } named && named.Name == name && named.Arity == arity
        && named.ContainingNamespace is { Name: Library, ContainingNamespace.IsGlobalNamespace: true };
}
