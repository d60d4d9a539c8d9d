using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators;

/// <summary>Checks fields at explicit offsets of which one is or contains a reference.</summary>
internal static class Overlap
{
    private const int WordBytes = 8;
    private const int Explicit = 2;

    // As in TypeShape.
    private const int DeepestNesting = 32;

    /// <summary>Finds a reference that another field may overlap, or that does not lie at a multiple of 8; null if there is none.</summary>
    public static IFieldSymbol? Find(INamedTypeSymbol type)
    {
        if (!IsExplicit(type))
        {
            return null;
        }

        List<(IFieldSymbol Field, long Start, long Bytes)> fields = [];
        foreach (IFieldSymbol field in TypeShape.FieldsOf(type))
        {
            if (OffsetOf(field) is { } start)
            {
                fields.Add((field, start, SizeOf(field, DeepestNesting)));
            }
        }

        return fields.FirstOrDefault(one => TypeShape.HasReferences(one.Field.Type)
            && (one.Start % WordBytes != 0 || fields.Any(other => other.Field.Name != one.Field.Name
                && one.Start < other.Start + other.Bytes && other.Start < one.Start + one.Bytes))).Field;
    }

    private static bool IsExplicit(INamedTypeSymbol type) => type.GetAttributes().Any(static one =>
        one.AttributeClass?.Name == "StructLayoutAttribute" && one.ConstructorArguments.FirstOrDefault().Value switch
        {
            int kind => kind == Explicit,
            short kind => kind == Explicit,
            _ => false,
        });

    private static int? OffsetOf(IFieldSymbol field) => field.GetAttributes()
        .Where(static one => one.AttributeClass?.Name == "FieldOffsetAttribute")
        .Select(static one => one.ConstructorArguments.FirstOrDefault().Value as int?)
        .FirstOrDefault();

    // The least size of a field. It is a long because an inline array may have that many elements.
    private static long SizeOf(IFieldSymbol field, int depth) => field is { IsFixedSizeBuffer: true, Type: IPointerTypeSymbol elements }
        ? field.FixedSize * SizeOf(elements.PointedAtType, depth)
        : SizeOf(field.Type, depth);

    private static long SizeOf(ITypeSymbol type, int depth)
    {
        type = type is INamedTypeSymbol { EnumUnderlyingType: { } underlying } ? underlying : type;
        return type.SpecialType switch
        {
            SpecialType.System_Boolean or SpecialType.System_Byte or SpecialType.System_SByte => 1,
            SpecialType.System_Int16 or SpecialType.System_UInt16 or SpecialType.System_Char => 2,
            SpecialType.System_Int32 or SpecialType.System_UInt32 or SpecialType.System_Single => 4,
            SpecialType.System_Decimal => 16,
            SpecialType.None when !KnownTypes.IsSlot(type) && type.TypeKind == TypeKind.Struct && depth != 0 => SizeOfStruct((INamedTypeSymbol)type, depth - 1),
            _ => WordBytes,
        };
    }

    // The sum of the sizes of its fields: padding holds nothing.
    private static long SizeOfStruct(INamedTypeSymbol type, int depth)
    {
        IEnumerable<IFieldSymbol> fields = TypeShape.FieldsOf(type);
        return IsExplicit(type)
            ? fields.Select(field => (OffsetOf(field) ?? 0) + SizeOf(field, depth)).DefaultIfEmpty(1).Max()
            : Math.Max(1, fields.Sum(field => SizeOf(field, depth))) * (TypeShape.InlineLength(type) ?? 1);
    }
}
