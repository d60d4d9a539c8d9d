using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>
/// Finds arrays, collections and parts of the stack that hold references, or structs that contain some: no collection of the heap looks there.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class PlaceAnalyzer() : Rule(Descriptors.SlotCopied, Descriptors.StructCopied)
{
    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(CheckArray, OperationKind.ArrayCreation);
        context.RegisterOperationAction(CheckLocal, OperationKind.VariableDeclarator);
        context.RegisterSyntaxNodeAction(CheckStack, SyntaxKind.StackAllocArrayCreationExpression, SyntaxKind.ImplicitStackAllocArrayCreationExpression);
    }

    private static void CheckArray(OperationAnalysisContext context)
    {
        if (context.Operation.Type is IArrayTypeSymbol array)
        {
            Copies.Report(context.ReportDiagnostic, array.ElementType, context.Operation.Syntax.GetLocation());
        }
    }

    private static void CheckLocal(OperationAnalysisContext context)
    {
        var declarator = (IVariableDeclaratorOperation)context.Operation;
        if (declarator.GetVariableInitializer()?.Value is not (IArrayCreationOperation or IConversionOperation { Operand: IArrayCreationOperation })
            && declarator.Symbol.RefKind == RefKind.None)
        {
            Copies.Report(context.ReportDiagnostic, TypeShape.HeldBy(declarator.Symbol.Type), declarator.Symbol.Locations[0]);
        }
    }

    private static void CheckStack(SyntaxNodeAnalysisContext context)
    {
        ITypeSymbol? type = context.SemanticModel.GetTypeInfo(context.Node, context.CancellationToken) switch
        {
            { Type: INamedTypeSymbol { Arity: 1 } span } => span.TypeArguments[0],
            { ConvertedType: INamedTypeSymbol { Arity: 1 } span } => span.TypeArguments[0],
            { Type: IPointerTypeSymbol pointer } => pointer.PointedAtType,
            _ => null,
        };
        Copies.Report(context.ReportDiagnostic, type, context.Node.GetLocation());
    }
}
