using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;
using SpanHeap.Generators.Flow;

namespace SpanHeap.Generators.Rules;

/// <summary>
/// Finds references, and structs that contain some, that are read or written as bytes, as elements of a span, or by a method that takes any <c>ref
/// T</c>.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class RawAnalyzer() : Rule(Descriptors.SlotCopied, Descriptors.StructCopied)
{
    // The results of these are read or written as something else. Add, and AsRef of a reference, are not listed: they only lead to another reference.
    private static readonly HashSet<string> s_raw =
    [
        "As", "AsPointer", "AsBytes", "BitCast", "Cast", "Copy", "CopyBlock", "CreateReadOnlySpan", "CreateSpan", "Read", "ReadUnaligned",
        "TryRead", "TryWrite", "Write", "WriteUnaligned",
    ];

    // Methods that copy or write all elements of a span, whatever they are.
    private static readonly HashSet<string> s_bulk = ["Clear", "CopyTo", "Fill", "Replace", "Reverse", "Sort", "ToArray", "TryCopyTo"];

    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(CheckAddress, OperationKind.AddressOf);
        context.RegisterOperationAction(CheckRaw, OperationKind.Invocation);
        context.RegisterOperationAction(CheckSpan, OperationKind.ObjectCreation);
        context.RegisterCompilationStartAction(static start =>
        {
            CalleeFacts callees = new(start.Compilation);
            start.RegisterOperationAction(found => CheckArgument(found, callees), OperationKind.Argument);
        });
    }

    private static void CheckAddress(OperationAnalysisContext context)
    {
        var address = (IAddressOfOperation)context.Operation;
        if (KnownTypes.IsSlot(address.Reference.Type))
        {
            Copies.Report(context.ReportDiagnostic, address.Reference.Type, address.Syntax.GetLocation());
        }
    }

    private static void CheckRaw(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        IMethodSymbol method = call.TargetMethod;
        ITypeSymbol? type = method.ContainingType?.ToDisplayString() switch
        {
            "System.Runtime.CompilerServices.Unsafe" or "System.Runtime.InteropServices.MemoryMarshal" when s_raw.Contains(method.Name) =>
                method.TypeArguments.FirstOrDefault(TypeShape.HasReferences),
            "System.MemoryExtensions" when s_bulk.Contains(method.Name) => method.TypeArguments.FirstOrDefault(TypeShape.HasReferences),
            _ when KnownTypes.IsSpan(method.ContainingType) && s_bulk.Contains(method.Name) => method.ContainingType!.TypeArguments.FirstOrDefault(TypeShape.HasReferences),
            _ => null,
        };
        Copies.Report(context.ReportDiagnostic, type, call.Syntax.GetLocation());
    }

    private static void CheckSpan(OperationAnalysisContext context)
    {
        if (context.Operation.Type is INamedTypeSymbol type && KnownTypes.IsSpan(type) && ((IObjectCreationOperation)context.Operation).Arguments.Length != 0)
        {
            Copies.Report(context.ReportDiagnostic, type.TypeArguments.FirstOrDefault(TypeShape.HasReferences), context.Operation.Syntax.GetLocation());
        }
    }

    // A method that takes any ref T, or any TracedRef<T>, does not know that it contains references.
    private static void CheckArgument(OperationAnalysisContext context, CalleeFacts callees)
    {
        var argument = (IArgumentOperation)context.Operation;
        if (argument.Parameter is not { } parameter)
        {
            return;
        }

        bool isAny = parameter.OriginalDefinition.Type is ITypeParameterSymbol && parameter.RefKind is not RefKind.None;
        bool isAnyBlock = parameter.OriginalDefinition.Type is INamedTypeSymbol generic && KnownTypes.IsReference(generic) && generic.TypeArguments[0] is ITypeParameterSymbol;
        ITypeSymbol? type = isAny ? argument.Value.Type : isAnyBlock && argument.Value.Type is INamedTypeSymbol block ? block.TypeArguments[0] : null;
        if (type != null && TypeShape.HasReferences(type) && (parameter.RefKind == RefKind.Out && isAny || callees.CopiesValue(parameter)))
        {
            Copies.Report(context.ReportDiagnostic, type, argument.Syntax.GetLocation());
        }
    }
}
