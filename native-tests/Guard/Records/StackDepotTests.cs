using System.Runtime.CompilerServices;
using SpanHeap.Guard.Records;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Guard.Records;

/// <summary>Numbers of stacks: one for each, and the text that belongs to it.</summary>
public sealed class StackDepotTests
{
    [Fact]
    public void The_same_stack_has_the_same_number()
    {
        int[] numbers = new int[100];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = FirstCaller();
        }

        Assert.True(numbers[0] > 0);
        Assert.Single(numbers.Distinct());
    }

    [Fact]
    public void Other_callers_have_other_numbers() => Assert.NotEqual(FirstCaller(), SecondCaller());

    [Fact]
    public void Places_in_one_method_differ_by_file_and_line()
    {
        string first = StackDepot.Describe(FirstCaller())!;
        string second = StackDepot.Describe(FirstCaller())!;
        Assert.NotEqual(first, second);
        Assert.Contains($"{nameof(StackDepotTests)}.cs:line ", first.Split('\n')[1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_text_begins_with_the_caller_of_the_heap()
    {
        string[] lines = StackDepot.Describe(FirstCaller())!.Split('\n');
        Assert.Contains(nameof(FirstCaller), lines[0], StringComparison.Ordinal);
        Assert.Contains(nameof(The_text_begins_with_the_caller_of_the_heap), lines[1], StringComparison.Ordinal);
        Assert.InRange(lines.Length, 2, 32);
    }

    [Fact]
    public void A_number_of_none_has_no_text()
    {
        Assert.Null(StackDepot.Describe(0));
        Assert.Null(StackDepot.Describe(-1));
        Assert.Null(StackDepot.Describe(int.MaxValue));
    }

    [Fact]
    public void A_long_recursion_is_cut()
    {
        int number = Recurse(500);
        Assert.Equal(32, StackDepot.Describe(number)!.Split('\n').Length);
    }

    [Fact]
    public void Threads_find_the_same_number()
    {
        int[] numbers = new int[4];
        StressThreads.Run(numbers.Length, number => numbers[number] = FirstCaller());
        Assert.Single(numbers.Distinct());
    }

    [LinuxFact]
    public void A_chain_is_read_to_the_thread_s_first_frame()
    {
        ulong shallow = 0;
        ulong deep = 0;
        HeapMaker.OnOtherThread(() => shallow = Chain(1));
        HeapMaker.OnOtherThread(() => deep = Chain(2));
        Assert.Equal(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, shallow != 0);
        Assert.True(shallow == 0 || shallow != deep, "stacks of different depth have one hash");
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static int FirstCaller() => StackDepot.Capture();

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static int SecondCaller() => StackDepot.Capture();

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static int Recurse(int depth) => depth == 0 ? StackDepot.Capture() : Recurse(depth - 1);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static ulong Chain(int depth) => depth == 0 ? FrameChain.TryHash() : Chain(depth - 1);
}
