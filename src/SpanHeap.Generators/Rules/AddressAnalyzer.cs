using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Addresses of blocks that are kept in objects and static fields, where nothing but the program finds them.</summary>
/// <remarks>In a struct they may be right: a trace function may visit them there.</remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class AddressAnalyzer() : Rule(Descriptors.AddressStored)
{
    private protected override void Register(AnalysisContext context) =>
        context.RegisterOperationAction(Check, OperationKind.SimpleAssignment);

    private static void Check(OperationAnalysisContext context)
    {
        var assignment = (ISimpleAssignmentOperation)context.Operation;
        ISymbol? target = assignment.Target switch
        {
            IFieldReferenceOperation field => field.Field,
            IPropertyReferenceOperation { Property.RefKind: RefKind.None } property => property.Property,
            _ => null,
        };
        if (target != null && (target.IsStatic || target.ContainingType.IsReferenceType) && IsAddress(assignment.Value))
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.AddressStored, assignment.Syntax.GetLocation(), target.Name));
        }
    }

    private static bool IsAddress(IOperation value)
    {
        while (value is IConversionOperation conversion)
        {
            value = conversion.Operand;
        }

        return value is IPropertyReferenceOperation { Property.Name: "Address" } property && KnownTypes.IsReference(property.Property.ContainingType);
    }
}
