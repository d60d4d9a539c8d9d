using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SpanHeap.Generators;

/// <summary>Answers questions about struct declarations, for the generator and for the rules.</summary>
internal static class TypeShape
{
    // Code that is being written may contain structs nested in themselves, which no compiler accepts but which would keep a search from ending.
    private const int DeepestNesting = 32;

    /// <summary>The fields that make up a value, in order, including the backing fields of properties.</summary>
    public static IEnumerable<IFieldSymbol> FieldsOf(ITypeSymbol type) =>
        type.GetMembers().OfType<IFieldSymbol>().Where(static field => !field.IsStatic && !field.IsConst);

    /// <summary>Whether values of a type contain references. A ref field leads to references but does not contain them.</summary>
    public static bool HasReferences(ITypeSymbol? type) => type != null && Contains(type, KnownTypes.IsSlot, DeepestNesting);

    /// <summary>
    /// Whether a value of a type is right only where it lies: it contains references, or is or contains an array or a string of the library, whose
    /// contents follow it in memory. What follows a copy is something else.
    /// </summary>
    public static bool MustStay(ITypeSymbol? type) =>
        type != null && Contains(type, static part => KnownTypes.IsSlot(part) || KnownTypes.IsArray(part), DeepestNesting);

    /// <summary>The element type of an array or a collection of the platform, if its values must stay where they lie; null for all other types.</summary>
    public static ITypeSymbol? HeldBy(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => MustStay(array.ElementType) ? array.ElementType : HeldBy(array.ElementType),
        INamedTypeSymbol { IsGenericType: true } named when HoldsValues(named) =>
            named.TypeArguments.FirstOrDefault(MustStay) ?? named.TypeArguments.Select(HeldBy).FirstOrDefault(static one => one != null),
        _ => null,
    };

    /// <summary>The innermost type, of a type and those around it, to which another part cannot be added; null if there is none.</summary>
    public static INamedTypeSymbol? FirstThatIsClosed(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? around = type; around != null; around = around.ContainingType)
        {
            if (around.IsFileLocal || !IsPartial(around))
            {
                return around;
            }
        }

        return null;
    }

    /// <summary>A field that may be a managed reference; null if there is none.</summary>
    public static IFieldSymbol? FirstManaged(INamedTypeSymbol type) => FieldsOf(type).FirstOrDefault(static field => !field.Type.IsUnmanagedType);

    /// <summary>The number of elements of an inline array; null for any other type.</summary>
    public static int? InlineLength(ITypeSymbol type) => type.GetAttributes()
        .Where(static one => one.AttributeClass?.ToDisplayString() == "System.Runtime.CompilerServices.InlineArrayAttribute")
        .Select(static one => one.ConstructorArguments.FirstOrDefault().Value as int?)
        .FirstOrDefault();

    // Comparers have a type argument but hold no value of it.
    private static bool HoldsValues(INamedTypeSymbol type) =>
        (type.ContainingNamespace.ToDisplayString().StartsWith("System.Collections", StringComparison.Ordinal) && !type.Name.EndsWith("Comparer", StringComparison.Ordinal))
        || (type.ContainingNamespace.ToDisplayString() == "System" && type.Name is "Memory" or "ReadOnlyMemory" or "ArraySegment" or "Lazy");

    private static bool Contains(ITypeSymbol type, Func<ITypeSymbol, bool> isSought, int depth) =>
        isSought(type)
        || (type is INamedTypeSymbol { TypeKind: TypeKind.Struct, SpecialType: SpecialType.None } && depth != 0
            && FieldsOf(type).Any(field => field.RefKind == RefKind.None && Contains(field.Type, isSought, depth - 1)));

    private static bool IsPartial(INamedTypeSymbol type) => type.DeclaringSyntaxReferences.Any(static reference =>
        reference.GetSyntax() is TypeDeclarationSyntax declaration && declaration.Modifiers.Any(SyntaxKind.PartialKeyword));
}
