using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Finds references, structs that contain some, and arrays and strings of the library that are read, written or held as values.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class CopyAnalyzer() : Rule(Descriptors.SlotCopied, Descriptors.StructCopied)
{
    private protected override void Register(AnalysisContext context)
    {
        context.RegisterSymbolAction(static found => CheckSignature(found.ReportDiagnostic, (IMethodSymbol)found.Symbol), SymbolKind.Method);
        context.RegisterSymbolAction(static found => CheckDelegate(found, (INamedTypeSymbol)found.Symbol), SymbolKind.NamedType);
        context.RegisterSymbolAction(static found => CheckProperty(found, (IPropertySymbol)found.Symbol), SymbolKind.Property);
        context.RegisterSymbolAction(static found => CheckField(found, (IFieldSymbol)found.Symbol), SymbolKind.Field);
        context.RegisterOperationAction(static found => CheckSignature(found.ReportDiagnostic, ((ILocalFunctionOperation)found.Operation).Symbol), OperationKind.LocalFunction);
        context.RegisterOperationAction(static found => CheckLambda(found, ((IAnonymousFunctionOperation)found.Operation).Symbol), OperationKind.AnonymousFunction);
        context.RegisterOperationAction(CheckLocal, OperationKind.VariableDeclarator);
        context.RegisterOperationAction(CheckDeclared, OperationKind.DeclarationExpression, OperationKind.DeclarationPattern, OperationKind.RecursivePattern);
        context.RegisterOperationAction(CheckAssignment, OperationKind.SimpleAssignment);
        context.RegisterOperationAction(CheckArgument, OperationKind.Argument);
        context.RegisterOperationAction(CheckBoxing, OperationKind.Conversion);
        context.RegisterOperationAction(CheckReceiver, OperationKind.Invocation);
        context.RegisterOperationAction(CheckLoop, OperationKind.Loop);
        context.RegisterOperationAction(CheckInterpolation, OperationKind.Interpolation);
        context.RegisterOperationAction(CheckChoice, OperationKind.Conditional, OperationKind.SwitchExpression, OperationKind.With);
        context.RegisterOperationAction(static found => CheckElements(found, ((ITupleOperation)found.Operation).Elements), OperationKind.Tuple);
        context.RegisterOperationAction(static found => CheckElements(found, ((ICollectionExpressionOperation)found.Operation).Elements), OperationKind.CollectionExpression);
    }

    private static void CheckSignature(Action<Diagnostic> report, IMethodSymbol method)
    {
        if (method.IsImplicitlyDeclared || method.MethodKind is MethodKind.PropertyGet or MethodKind.PropertySet)
        {
            return;
        }

        foreach (IParameterSymbol parameter in method.Parameters.Where(static one => one.RefKind == RefKind.None))
        {
            Report(report, parameter.Type, parameter.Locations.FirstOrDefault());
        }

        if (method.RefKind == RefKind.None)
        {
            Report(report, method.ReturnType, method.Locations.FirstOrDefault());
        }
    }

    // The method of a delegate has no source, but its parameters have.
    private static void CheckDelegate(SymbolAnalysisContext context, INamedTypeSymbol type)
    {
        foreach (IParameterSymbol parameter in type.DelegateInvokeMethod?.Parameters.Where(static one => one.RefKind == RefKind.None) ?? [])
        {
            Report(context.ReportDiagnostic, parameter.Type, parameter.Locations.FirstOrDefault());
        }
    }

    private static void CheckLambda(OperationAnalysisContext context, IMethodSymbol lambda)
    {
        foreach (IParameterSymbol parameter in lambda.Parameters.Where(static one => one.RefKind == RefKind.None))
        {
            Report(context.ReportDiagnostic, parameter.Type, parameter.Locations.FirstOrDefault());
        }

        if (lambda.RefKind == RefKind.None && TypeShape.MustStay(lambda.ReturnType))
        {
            Report(context.ReportDiagnostic, lambda.ReturnType, context.Operation.Syntax.GetLocation());
        }
    }

    private static void CheckProperty(SymbolAnalysisContext context, IPropertySymbol property)
    {
        if (property.RefKind == RefKind.None && !property.IsImplicitlyDeclared)
        {
            Report(context.ReportDiagnostic, property.Type, property.Locations.FirstOrDefault());
        }

        foreach (IParameterSymbol parameter in property.Parameters.Where(static one => one.RefKind == RefKind.None))
        {
            Report(context.ReportDiagnostic, parameter.Type, parameter.Locations.FirstOrDefault());
        }
    }

    // A field that contains references is right in a traced struct, and any other is reported by the rules for types.
    private static void CheckField(SymbolAnalysisContext context, IFieldSymbol field)
    {
        if (field.RefKind == RefKind.None && !field.IsImplicitlyDeclared && !TypeShape.HasReferences(field.Type))
        {
            Report(context.ReportDiagnostic, field.Type, field.Locations.FirstOrDefault());
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

        // A local that is already a copy was reported where it is declared.
        if (!assignment.IsRef && assignment.Target is not (ILocalReferenceOperation { Local.RefKind: RefKind.None } or IDiscardOperation))
        {
            Report(context.ReportDiagnostic, assignment.Target.Type, assignment.Syntax.GetLocation());
        }
    }

    private static void CheckArgument(OperationAnalysisContext context)
    {
        // Only for methods that take a value of any type, or that belong to another project: others are reported where they are declared.
        var argument = (IArgumentOperation)context.Operation;
        if (argument.Parameter is { RefKind: RefKind.None } parameter && (!argument.IsImplicit || IsOfInterpolation(argument))
            && (!TypeShape.MustStay(parameter.OriginalDefinition.Type) || !parameter.ContainingSymbol.Locations.Any(static place => place.IsInSource)))
        {
            Report(context.ReportDiagnostic, argument.Value.Type, argument.Value.Syntax.GetLocation());
        }
    }

    // A handler of interpolated strings takes what is in the braces through calls that are not in the source.
    private static bool IsOfInterpolation(IArgumentOperation argument) => argument.Parent?.Parent is IInterpolatedStringAppendOperation;

    private static void CheckInterpolation(OperationAnalysisContext context)
    {
        IOperation value = ((IInterpolationOperation)context.Operation).Expression;
        Report(context.ReportDiagnostic, value.Type, value.Syntax.GetLocation());
    }

    // One of several values is a copy, of which a member is used or a reference is passed on. A choice that becomes a value is reported as that.
    private static void CheckChoice(OperationAnalysisContext context)
    {
        IOperation choice = context.Operation;
        bool isUsed = choice.Parent switch
        {
            IMemberReferenceOperation member => member.Instance == choice,
            IInvocationOperation call => call.Instance == choice,
            IArgumentOperation argument => argument.Parameter is { RefKind: not RefKind.None },
            _ => false,
        };
        if (isUsed && choice is not IConditionalOperation { IsRef: true })
        {
            Report(context.ReportDiagnostic, choice.Type, choice.Syntax.GetLocation());
        }
    }

    // Checks what a pattern or a deconstruction declares; a pattern without a designation declares nothing.
    private static void CheckDeclared(OperationAnalysisContext context)
    {
        IEnumerable<ISymbol?> declared = context.Operation switch
        {
            IDeclarationPatternOperation pattern => [pattern.DeclaredSymbol],
            IRecursivePatternOperation pattern => [pattern.DeclaredSymbol],
            _ => context.Operation.Descendants().OfType<ILocalReferenceOperation>().Where(static one => one.IsDeclaration || one.Parent is ITupleOperation or IDeclarationExpressionOperation).Select(static one => one.Local),
        };
        foreach (ILocalSymbol local in declared.OfType<ILocalSymbol>())
        {
            Report(context.ReportDiagnostic, local.Type, local.Locations.FirstOrDefault());
        }
    }

    // Reports all listed elements once; what is declared there was reported before.
    private static void CheckElements(OperationAnalysisContext context, IEnumerable<IOperation> elements)
    {
        bool isTarget = context.Operation.Parent is IDeconstructionAssignmentOperation assignment && assignment.Target == context.Operation;
        if (!isTarget && context.Operation.Parent is not IDeclarationExpressionOperation
            && elements.FirstOrDefault(static one => one is not (IDeclarationExpressionOperation or ISpreadOperation) && TypeShape.MustStay(one.Type)) is { } element)
        {
            Report(context.ReportDiagnostic, element.Type, element.Syntax.GetLocation());
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

    // The compiler lets a method that may write work on a copy where the place itself may not be written: what it stores is lost.
    private static void CheckReceiver(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (call is { Instance: { } place, TargetMethod: { IsReadOnly: false, ContainingType: { IsValueType: true } type } } && TypeShape.MustStay(type)
            && ReadOnlyPlace.Is(place, context.ContainingSymbol))
        {
            Report(context.ReportDiagnostic, type, place.Syntax.GetLocation());
        }
    }

    // The same for the GetEnumerator of a loop, which no operation names.
    private static void CheckLoop(OperationAnalysisContext context)
    {
        if (context.Operation is not IForEachLoopOperation loop)
        {
            return;
        }

        IOperation place = loop.Collection is IConversionOperation { Type: var target, Operand: var operand } && SymbolEqualityComparer.Default.Equals(target, operand.Type)
            ? operand
            : loop.Collection;
        if (place.Type is { IsValueType: true } type && TypeShape.MustStay(type)
            && type.GetMembers("GetEnumerator").OfType<IMethodSymbol>().Any(static method => !method.IsReadOnly)
            && ReadOnlyPlace.Is(place, context.ContainingSymbol))
        {
            Report(context.ReportDiagnostic, type, place.Syntax.GetLocation());
        }
    }

    private static void Report(Action<Diagnostic> report, ITypeSymbol? type, Location? place) => Copies.Report(report, type, place);
}
