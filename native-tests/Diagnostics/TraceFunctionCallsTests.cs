using SpanHeap.Tests.Support;
using SpanHeap.Tests.Tracing;

namespace SpanHeap.Tests.Diagnostics;

/// <summary>Whatever a trace function asks of the heap that calls it is answered or refused: nothing waits for itself.</summary>
public sealed unsafe class TraceFunctionCallsTests : IDisposable
{
    // What the function does: it is static, and called on the thread that verifies or collects.
    [ThreadStatic]
    private static Action? t_call;

    private readonly NativeHeap _heap = new(new NativeHeapOptions { Traced = true, TracedByHand = true, TracedMarkThreads = 1 });
    private readonly GcHandle<byte> _kept;
    private int _calls;

    public TraceFunctionCallsTests()
    {
        using GcScope scope = _heap.Enter();
        _kept = scope.Keep(scope.NewBytes(TracedLayout.Custom(&Trace), 64));
    }

    public static TheoryData<string> Answered => ["GetStatistics", "GetTracedStatistics", "FindLiveBlocks", "Trim", "Alloc", "Handle", "RootArray", "LastCollection"];

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
            case "GetStatistics":
                Assert.InRange(_heap.GetStatistics().TracedSpans, 1, 10);
                break;
            case "GetTracedStatistics":
                Assert.Equal(1, _heap.GetTracedStatistics().Handles);
                break;
            case "FindLiveBlocks":
                Assert.NotNull(_heap.FindLiveBlocks());
                break;
            case "Trim":
                _heap.Trim();
                break;
            case "Alloc":
                _heap.Free(_heap.Alloc(100));
                break;
            case "Handle":
                Assert.NotEqual(default, _kept);
                default(GcHandle<byte>).Dispose();
                break;
            case "RootArray":
                _heap.CreateRootArray<byte>(1).Dispose();
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

    private static void Trace(nint block, TraceContext context) => t_call?.Invoke();
}
