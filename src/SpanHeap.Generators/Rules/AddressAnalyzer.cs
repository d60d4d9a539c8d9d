using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>
/// Finds addresses of blocks that are stored in objects and static fields, or in their collections, where no collection of the heap looks.
/// </summary>
/// <remarks>
/// In a struct they may be right, because a trace function may visit them there. The code that marks collectable blocks keeps their addresses.
/// </remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class AddressAnalyzer() : Rule(Descriptors.AddressStored)
{
    // Methods that add to a collection.
    private static readonly HashSet<string> s_adding =
        ["Add", "AddFirst", "AddLast", "AddOrUpdate", "Enqueue", "GetOrAdd", "Insert", "Push", "TryAdd", "TryEnqueue", "TryPush"];

    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(CheckAssignment, OperationKind.SimpleAssignment);
        context.RegisterOperationAction(CheckCall, OperationKind.Invocation);
    }

    private static void CheckAssignment(OperationAnalysisContext context)
    {
        var assignment = (ISimpleAssignmentOperation)context.Operation;
        ISymbol? target = assignment.Target switch
        {
            // A key or a value of a collection.
            IPropertyReferenceOperation { Property.IsIndexer: true } element => KeeperOf(element.Instance) is { } keeper
                && (IsOfTyped(assignment.Value) || element.Arguments.Any(static one => IsOfTyped(one.Value))) ? keeper : null,
            _ when !IsAddress(assignment.Value) => null,
            IArrayElementReferenceOperation element => KeeperOf(element.ArrayReference),
            IFieldReferenceOperation field => field.Field,
            IPropertyReferenceOperation { Property.RefKind: RefKind.None } property => property.Property,
            _ => null,
        };
        if (target != null && (target.IsStatic || target.ContainingType.IsReferenceType))
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.AddressStored, assignment.Syntax.GetLocation(), target.Name));
        }
    }

    private static void CheckCall(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (s_adding.Contains(call.TargetMethod.Name) && call.Arguments.Any(static one => IsOfTyped(one.Value)) && KeeperOf(call.Instance) is { } keeper)
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.AddressStored, call.Syntax.GetLocation(), keeper.Name));
        }
    }

    // The field or property of an object that holds a collection of the platform. A collection in a local ends with the method.
    private static ISymbol? KeeperOf(IOperation? collection)
    {
        ISymbol? keeper = collection switch
        {
            IFieldReferenceOperation field => field.Field,
            IPropertyReferenceOperation property => property.Property,
            _ => null,
        };
        bool isOfPlatform = collection?.Type is IArrayTypeSymbol || collection?.Type?.ContainingNamespace?.ToDisplayString().StartsWith("System.Collections", StringComparison.Ordinal) == true;
        return isOfPlatform && keeper != null && (keeper.IsStatic || keeper.ContainingType.IsReferenceType) ? keeper : null;
    }

    // Code that keeps untyped blocks has its own way to find them.
    private static bool IsOfTyped(IOperation value) =>
        AddressIn(value) is { Property.ContainingType.TypeArguments: var what } && what[0].SpecialType != SpecialType.System_Byte && IsAddress(value);

    private static bool IsAddress(IOperation value) => AddressIn(value) is { } address && !IsOfCollectable(address.Instance);

    // The property that a value was read from, at this place or where its local was declared.
    private static IPropertyReferenceOperation? AddressIn(IOperation value)
    {
        while (value is IConversionOperation conversion)
        {
            value = conversion.Operand;
        }

        return value switch
        {
            IPropertyReferenceOperation { Property.Name: "Address" } property when KnownTypes.IsReference(property.Property.ContainingType) => property,
            ILocalReferenceOperation { Local: { RefKind: RefKind.None, Type.SpecialType: SpecialType.System_IntPtr or SpecialType.System_Int64 } } local
                when BeginningOf(local) is { } first && first is not ILocalReferenceOperation => AddressIn(first),
            _ => null,
        };
    }

    private static bool IsOfCollectable(IOperation? block) => block switch
    {
        IInvocationOperation call => call.TargetMethod.Name == "NewCollectable",
        ILocalReferenceOperation local => BeginningOf(local) is IInvocationOperation { TargetMethod.Name: "NewCollectable" },
        _ => false,
    };

    private static IOperation? BeginningOf(ILocalReferenceOperation local) => Usage.Root(local).Descendants()
        .OfType<IVariableDeclaratorOperation>()
        .FirstOrDefault(one => SymbolEqualityComparer.Default.Equals(one.Symbol, local.Local))?.GetVariableInitializer()?.Value;
}
