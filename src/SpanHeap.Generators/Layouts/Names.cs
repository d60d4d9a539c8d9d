using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SpanHeap.Generators.Layouts;

/// <summary>How symbols are written, and names that are still free.</summary>
internal static class Names
{
    // FNV-1a.
    private const uint HashStart = 2166136261;
    private const uint HashFactor = 16777619;

    /// <summary>From the global namespace on, keywords escaped.</summary>
    public static string Full(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    public static string Escape(string name) =>
        SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    public static string OfNamespace(INamespaceSymbol space) =>
        space.ContainingNamespace is { IsGlobalNamespace: false } outer ? $"{OfNamespace(outer)}.{Escape(space.Name)}" : Escape(space.Name);

    /// <summary>A type and those around it, outermost first.</summary>
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

    /// <summary>The class that has the properties, beside the struct or the types around it.</summary>
    public static string OfProperties(INamedTypeSymbol type)
    {
        string name = $"{string.Join("_", Chain(type).Select(static one => one.Arity == 0 ? one.Name : $"{one.Name}{one.Arity}"))}Properties";
        return Free(name, taken => type.ContainingNamespace.GetTypeMembers(taken).Any());
    }

    /// <summary>A name, with underscores behind it as long as it is taken.</summary>
    public static string Free(string name, Func<string, bool> isTaken)
    {
        while (isTaken(name))
        {
            name += "_";
        }

        return name;
    }

    /// <summary>A file's name for each type. Types may differ in what files may not: in case, or where in a name the types around it end.</summary>
    public static string OfFile(INamedTypeSymbol type)
    {
        uint hash = HashStart;
        foreach (char letter in Full(type))
        {
            hash = (hash ^ letter) * HashFactor;
        }

        return $"{string.Join(".", Chain(type).Select(static one => one.Name))}.{hash:x8}.g.cs";
    }
}
