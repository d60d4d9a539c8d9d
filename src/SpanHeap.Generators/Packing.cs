using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators;

/// <summary>Checks structs with sequential layout, in which <c>Pack</c> may place a reference at an offset that is not a multiple of 8.</summary>
internal static class Packing
{
    private const int WordBytes = 8;
    private const int Sequential = 0;

    // As in TypeShape.
    private const int DeepestNesting = 32;

    /// <summary>
    /// Finds a reference, or a struct with one, that does not lie at a multiple of 8; null if there is none or that cannot be known.
    /// </summary>
    public static IFieldSymbol? Find(INamedTypeSymbol type)
    {
        if (KindOf(type) != Sequential || TypeShape.InlineLength(type) != null)
        {
            return null;
        }

        long end = 0;
        foreach (IFieldSymbol field in TypeShape.FieldsOf(type))
        {
            if (Measure(field, DeepestNesting) is not { } size)
            {
                return null;
            }

            long start = Align(end, Math.Min(size.Alignment, PackOf(type)));
            if (TypeShape.HasReferences(field.Type) && start % WordBytes != 0)
            {
                return field;
            }

            end = start + size.Bytes;
        }

        return null;
    }

    // Null if the size depends on a type argument or on the platform.
    private static (long Bytes, int Alignment)? Measure(IFieldSymbol field, int depth) => field is { IsFixedSizeBuffer: true, Type: IPointerTypeSymbol elements }
        ? Measure(elements.PointedAtType, depth) is { } one ? (field.FixedSize * one.Bytes, one.Alignment) : null
        : Measure(field.Type, depth);

    private static (long Bytes, int Alignment)? Measure(ITypeSymbol type, int depth)
    {
        type = type is INamedTypeSymbol { EnumUnderlyingType: { } underlying } ? underlying : type;
        return type.SpecialType switch
        {
            SpecialType.System_Boolean or SpecialType.System_Byte or SpecialType.System_SByte => (1, 1),
            SpecialType.System_Int16 or SpecialType.System_UInt16 or SpecialType.System_Char => (2, 2),
            SpecialType.System_Int32 or SpecialType.System_UInt32 or SpecialType.System_Single => (4, 4),
            SpecialType.System_Int64 or SpecialType.System_UInt64 or SpecialType.System_Double => (WordBytes, WordBytes),
            SpecialType.None when KnownTypes.IsSlot(type) => (WordBytes, WordBytes),
            SpecialType.None when type is INamedTypeSymbol { TypeKind: TypeKind.Struct, IsRefLikeType: false } named && named.Locations.Any(static place => place.IsInSource) && depth != 0 =>
                MeasureStruct(named, depth - 1),
            _ => null,
        };
    }

    private static (long Bytes, int Alignment)? MeasureStruct(INamedTypeSymbol type, int depth)
    {
        if (KindOf(type) != Sequential)
        {
            return null;
        }

        long end = 0;
        int alignment = 1;
        foreach (IFieldSymbol field in TypeShape.FieldsOf(type))
        {
            if (Measure(field, depth) is not { } size)
            {
                return null;
            }

            int own = Math.Min(size.Alignment, PackOf(type));
            end = Align(end, own) + size.Bytes;
            alignment = Math.Max(alignment, own);
        }

        return (Math.Max(1, Align(end, alignment)) * (TypeShape.InlineLength(type) ?? 1), alignment);
    }

    private static long Align(long offset, int alignment) => (offset + alignment - 1) / alignment * alignment;

    private static AttributeData? LayoutOf(INamedTypeSymbol type) =>
        type.OriginalDefinition.GetAttributes().FirstOrDefault(static one => one.AttributeClass?.Name == "StructLayoutAttribute");

    private static int KindOf(INamedTypeSymbol type) => LayoutOf(type)?.ConstructorArguments.FirstOrDefault().Value switch
    {
        int kind => kind,
        short kind => kind,
        _ => Sequential,
    };

    private static int PackOf(INamedTypeSymbol type) =>
        LayoutOf(type)?.NamedArguments.FirstOrDefault(static one => one.Key == "Pack").Value.Value is int pack and > 0 ? pack : WordBytes;
}
