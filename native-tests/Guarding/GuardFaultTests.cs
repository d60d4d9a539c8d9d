using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Guarding;

/// <summary>Each error in a process of its own: it ends there and then.</summary>
public sealed class GuardFaultTests(ITestOutputHelper output)
{
    private const int Aborted = 134;

    public static TheoryData<string, string> Faults => GuardFaults.All;

    [Theory]
    [MemberData(nameof(Faults))]
    public void The_error_ends_the_process_where_it_happens(string name, string report)
    {
        ChildProgram.Result child = ChildProgram.Run(GuardFaults.Find(name));

        output.WriteLine(child.Output + child.Error);
        Assert.NotNull(GuardFaults.BlockOf(child.Output));
        Assert.DoesNotContain(GuardFaults.Survived, child.Output, StringComparison.Ordinal);
        Assert.Equal(Aborted, child.ExitCode);
        Assert.NotNull(report);
    }
}
