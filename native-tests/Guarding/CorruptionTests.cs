using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Guarding;

/// <summary>Each error of the suite is found.</summary>
public sealed class CorruptionTests(ITestOutputHelper output)
{
    private const int Aborted = 134;

    public static TheoryData<string> RefusedCases => [.. CorruptionCases.Refused.Select(static each => each.Name)];

    public static TheoryData<string> ServedCases => [.. CorruptionCases.Served.Select(static each => each.Name)];

    public static TheoryData<string> FaultingCases => CorruptionCases.Faults;

    [Theory]
    [MemberData(nameof(RefusedCases))]
    public void With_full_checks_it_is_refused(string name) => AssertRefused(name, new NativeHeapOptions { Guard = GuardMode.Off, Checks = HeapChecks.Full });

    [Theory]
    [MemberData(nameof(RefusedCases))]
    public void With_all_blocks_guarded_it_is_refused(string name) => AssertRefused(name, new NativeHeapOptions { Guard = GuardMode.All });

    [Theory]
    [MemberData(nameof(ServedCases))]
    public void What_is_no_error_is_served(string name)
    {
        foreach (GuardMode guard in (GuardMode[])[GuardMode.Off, GuardMode.All])
        {
            using NativeHeap heap = new(new NativeHeapOptions { Guard = guard, Checks = HeapChecks.Full });
            CorruptionCases.Served.First(each => each.Name == name).Run(heap);
            heap.Verify();
        }
    }

    [Theory]
    [MemberData(nameof(FaultingCases))]
    public void With_all_blocks_guarded_it_ends_the_process(string name)
    {
        ChildProgram.Result child = ChildProgram.Run(typeof(CorruptionCases).GetMethod(name)!.CreateDelegate<Action>());

        output.WriteLine(child.Output + child.Error);
        Assert.NotNull(GuardFaults.BlockOf(child.Output));
        Assert.DoesNotContain(GuardFaults.Survived, child.Output, StringComparison.Ordinal);
        Assert.Equal(Aborted, child.ExitCode);
    }

    private static void AssertRefused(string name, NativeHeapOptions options)
    {
        (_, Action<NativeHeap> make, MisuseKind[] kinds) = CorruptionCases.Refused.First(each => each.Name == name);
        using NativeHeap heap = new(options);
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => make(heap));
        Assert.Contains(error.Kind!.Value, kinds);
        heap.Verify();
    }
}
