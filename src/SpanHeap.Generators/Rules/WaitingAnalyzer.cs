using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>
/// Finds waits within a scope that the method itself opened and has not ended on every path to them. A wait with a timeout of zero does not count.
/// </summary>
/// <remarks>
/// A lock does not count as a wait: most are free, and threads may have to lock what they share in traced memory within a scope. If another thread
/// holds the lock for long, or waits for a scope meanwhile, the collection's patience resolves that; a single method does not show it.
/// </remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class WaitingAnalyzer() : Rule(Descriptors.Waiting)
{
    private static readonly HashSet<string> s_waits =
    [
        "System.Threading.Thread.Sleep", "System.Threading.Thread.Join",
        "System.Threading.Tasks.Task.Wait", "System.Threading.Tasks.Task.WaitAll", "System.Threading.Tasks.Task.WaitAny",
        "System.Threading.Tasks.Task.Result", "System.Runtime.CompilerServices.TaskAwaiter.GetResult", "System.Runtime.CompilerServices.ValueTaskAwaiter.GetResult",
        "System.Threading.WaitHandle.WaitOne", "System.Threading.WaitHandle.WaitAll", "System.Threading.WaitHandle.WaitAny",
        "System.Threading.Monitor.Wait",
        "System.Threading.SemaphoreSlim.Wait", "System.Threading.ManualResetEventSlim.Wait", "System.Threading.CountdownEvent.Wait",
        "System.Threading.Barrier.SignalAndWait",
    ];

    // Members of the heap that throw within a scope of it.
    private static readonly HashSet<string> s_outside = ["BeginMark", "Collect", "FinishSweeping", "RunCleanUps"];

    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(CheckCall, OperationKind.Invocation);
        context.RegisterOperationAction(static found => Check(found, ((IPropertyReferenceOperation)found.Operation).Property), OperationKind.PropertyReference);
    }

    private static void CheckCall(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (KnownTypes.IsHeap(call.TargetMethod.ContainingType) && s_outside.Contains(call.TargetMethod.Name))
        {
            CheckOutside(context, call);
        }
        else if (!call.Arguments.Any(static argument => IsNoTime(argument.Value)))
        {
            Check(context, call.TargetMethod);
        }
    }

    // What a heap refuses to a thread in a scope of it: certain if the scope is from the same variable.
    private static void CheckOutside(OperationAnalysisContext context, IInvocationOperation call)
    {
        bool IsOfSame(OpenScope open) => call.Instance is { } heap && VariableOf(heap) is { } variable && Usage.Root(call).Descendants()
            .OfType<IVariableDeclaratorOperation>()
            .Any(one => SymbolEqualityComparer.Default.Equals(one.Symbol, open.Scope)
                && one.GetVariableInitializer()?.Value is IInvocationOperation { Instance: { } entered } && SymbolEqualityComparer.Default.Equals(VariableOf(entered), variable));

        if (OpenScope.Around(call).FirstOrDefault(open => !open.IsDisposedBefore(call) && IsOfSame(open)) is { } open)
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.Waiting, call.Syntax.GetLocation(), $"TracedHeap.{call.TargetMethod.Name}", open.Scope.Name));
        }
    }

    private static ISymbol? VariableOf(IOperation operation) => operation switch
    {
        ILocalReferenceOperation local => local.Local,
        IParameterReferenceOperation parameter => parameter.Parameter,
        IFieldReferenceOperation { Instance: null or IInstanceReferenceOperation } field => field.Field,
        _ => null,
    };

    private static void Check(OperationAnalysisContext context, ISymbol member)
    {
        if (s_waits.Contains($"{member.ContainingType.ContainingNamespace.ToDisplayString()}.{member.ContainingType.Name}.{member.Name}")
            && !IsOfCompleted(context.Operation))
        {
            Report(context, $"{member.ContainingType.Name}.{member.Name}", context.Operation.Syntax.GetLocation());
        }
    }

    // A task that the surrounding condition has found completed is not waited for.
    private static bool IsOfCompleted(IOperation wait)
    {
        ISymbol? task = wait switch
        {
            IPropertyReferenceOperation { Instance: { } instance } => VariableOf(instance),
            IInvocationOperation { Instance: IInvocationOperation { TargetMethod.Name: "GetAwaiter", Instance: { } instance } } => VariableOf(instance),
            IInvocationOperation { Instance: { } instance } => VariableOf(instance),
            _ => null,
        };
        for (IOperation at = wait; task != null && at.Parent is { } parent; at = parent)
        {
            IOperation? condition = parent switch
            {
                IConditionalOperation choice when choice.WhenTrue == at => choice.Condition,
                IBinaryOperation { OperatorKind: BinaryOperatorKind.ConditionalAnd } both when both.RightOperand == at => both.LeftOperand,
                _ => null,
            };
            if (condition != null && Requires(condition, task))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Requires(IOperation condition, ISymbol task) => condition switch
    {
        IPropertyReferenceOperation { Property.Name: "IsCompleted" or "IsCompletedSuccessfully" or "IsFaulted" or "IsCanceled", Instance: { } instance } =>
            SymbolEqualityComparer.Default.Equals(VariableOf(instance), task),
        IBinaryOperation { OperatorKind: BinaryOperatorKind.ConditionalAnd } both => Requires(both.LeftOperand, task) || Requires(both.RightOperand, task),
        _ => false,
    };

    // No wait takes a number or a time span for anything but its timeout.
    private static bool IsNoTime(IOperation argument) => argument switch
    {
        { ConstantValue: { HasValue: true, Value: 0 or 0L } } => true,
        IDefaultValueOperation { Type: var type } => IsTimeSpan(type),
        IFieldReferenceOperation { Field: { Name: nameof(TimeSpan.Zero), ContainingType: var type } } => IsTimeSpan(type),
        _ => false,
    };

    private static bool IsTimeSpan(ITypeSymbol? type) => type is { Name: nameof(TimeSpan), ContainingNamespace: { Name: nameof(System), ContainingNamespace.IsGlobalNamespace: true } };

    private static void Report(OperationAnalysisContext context, string what, Location place)
    {
        if (OpenScope.Around(context.Operation).FirstOrDefault(open => !open.IsDisposedBefore(context.Operation)) is { } open)
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.Waiting, place, what, open.Scope.Name));
        }
    }
}
