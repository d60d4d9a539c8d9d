using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators;

/// <summary>
/// Finds structs that the runtime cannot load, as far as its rules are known. To lay out a struct, it loads the types of its fields with all their
/// type arguments, and fails if one of these needs the struct itself (dotnet/runtime#6924); it only allows a field that names its own struct. A
/// struct with such a field must not be loaded first as a field of another (dotnet/runtime#130661).
/// </summary>
internal static class Cycle
{
    /// <summary>Finds a field through which a struct leads back to itself, or that holds a struct which does; null if there is none.</summary>
    public static IFieldSymbol? Find(INamedTypeSymbol type) =>
        TypeShape.FieldsOf(type).FirstOrDefault(field => IsOfSelfNaming(field.Type) || (!Names(field.Type, type) && Parts(field.Type).Any(part => LeadsTo(part, type, []))));

    private static bool IsOfSelfNaming(ITypeSymbol type) =>
        type is INamedTypeSymbol { TypeKind: TypeKind.Struct, SpecialType: SpecialType.None } named && TypeShape.FieldsOf(named).Any(field => Names(field.Type, named));

    private static bool LeadsTo(INamedTypeSymbol from, INamedTypeSymbol goal, HashSet<INamedTypeSymbol> seen)
    {
        if (SymbolEqualityComparer.Default.Equals(from, goal))
        {
            return true;
        }

        return seen.Add(from) && TypeShape.FieldsOf(from)
            .Where(field => !Names(field.Type, from))
            .SelectMany(static field => Parts(field.Type))
            .Any(part => LeadsTo(part, goal, seen));
    }

    // Whether a type is exactly a struct as its own fields see it, or has it as an argument.
    private static bool Names(ITypeSymbol type, INamedTypeSymbol self) =>
        SymbolEqualityComparer.Default.Equals(type, self) || (type is INamedTypeSymbol named && named.TypeArguments.Any(one => Names(one, self)));

    // The definitions of all structs that a type consists of.
    private static IEnumerable<INamedTypeSymbol> Parts(ITypeSymbol type)
    {
        if (type is not INamedTypeSymbol { TypeKind: TypeKind.Struct, SpecialType: SpecialType.None } named)
        {
            return [];
        }

        IEnumerable<INamedTypeSymbol> arguments = named.TypeArguments.SelectMany(Parts);
        return KnownTypes.IsSlot(named) ? arguments : arguments.Append(named.OriginalDefinition);
    }
}
