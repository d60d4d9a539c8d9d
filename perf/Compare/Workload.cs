using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare;

/// <summary>
/// A way to use memory whose time is taken pass by pass. One object lives in one process and sees one allocator: Prepare, Fill,
/// then (Run, Verify) many times, then Drain.
/// </summary>
/// <remarks>
/// Only <see cref="Run{T}"/> is timed, and the first Fill of a fresh process for the cold figure. Its loops are methods generic over
/// the allocator, without a virtual call, a delegate or a managed allocation inside; a pass calls them dozens of times, because the runtime
/// compiles a method at tier 1 only after thirty calls. Blocks are tagged as they are written and the tags are
/// checked when they are freed, so that a broken allocator cannot win.
/// </remarks>
/// <param name="threads">How many threads allocate at a time.</param>
/// <param name="threadsStay">Whether they serve all passes. A workload about threads that die makes its own.</param>
internal abstract class Workload(int threads, bool threadsStay = true) : IDisposable
{
    private readonly WorkerTeam? _team = threads > 1 && threadsStay ? new WorkerTeam(threads) : null;

    /// <summary>How many threads allocate at a time.</summary>
    public int Threads { get; } = threads;

    /// <summary>How many operations a pass has, all threads together; about 20 to 60 ms worth of them with the platform's malloc.</summary>
    public abstract long Operations { get; }

    /// <summary>What the workload asks of an allocator beyond Alloc and Free.</summary>
    public virtual Needs Needs => Needs.Nothing;

    /// <summary>Whether what is resident three seconds after <see cref="Drain{T}"/> says something: a few MiB were live.</summary>
    public virtual bool ShowsIdle => false;

    /// <summary>Whether it takes so much memory that allocators cannot wait for their turns side by side.</summary>
    public virtual bool RunsAlone => false;

    /// <summary>Chooses sizes and orders and makes tables: everything that is not the allocator's. Comes before the memory's baseline.</summary>
    public virtual void Prepare() { }

    /// <summary>Allocates the blocks that stay live between passes.</summary>
    public virtual void Fill<T>() where T : struct, IAllocator<T>, allows ref struct { }

    /// <summary>One pass. The wall time from here to its return divided by <see cref="Operations"/> is the figure.</summary>
    public abstract void Run<T>() where T : struct, IAllocator<T>, allows ref struct;

    /// <summary>Frees all that is live.</summary>
    public virtual void Drain<T>() where T : struct, IAllocator<T>, allows ref struct { }

    /// <summary>Throws <see cref="WrongContentsException"/> if blocks of the last pass overlapped, moved or were not aligned.</summary>
    public abstract void Verify();

    public void Dispose() => _team?.Dispose();

    /// <summary>Runs the body on every thread that stays, each with its number from 0, and waits for all; on the calling thread if there is one only.</summary>
    protected void RunOnThreads(Action<int> body)
    {
        if (_team is null)
        {
            body(0);
        }
        else
        {
            _team.Run(body);
        }
    }
}
