using SpanHeap.Heap;

namespace SpanHeap.Tests.Heap;

/// <summary>The heap that is due first comes first, whatever comes and goes.</summary>
public sealed class MaintenanceQueueTests
{
    private MaintenanceQueue _queue;

    [Fact]
    public void Heaps_leave_in_the_order_in_which_they_are_due()
    {
        long[] dues = [5, 3, 9, 3, 1, 7, 2, 8, 2];
        foreach (long due in dues)
        {
            _queue.Add(new HeapMaintenance(Timeout.InfiniteTimeSpan) { Due = due });
        }

        foreach (long due in dues.Order())
        {
            Assert.Equal(due, _queue.First!.Due);
            _queue.Remove(_queue.First);
        }

        Assert.Null(_queue.First);
    }

    [Fact]
    public void Any_heap_may_leave_and_come_again_at_any_time()
    {
        Random random = new(20);
        HeapMaintenance[] all = [.. Enumerable.Range(0, 40).Select(_ => new HeapMaintenance(Timeout.InfiniteTimeSpan))];
        for (int i = 0; i < 4000; i++)
        {
            HeapMaintenance one = all[random.Next(all.Length)];
            _queue.Remove(one);
            Assert.False(one.IsQueued);
            if (random.Next(3) != 0)
            {
                one.Due = random.Next(1000);
                _queue.Add(one);
            }

            long[] queued = [.. all.Where(static entry => entry.IsQueued).Select(static entry => entry.Due)];
            Assert.Equal(queued.Length == 0, _queue.First == null);
            Assert.True(_queue.First == null || _queue.First.Due == queued.Min());
        }
    }
}
