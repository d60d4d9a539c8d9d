using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Waits within a scope that the method has opened itself, and has not ended on each way to them. Waits for no time are none.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class WaitingAnalyzer() : Rule(Descriptors.Waiting)
{
    private static readonly HashSet<string> s_waits =
    [
        "System.Threading.Thread.Sleep", "System.Threading.Thread.Join",
        "System.Threading.Tasks.Task.Wait", "System.Threading.Tasks.Task.WaitAll", "System.Threading.Tasks.Task.WaitAny",
        "System.Threading.Tasks.Task.Result", "System.Runtime.CompilerServices.TaskAwaiter.GetResult", "System.Runtime.CompilerServices.ValueTaskAwaiter.GetResult",
        "System.Threading.WaitHandle.WaitOne", "System.Threading.WaitHandle.WaitAll", "System.Threading.WaitHandle.WaitAny",
        "System.Threading.Monitor.Enter", "System.Threading.Monitor.Wait", "System.Threading.Lock.Enter",
        "System.Threading.SemaphoreSlim.Wait", "System.Threading.ManualResetEventSlim.Wait", "System.Threading.CountdownEvent.Wait",
        "System.Threading.Barrier.SignalAndWait",
    ];

    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(CheckCall, OperationKind.Invocation);
        context.RegisterOperationAction(static found => Check(found, ((IPropertyReferenceOperation)found.Operation).Property), OperationKind.PropertyReference);
        context.RegisterOperationAction(static found => Report(found, "lock", ((ILockOperation)found.Operation).LockedValue.Syntax.GetLocation()), OperationKind.Lock);
    }

    private static void CheckCall(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (!call.Arguments.Any(static argument => IsNoTime(argument.Value)))
        {
            Check(context, call.TargetMethod);
        }
    }

    private static void Check(OperationAnalysisContext context, ISymbol member)
    {
        if (s_waits.Contains($"{member.ContainingType.ContainingNamespace.ToDisplayString()}.{member.ContainingType.Name}.{member.Name}"))
        {
            Report(context, $"{member.ContainingType.Name}.{member.Name}", context.Operation.Syntax.GetLocation());
        }
    }

    // No wait has a number or a span for anything but how long it may take.
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
