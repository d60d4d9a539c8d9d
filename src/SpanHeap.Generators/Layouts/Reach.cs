using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Layouts;

/// <summary>Finds how accessible types are to a class in a namespace.</summary>
internal static class Reach
{
    private const string Everywhere = "public";
    private const string Here = "internal";

    /// <summary>How visible a member that names a type can be; null if the class itself cannot name it.</summary>
    public static string? Of(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => Of(array.ElementType),
        IPointerTypeSymbol pointer => Of(pointer.PointedAtType),
        IFunctionPointerTypeSymbol { Signature: var call } => call.Parameters.Select(static one => one.Type).Append(call.ReturnType).Select(Of).Aggregate(Narrower),
        INamedTypeSymbol named => Names.Chain(named).SelectMany(static one => one.TypeArguments.Select(Of).Append(OfDeclaration(one))).Aggregate(Narrower),
        _ => Everywhere,
    };

    /// <summary>The narrower of two visibilities, for a member that needs both.</summary>
    public static string? Narrower(string? one, string? other) =>
        one == null || other == null ? null : one == Here || other == Here ? Here : Everywhere;

    private static string? OfDeclaration(INamedTypeSymbol type) => type.DeclaredAccessibility switch
    {
        _ when type.IsFileLocal => null,
        Accessibility.Public or Accessibility.NotApplicable => Everywhere,
        Accessibility.Internal or Accessibility.ProtectedOrInternal => Here,
        _ => null,
    };
}
