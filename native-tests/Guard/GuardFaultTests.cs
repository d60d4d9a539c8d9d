using System.Globalization;
using System.Text.RegularExpressions;
using SpanHeap.Tests.Guard.Faults;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Guard;

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
        nint? block = GuardFaults.BlockOf(child.Output);
        Assert.NotNull(block);
        Assert.DoesNotContain(GuardFaults.Survived, child.Output, StringComparison.Ordinal);
        Assert.Equal(Aborted, child.ExitCode);
        if (FaultReportFactAttribute.IsSupported)
        {
            Assert.Contains($"SpanHeap: {Resolve(report, block.Value)} at 0x{block:x} (", child.Error, StringComparison.Ordinal);
        }
    }

    // {0+32} is the address 32 bytes from the block's.
    private static string Resolve(string report, nint block) =>
        Regex.Replace(report, @"\{0([+-]\d+)\}", match => $"0x{block + nint.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture):x}");
}
