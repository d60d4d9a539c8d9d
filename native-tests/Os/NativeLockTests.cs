using SpanHeap.Os;

namespace SpanHeap.Tests.Os;

public sealed class NativeLockTests
{
    private NativeLock _lock;
    private long _counter;

    [Fact]
    public void A_lock_in_zeroed_memory_is_free() => Assert.False(default(NativeLock).IsHeld);

    [Fact]
    public void A_held_lock_is_not_entered_again_until_its_exit()
    {
        _lock.Enter();
        Assert.True(_lock.IsHeld);
        Assert.False(_lock.TryEnter());
        _lock.Exit();
        Assert.False(_lock.IsHeld);
        Assert.True(_lock.TryEnter());
        _lock.Exit();
    }

    [Fact]
    public void No_increment_is_lost_when_more_threads_than_cores_contend()
    {
        const int PerThread = 100_000;
        Thread[] threads = [.. Enumerable.Range(0, 2 + (2 * Environment.ProcessorCount)).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < PerThread; i++)
            {
                _lock.Enter();
                _counter++;
                _lock.Exit();
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal((long)threads.Length * PerThread, _counter);
        Assert.False(_lock.IsHeld);
    }

    [Fact]
    public void A_thread_that_waits_is_not_interrupted()
    {
        _lock.Enter();
        int state = 0;
        Thread waiting = new(() =>
        {
            Volatile.Write(ref state, 1);
            _lock.Enter();
            Volatile.Write(ref state, 2);
            _lock.Exit();
        });
        waiting.Start();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref state) == 1, TimeSpan.FromSeconds(30)));
        waiting.Interrupt();
        Assert.Equal(1, Volatile.Read(ref state));
        _lock.Exit();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref state) == 2, TimeSpan.FromSeconds(30)));
        waiting.Join();
    }
}
