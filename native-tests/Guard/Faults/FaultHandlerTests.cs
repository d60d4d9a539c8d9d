using System.Text.RegularExpressions;
using SpanHeap.Guard.Faults;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Guard.Faults;

/// <summary>What a fault leaves on the error stream, and what it does not change.</summary>
public sealed partial class FaultHandlerTests(ITestOutputHelper output)
{
    private const int Aborted = 134;

    private const int Attempts = 5;

    // The runtime leaves what native code does to the system.
    private const int KilledBySignal = 139;

    [FaultReportFact]
    public void A_heap_with_guarded_blocks_installs_it()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All } });

        Assert.True(FaultHandler.IsInstalled);
        Assert.True(FaultHandler.TryInstall());
        Assert.True(heap.GetStatistics().Guard.HasFaultReport);
    }

    [FaultReportFact]
    public void A_use_after_free_is_reported_with_both_stacks_and_null_references_are_caught_as_ever()
    {
        ChildProgram.Result child = RunUntilWatched(FaultScenarios.Use_after_free, Aborted);

        string[] lines = child.Error.Split('\n');
        int first = Array.FindIndex(lines, static line => WholeLine().IsMatch(line));
        Assert.True(first >= 0, "there is no report");
        Assert.Equal("Allocated:", lines[first + 1]);
        Assert.Contains(nameof(FaultScenarios.AllocateHere), lines[first + 2], StringComparison.Ordinal);
        int freed = Array.IndexOf(lines, "Freed:");
        Assert.Contains(nameof(FaultScenarios.FreeHere), lines[freed + 1], StringComparison.Ordinal);
        Assert.Contains(lines[(freed + 1)..], static line => line.Contains("AccessViolationException", StringComparison.Ordinal));
        Assert.Contains(FaultScenarios.Caught, child.Output, StringComparison.Ordinal);
    }

    [FaultReportFact]
    public void What_native_code_touches_is_reported()
    {
        ChildProgram.Result child = RunUntilWatched(FaultScenarios.Use_after_free_by_native_code, KilledBySignal);

        Assert.Contains("0 bytes into a freed block of 24 bytes", child.Error, StringComparison.Ordinal);
        Assert.Contains("\nFreed:\n", child.Error, StringComparison.Ordinal);
    }

    [FaultReportFact]
    public void There_is_no_report_where_none_is_wanted()
    {
        ChildProgram.Result child = Run(FaultScenarios.Use_after_free_where_no_report_is_wanted);

        Assert.Contains(bool.FalseString, child.Output, StringComparison.Ordinal);
        RequireNoReport(child);
    }

    [FaultReportFact]
    public void A_fault_outside_of_every_heap_is_the_runtimes_alone() => RequireNoReport(Run(FaultScenarios.Fault_outside_of_every_heap));

    [FaultReportFact]
    public void A_fault_in_a_block_without_a_guard_is_the_runtimes_alone() => RequireNoReport(Run(FaultScenarios.Fault_in_a_block_without_guard));

    [FaultReportFact]
    public void A_stack_overflow_ends_as_ever()
    {
        ChildProgram.Result child = Run(FaultScenarios.Stack_overflow);

        Assert.Contains("Stack overflow", child.Error, StringComparison.Ordinal);
        RequireNoReport(child);
    }

    [FaultReportFact]
    public void Two_threads_that_fault_at_once_write_whole_lines()
    {
        ChildProgram.Result child = Run(FaultScenarios.Two_threads_at_once);

        // The runtime says on the same stream why it ends the process, and may be in the middle of a line when the second report comes.
        string[] reports = [.. child.Error.Split('\n').Where(static line => line.Contains("SpanHeap: ", StringComparison.Ordinal)).Select(static line => line[line.IndexOf("SpanHeap: ", StringComparison.Ordinal)..])];
        Assert.InRange(reports.Length, 1, 2);
        Assert.All(reports, static line => Assert.Matches(WholeLine(), line));
    }

    // A watcher that gets no processor in time is not waited for: the line is there without the stacks then, and the child is run again.
    private ChildProgram.Result RunUntilWatched(Action scenario, int exitCode)
    {
        ChildProgram.Result child = Run(scenario, exitCode);
        for (int i = 1; i < Attempts && !child.Error.Contains("\nFreed:\n", StringComparison.Ordinal); i++)
        {
            Assert.Contains("SpanHeap: write at ", child.Error, StringComparison.Ordinal);
            child = Run(scenario, exitCode);
        }

        return child;
    }

    private ChildProgram.Result Run(Action scenario, int exitCode = Aborted)
    {
        ChildProgram.Result child = ChildProgram.Run(scenario);
        output.WriteLine(child.Output + child.Error);
        Assert.Equal(exitCode, child.ExitCode);
        return child;
    }

    private static void RequireNoReport(ChildProgram.Result child) => Assert.DoesNotContain("SpanHeap: ", child.Error, StringComparison.Ordinal);

    [GeneratedRegex(@"^SpanHeap: write at 0x[0-9a-f]+, 0 bytes into a freed block of 24 bytes at 0x[0-9a-f]+ \(allocated by thread \d+, freed by thread \d+, event \d+\), by the system's thread \d+ at the instruction 0x[0-9a-f]+$")]
    private static partial Regex WholeLine();
}
