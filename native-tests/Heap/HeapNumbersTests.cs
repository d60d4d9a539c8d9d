using SpanHeap.Heap;

namespace SpanHeap.Tests.Heap;

public sealed class HeapNumbersTests
{
    private const int Many = 300;

    private readonly HeapNumbers _numbers = new();

    [Fact]
    public void Numbers_come_in_order()
    {
        Assert.Equal(Enumerable.Range(0, Many), Enumerable.Range(0, Many).Select(_ => _numbers.Take()));
    }

    [Fact]
    public void The_lowest_that_was_given_back_comes_first()
    {
        for (int i = 0; i < Many; i++)
        {
            _numbers.Take();
        }

        Array.ForEach([200, 7, 64, 63], _numbers.Give);

        Assert.Equal([7, 63, 64, 200, Many], Enumerable.Range(0, 5).Select(_ => _numbers.Take()));
    }

    [Fact]
    public void Threads_that_take_at_once_get_different_ones()
    {
        int[] taken = new int[4 * Many];
        Parallel.For(0, 4, part =>
        {
            for (int i = 0; i < Many; i++)
            {
                taken[(part * Many) + i] = _numbers.Take();
            }
        });

        Assert.Equal(Enumerable.Range(0, taken.Length), taken.Order());
    }
}
