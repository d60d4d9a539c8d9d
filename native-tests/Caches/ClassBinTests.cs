using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Caches;

public sealed unsafe class ClassBinTests : IDisposable
{
    private const int Count = 6;
    private readonly Span* _spans = (Span*)NativeMemory.AllocZeroed(Count, (nuint)sizeof(Span));
    private ClassBin _bin;

    public ClassBinTests()
    {
        for (int i = 0; i < Count; i++)
        {
            _spans[i].FreeSlots = 1;
        }
    }

    public void Dispose() => NativeMemory.Free(_spans);

    [Fact]
    public void The_span_that_came_last_stands_first()
    {
        Add(2, 1, 0);
        AssertListed(0, 1, 2);
    }

    [Fact]
    public void A_cold_span_stands_last()
    {
        _bin.AddLast(_spans + 1);
        Add(0);
        _bin.AddLast(_spans + 2);
        AssertListed(0, 1, 2);
    }

    [Fact]
    public void Spans_leave_from_any_place_in_any_order()
    {
        Random random = new(3);
        for (int round = 0; round < 200; round++)
        {
            List<int> model = [.. Enumerable.Range(0, Count)];
            Add([.. Enumerable.Reverse(model)]);
            while (model.Count > 0)
            {
                int leaving = model[random.Next(model.Count)];
                model.Remove(leaving);
                _bin.Remove(_spans + leaving);
                Assert.False(_spans[leaving].Listed);
                Assert.True(_spans[leaving].Next == null && _spans[leaving].Previous == null);
                AssertListed([.. model]);
            }
        }
    }

    [Fact]
    public void A_depot_gives_its_newest_first_and_its_oldest_when_asked()
    {
        Magazine** magazines = stackalloc Magazine*[ClassBin.DepotSize];
        for (int i = 0; i < ClassBin.DepotSize; i++)
        {
            magazines[i] = (Magazine*)NativeMemory.AllocZeroed(Magazine.Size);
            magazines[i]->Count = 1;
            _bin.Push(magazines[i]);
        }

        Assert.Equal(ClassBin.DepotSize, _bin.DepotCount);
        Assert.True(_bin.TakeOldest() == magazines[0]);
        Assert.True(_bin.Pop() == magazines[ClassBin.DepotSize - 1]);
        Assert.True(_bin.TakeOldest() == magazines[1]);
        Assert.True(_bin.Pop() == magazines[ClassBin.DepotSize - 2]);
        Assert.Equal(ClassBin.DepotSize - 4, _bin.DepotCount);
        Assert.True(_bin[0] == magazines[2]);
        for (int i = 0; i < ClassBin.DepotSize; i++)
        {
            NativeMemory.Free(magazines[i]);
        }
    }

    [Fact]
    public void The_stacks_and_bins_of_a_cache_do_not_overlap()
    {
        ThreadCache* cache = (ThreadCache*)0x10000;
        List<(nint Address, int Bytes)> places = [];
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
        {
            places.Add(((nint)ThreadCache.Stack(cache, sizeClass), sizeof(ClassStack)));
            places.Add(((nint)ThreadCache.HiddenStack(cache, sizeClass), sizeof(ClassStack)));
            places.Add(((nint)ThreadCache.Bin(cache, sizeClass), sizeof(ClassBin)));
        }

        nint end = (nint)cache;
        foreach ((nint address, int bytes) in places.OrderBy(static place => place.Address))
        {
            Assert.True(address >= end);
            end = address + bytes;
        }

        Assert.True(end <= (nint)cache + ThreadCache.Size);
    }

    private void Add(params int[] numbers)
    {
        foreach (int number in numbers)
        {
            _bin.AddFirst(_spans + number);
        }
    }

    private void AssertListed(params int[] numbers)
    {
        Span* previous = null;
        Span* span = _bin.Head;
        foreach (int number in numbers)
        {
            Assert.True(span == _spans + number && span->Previous == previous && span->Listed);
            previous = span;
            span = span->Next;
        }

        Assert.True(span == null);
    }
}
