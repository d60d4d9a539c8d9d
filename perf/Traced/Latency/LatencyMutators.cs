using System.Diagnostics;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workloads;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>Threads with a cache each, which they fill and then use for a while; each use of it is timed.</summary>
internal sealed class LatencyMutators : IDisposable
{
    /// <summary>Look-ups in an operation.</summary>
    public const int LookUps = 10;

    // About what an entry takes, with its value and its part of the table.
    private const long BytesPerEntry = 128;
    private const int FillBatch = 1000;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _time;
    private readonly int _capacity;
    private readonly Thread[] _threads;
    private readonly LatencyRecorder?[] _recorders;
    private readonly Barrier _together;
    private Exception? _failure;
    private long _start;

    /// <param name="make">Makes a cache for the thread that calls it, of a number of entries and with so many bits of buckets.</param>
    /// <param name="threads">How many threads.</param>
    /// <param name="liveBytes">What all caches hold together, about.</param>
    /// <param name="time">How long operations are timed.</param>
    public LatencyMutators(Func<int, int, ILru> make, int threads, long liveBytes, TimeSpan time)
    {
        _time = time;
        _capacity = (int)(liveBytes / threads / BytesPerEntry);
        _recorders = new LatencyRecorder?[threads];
        _together = new Barrier(threads + 1);
        _threads = [.. Enumerable.Range(0, threads).Select(index => new Thread(() => Run(index, make)))];
    }

    private int Keys => _capacity / 2 * 3;

    /// <summary>Fills the caches, and returns when all threads wait to begin.</summary>
    public void Fill()
    {
        foreach (Thread thread in _threads)
        {
            thread.Start();
        }

        _together.SignalAndWait();
    }

    /// <summary>Lets the threads use their caches, and returns when all have done so.</summary>
    /// <returns>The timestamp of the beginning.</returns>
    public long Time()
    {
        _start = Stopwatch.GetTimestamp();
        _together.SignalAndWait();
        _together.SignalAndWait();
        return _start;
    }

    /// <summary>Lets the threads look whether their caches have lost anything, and gives what they recorded.</summary>
    /// <exception cref="WorkerException">A thread failed, or found something lost.</exception>
    public IReadOnlyList<LatencyRecorder> Check()
    {
        _together.SignalAndWait();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        return _failure is null ? [.. _recorders.OfType<LatencyRecorder>()] : throw new WorkerException(_failure.ToString());
    }

    public void Dispose() => _together.Dispose();

    private void Run(int index, Func<int, int, ILru> make)
    {
        try
        {
            var random = new SplitMix((ulong)index + 1);
            ILru cache = make(_capacity, int.Log2(_capacity));
            // Until it is full, and its entries have been mixed.
            for (long done = 0; done < 3L * _capacity; done += FillBatch)
            {
                cache.LookUp(FillBatch, Keys, ref random);
            }

            // Until the runtime has compiled what is timed.
            Use(cache, new LatencyRecorder(_start), Stopwatch.GetTimestamp() + TicksOf(s_warmUp), ref random);
            _together.SignalAndWait();
            _together.SignalAndWait();
            var recorder = new LatencyRecorder(_start);
            _recorders[index] = recorder;
            Use(cache, recorder, _start + TicksOf(_time), ref random);
            _together.SignalAndWait();
            _together.SignalAndWait();
            if (cache.CountGood() != _capacity)
            {
                throw new WrongResultException($"The cache of thread {index} has lost entries.");
            }
        }
        catch (Exception error)
        {
            Interlocked.CompareExchange(ref _failure, error, null);
            _together.RemoveParticipant();
        }
    }

    private static long TicksOf(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private void Use(ILru cache, LatencyRecorder recorder, long deadline, ref SplitMix random)
    {
        for (long begin = Stopwatch.GetTimestamp(); begin < deadline;)
        {
            cache.LookUp(LookUps, Keys, ref random);
            long end = Stopwatch.GetTimestamp();
            recorder.Add(begin, end);
            begin = end;
        }
    }
}
