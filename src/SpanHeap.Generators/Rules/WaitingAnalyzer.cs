using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Waits within a scope that the method has opened itself.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class WaitingAnalyzer : DiagnosticAnalyzer
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

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Descriptors.Waiting];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterOperationAction(static found => CheckCall(found, ((IInvocationOperation)found.Operation).TargetMethod), OperationKind.Invocation);
        context.RegisterOperationAction(static found => CheckCall(found, ((IPropertyReferenceOperation)found.Operation).Property), OperationKind.PropertyReference);
        context.RegisterOperationAction(static found => Report(found, "lock", ((ILockOperation)found.Operation).LockedValue.Syntax.GetLocation()), OperationKind.Lock);
    }

    private static void CheckCall(OperationAnalysisContext context, ISymbol member)
    {
        if (s_waits.Contains($"{member.ContainingType.ContainingNamespace.ToDisplayString()}.{member.ContainingType.Name}.{member.Name}"))
        {
            Report(context, $"{member.ContainingType.Name}.{member.Name}", context.Operation.Syntax.GetLocation());
        }
    }

    private static void Report(OperationAnalysisContext context, string what, Location place)
    {
        if (OpenScope.Around(context.Operation).FirstOrDefault() is { } open)
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.Waiting, place, what, open.Scope.Name));
        }
    }
}
