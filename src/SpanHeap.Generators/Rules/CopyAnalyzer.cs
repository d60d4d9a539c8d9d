using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>References and structs that have some, taken or written as values, or as bytes.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class CopyAnalyzer() : Rule(Descriptors.SlotCopied, Descriptors.StructCopied)
{
    // What these give is read or written as something else. Not Add, or AsRef of a reference, which only lead to another.
    private static readonly HashSet<string> s_raw =
        ["As", "AsPointer", "AsBytes", "BitCast", "Cast", "Copy", "CopyBlock", "Read", "ReadUnaligned", "Write", "WriteUnaligned"];

    private protected override void Register(AnalysisContext context)
    {
        context.RegisterSymbolAction(static found => CheckSignature(found, (IMethodSymbol)found.Symbol), SymbolKind.Method);
        context.RegisterSymbolAction(static found => CheckProperty(found, (IPropertySymbol)found.Symbol), SymbolKind.Property);
        context.RegisterOperationAction(CheckLocal, OperationKind.VariableDeclarator);
        context.RegisterOperationAction(CheckAssignment, OperationKind.SimpleAssignment);
        context.RegisterOperationAction(CheckArgument, OperationKind.Argument);
        context.RegisterOperationAction(CheckBoxing, OperationKind.Conversion);
        context.RegisterOperationAction(CheckAddress, OperationKind.AddressOf);
        context.RegisterOperationAction(CheckArray, OperationKind.ArrayCreation);
        context.RegisterOperationAction(CheckRaw, OperationKind.Invocation);
    }

    private static void CheckSignature(SymbolAnalysisContext context, IMethodSymbol method)
    {
        if (method.IsImplicitlyDeclared || method.MethodKind is MethodKind.PropertyGet or MethodKind.PropertySet or MethodKind.LambdaMethod)
        {
            return;
        }

        foreach (IParameterSymbol parameter in method.Parameters.Where(static one => one.RefKind == RefKind.None))
        {
            Report(context.ReportDiagnostic, parameter.Type, parameter.Locations.FirstOrDefault());
        }

        if (method.RefKind == RefKind.None)
        {
            Report(context.ReportDiagnostic, method.ReturnType, method.Locations.FirstOrDefault());
        }
    }

    private static void CheckProperty(SymbolAnalysisContext context, IPropertySymbol property)
    {
        if (property.RefKind == RefKind.None && !property.IsImplicitlyDeclared)
        {
            Report(context.ReportDiagnostic, property.Type, property.Locations.FirstOrDefault());
        }
    }

    private static void CheckLocal(OperationAnalysisContext context)
    {
        ILocalSymbol local = ((IVariableDeclaratorOperation)context.Operation).Symbol;
        if (local.RefKind == RefKind.None)
        {
            Report(context.ReportDiagnostic, local.Type, local.Locations.FirstOrDefault());
        }
    }

    private static void CheckAssignment(OperationAnalysisContext context)
    {
        var assignment = (ISimpleAssignmentOperation)context.Operation;

        // What happens to a local that is a copy already has been said where it is declared.
        if (!assignment.IsRef && assignment.Target is not (ILocalReferenceOperation { Local.RefKind: RefKind.None } or IDiscardOperation))
        {
            Report(context.ReportDiagnostic, assignment.Target.Type, assignment.Syntax.GetLocation());
        }
    }

    private static void CheckArgument(OperationAnalysisContext context)
    {
        // Of methods that take a value of any type: the others are told where they are declared.
        var argument = (IArgumentOperation)context.Operation;
        if (argument.Parameter is { RefKind: RefKind.None, OriginalDefinition.Type: ITypeParameterSymbol } && !argument.IsImplicit)
        {
            Report(context.ReportDiagnostic, argument.Value.Type, argument.Syntax.GetLocation());
        }
    }

    private static void CheckBoxing(OperationAnalysisContext context)
    {
        var conversion = (IConversionOperation)context.Operation;
        if (conversion.Type is { IsReferenceType: true } && conversion.Operand.Type is { IsValueType: true })
        {
            Report(context.ReportDiagnostic, conversion.Operand.Type, conversion.Operand.Syntax.GetLocation());
        }
    }

    private static void CheckAddress(OperationAnalysisContext context)
    {
        var address = (IAddressOfOperation)context.Operation;
        if (KnownTypes.IsSlot(address.Reference.Type))
        {
            Report(context.ReportDiagnostic, address.Reference.Type, address.Syntax.GetLocation());
        }
    }

    private static void CheckArray(OperationAnalysisContext context)
    {
        if (context.Operation.Type is IArrayTypeSymbol array)
        {
            Report(context.ReportDiagnostic, array.ElementType, context.Operation.Syntax.GetLocation());
        }
    }

    private static void CheckRaw(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        IMethodSymbol method = call.TargetMethod;
        if (s_raw.Contains(method.Name)
            && method.ContainingType.ToDisplayString() is "System.Runtime.CompilerServices.Unsafe" or "System.Runtime.InteropServices.MemoryMarshal"
            && method.TypeArguments.FirstOrDefault(TypeShape.HasReferences) is { } type)
        {
            Report(context.ReportDiagnostic, type, call.Syntax.GetLocation());
        }
    }

    private static void Report(Action<Diagnostic> report, ITypeSymbol? type, Location? place)
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
