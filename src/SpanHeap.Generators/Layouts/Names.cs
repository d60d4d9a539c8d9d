using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SpanHeap.Generators.Layouts;

/// <summary>Writes symbols, and finds names that are not taken.</summary>
internal static class Names
{
    // FNV-1a.
    private const uint HashStart = 2166136261;
    private const uint HashFactor = 16777619;

    private const string Properties = "Properties";

    /// <summary>The full name from the global namespace on, with keywords escaped.</summary>
    public static string Full(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    public static string Escape(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    public static string OfNamespace(INamespaceSymbol space) =>
        space.ContainingNamespace is { IsGlobalNamespace: false } outer ? $"{OfNamespace(outer)}.{Escape(space.Name)}" : Escape(space.Name);

    /// <summary>A type and the types around it, outermost first.</summary>
    public static IReadOnlyList<INamedTypeSymbol> Chain(INamedTypeSymbol type)
    {
        List<INamedTypeSymbol> chain = [];
        for (INamedTypeSymbol? around = type; around != null; around = around.ContainingType)
        {
            chain.Insert(0, around);
        }

        return chain;
    }

    /// <summary>The type parameters of a type and of those around it.</summary>
    public static IReadOnlyList<ITypeParameterSymbol> Parameters(INamedTypeSymbol type) => [.. Chain(type).SelectMany(static one => one.TypeParameters)];

    public static string List(IReadOnlyCollection<ITypeParameterSymbol> parameters) =>
        parameters.Count == 0 ? "" : $"<{string.Join(", ", parameters.Select(static one => Escape(one.Name)))}>";

    /// <summary>The name of the class with the properties, which lies beside the struct or the types around it.</summary>
    /// <remarks>
    /// Where two structs would get the same name, such as <c>Node&lt;T&gt;</c> and <c>Node1</c>, generic or nested ones get a number that follows
    /// from their full name. No field may have the class's name, because it would be a property of the class.
    /// </remarks>
    public static string OfProperties(INamedTypeSymbol type)
    {
        string name = ShortName(type);
        bool isPlain = type is { Arity: 0, ContainingType: null };
        string full = isPlain || !HasTwin(type.ContainingNamespace.GetTypeMembers(), type, name) ? name : $"{name}_{Hash(type):x8}";
        return Free(full + Properties, taken => type.ContainingNamespace.GetMembers(taken).Any() || type.GetMembers(taken).Any());
    }

    private static string ShortName(INamedTypeSymbol type) =>
        string.Join("_", Chain(type).Select(static one => one.Arity == 0 ? one.Name : $"{one.Name}{one.Arity}"));

    private static bool HasTwin(IEnumerable<INamedTypeSymbol> types, INamedTypeSymbol type, string name) => types.Any(other =>
        (KnownTypes.HasAttribute(other) && ShortName(other) == name && !SymbolEqualityComparer.Default.Equals(other, type))
        || HasTwin(other.GetTypeMembers(), type, name));

    /// <summary>Appends underscores to a name until it is not taken.</summary>
    public static string Free(string name, Func<string, bool> isTaken)
    {
        while (isTaken(name))
        {
            name += "_";
        }

        return name;
    }

    /// <summary>
    /// The name of a type's file. Types may differ where file names may not: in case, or in where the enclosing types end in the name.
    /// </summary>
    public static string OfFile(INamedTypeSymbol type) => $"{string.Join(".", Chain(type).Select(static one => one.Name))}.{Hash(type):x8}.g.cs";

    private static uint Hash(INamedTypeSymbol type)
    {
        uint hash = HashStart;
        foreach (char letter in Full(type))
        {
            hash = (hash ^ letter) * HashFactor;
        }

        return hash;
    }
}
