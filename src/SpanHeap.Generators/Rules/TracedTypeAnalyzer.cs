using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace SpanHeap.Generators.Rules;

/// <summary>Checks types that contain references, or say that they do.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class TracedTypeAnalyzer() : Rule(Descriptors.Untraced, Descriptors.Managed, Descriptors.Closed, Descriptors.Overlapping, Descriptors.Unloadable, Descriptors.RefStruct)
{
    private protected override void Register(AnalysisContext context) =>
        context.RegisterSymbolAction(static found => Check(found, (INamedTypeSymbol)found.Symbol), SymbolKind.NamedType);

    private static void Check(SymbolAnalysisContext context, INamedTypeSymbol type)
    {
        bool isTraced = type.TypeKind == TypeKind.Struct && KnownTypes.IsTraced(type);
        foreach (IFieldSymbol field in type.GetMembers().OfType<IFieldSymbol>())
        {
            if (IsLost(field, isTraced))
            {
                Report(context, Descriptors.Untraced, field, type);
            }
        }

        if (!isTraced)
        {
            return;
        }

        if (type.IsRefLikeType)
        {
            Report(context, Descriptors.RefStruct, type, type);
            return;
        }

        Report(context, Descriptors.Managed, TypeShape.FirstManaged(type), type);
        Report(context, Descriptors.Overlapping, Overlap.Find(type) ?? Packing.Find(type), type);
        Report(context, Descriptors.Unloadable, Cycle.Find(type), type);
        if (KnownTypes.HasAttribute(type))
        {
            Report(context, Descriptors.Closed, TypeShape.FirstThatIsClosed(type), type);
        }
    }

    private static bool IsLost(IFieldSymbol field, bool isTraced)
    {
        if (field.IsConst || field.RefKind != RefKind.None)
        {
            return false;
        }

        if (TypeShape.HeldBy(field.Type) != null)
        {
            return true;
        }

        // A struct of the program that is not traced is reported itself.
        bool isFound = isTraced && !field.IsStatic
            && (KnownTypes.IsSlot(field.Type) || KnownTypes.IsTraced(field.Type) || (field.Type is INamedTypeSymbol { Arity: 0 } && field.Type.Locations.Any(static place => place.IsInSource)));
        return !isFound && TypeShape.HasReferences(field.Type);
    }

    private static void Report(SymbolAnalysisContext context, DiagnosticDescriptor rule, ISymbol? place, INamedTypeSymbol type)
    {
        // The backing field of a property is reported at the property.
        ISymbol? written = place is IFieldSymbol { AssociatedSymbol: { } property } ? property : place;
        if (written != null)
        {
            context.ReportDiagnostic(Diagnostic.Create(rule, written.Locations[0], written.Name, type.Name));
        }
    }
}
