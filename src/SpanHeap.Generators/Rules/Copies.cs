using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Rules;

/// <summary>Reports references, and structs that contain some, that are copied or are where they should not be.</summary>
internal static class Copies
{
    public static void Report(Action<Diagnostic> report, ITypeSymbol? type, Location? place)
    {
        if (KnownTypes.IsSlot(type))
        {
            report(Diagnostic.Create(Descriptors.SlotCopied, place));
        }
        else if (TypeShape.MustStay(type))
        {
            report(Diagnostic.Create(Descriptors.StructCopied, place, type!.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)));
        }
    }
}
