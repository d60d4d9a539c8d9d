using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Rules;

/// <summary>What is said of references, and of structs that have some, which are copied or stand where they should not.</summary>
internal static class Copies
{
    public static void Report(Action<Diagnostic> report, ITypeSymbol? type, Location? place)
    {
        if (KnownTypes.IsSlot(type))
        {
            report(Diagnostic.Create(Descriptors.SlotCopied, place));
        }
        else if (type != null && (KnownTypes.IsArray(type) || TypeShape.HasReferences(type)))
        {
            report(Diagnostic.Create(Descriptors.StructCopied, place, type.Name));
        }
    }
}
