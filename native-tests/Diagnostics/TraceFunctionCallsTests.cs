using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Diagnostics;

/// <summary>Whatever a trace function asks of the heap that calls it is answered or refused: nothing waits for itself.</summary>
public sealed unsafe class TraceFunctionCallsTests : IDisposable
{
    // What the function does: it is static, and called on the thread that verifies or collects.
    [ThreadStatic]
    private static Action? t_call;

    private readonly TracedHeap _heap = new(new TracedHeapOptions { ManualOnly = true, MarkThreads = 1 });
    private readonly TracedHandle<byte> _kept;
    private int _calls;

    public TraceFunctionCallsTests()
    {
        using TracedScope scope = _heap.Enter();
        _kept = scope.Keep(scope.NewBytes(TracedLayout.Custom(&Trace), 64));
    }

    public static TheoryData<string> Answered => ["NativeStatistics", "GetStatistics", "FindLiveBlocks", "Trim", "Alloc", "Handle", "TracedRoots", "LastCollection"];

    public static TheoryData<string> Refused => ["Collect", "FinishSweeping", "BeginMark", "RunCleanUps", "Dispose", "Verify"];

    public void Dispose() => _heap.Dispose();

    [Theory]
    [MemberData(nameof(Answered))]
    public void What_only_looks_is_answered(string call)
    {
        foreach (Action caller in (Action[])[_heap.Verify, _heap.Collect])
        {
            Run(caller, call);
            Assert.InRange(_calls, 1, int.MaxValue);
            _calls = 0;
        }

        _heap.Verify();
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_would_wait_for_the_caller_is_refused(string call)
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => Run(_heap.Verify, call));
        Assert.Contains("trace function", error.InnerException?.Message, StringComparison.Ordinal);
        _heap.Verify();
        _heap.Collect();
        _heap.Verify();
    }

    [Theory]
    [InlineData("GetStatistics", true)]
    [InlineData("FindLiveBlocks", true)]
    [InlineData("Verify", false)]
    public void Of_two_heaps_that_are_verified_at_once_and_ask_each_other_none_waits_for_ever(string call, bool isAnswered)
    {
        using TraceFunctionCallsTests other = new();
        using Barrier inBoth = new(2);
        Exception?[] thrown = new Exception?[2];
        Thread[] verifying = [.. new[] { (this, other), (other, this) }.Select((pair, index) => new Thread(() =>
        {
            bool first = true;
            t_call = () =>
            {
                if (first)
                {
                    first = false;
                    Assert.True(inBoth.SignalAndWait(TimeSpan.FromSeconds(30)));
                    pair.Item2.Call(call);
                }
            };
            thrown[index] = Record.Exception(pair.Item1._heap.Verify);
        }))];
        Array.ForEach(verifying, static one => one.Start());
        Assert.All(verifying, static one => Assert.True(one.Join(TimeSpan.FromSeconds(60)), "They wait for each other."));
        string[] told = [.. thrown.OfType<InvalidOperationException>().Select(static one => one.InnerException!.Message)];
        Assert.All(told, static message => Assert.Contains("is being verified by another thread", message, StringComparison.Ordinal));
        Assert.InRange(told.Length, isAnswered ? 0 : 1, isAnswered ? 0 : 2);
    }

    // On a thread of its own, so that a call that waits for itself fails the test and does not hang it.
    private void Run(Action caller, string call)
    {
        using StressWorker worker = new();
        worker.Do(() =>
        {
            t_call = () =>
            {
                _calls++;
                Call(call);
            };
            caller();
        });
    }

    private void Call(string call)
    {
        switch (call)
        {
            case "NativeStatistics":
                Assert.InRange(_heap.Native.GetStatistics().TracedSpans, 1, 10);
                break;
            case "GetStatistics":
                Assert.Equal(1, _heap.GetStatistics().Handles);
                break;
            case "FindLiveBlocks":
                Assert.NotNull(_heap.Native.FindLiveBlocks());
                break;
            case "Trim":
                _heap.Trim();
                break;
            case "Alloc":
                _heap.Native.Free(_heap.Native.Alloc(100));
                break;
            case "Handle":
                Assert.NotEqual(default, _kept);
                default(TracedHandle<byte>).Dispose();
                break;
            case "TracedRoots":
                _heap.CreateRoots<byte>(1).Dispose();
                break;
            case "LastCollection":
                _ = _heap.LastCollection;
                break;
            case "Collect":
                _heap.Collect();
                break;
            case "FinishSweeping":
                _heap.FinishSweeping();
                break;
            case "BeginMark":
                _heap.BeginMark().Dispose();
                break;
            case "RunCleanUps":
                _heap.RunCleanUps();
                break;
            case "Dispose":
                _heap.Dispose();
                break;
            default:
                _heap.Verify();
                break;
        }
    }

    private static void Trace(nint block, TracedVisitor context) => t_call?.Invoke();
}
