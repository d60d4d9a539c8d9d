using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Caches;

public sealed unsafe class ClassShelfTests : IDisposable
{
    private const int Count = 6;
    private readonly Span* _spans = (Span*)NativeMemory.AllocZeroed(Count, (nuint)sizeof(Span));
    private ClassShelf _shelf;

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
        _shelf.AddLast(_spans + 1);
        Add(0);
        _shelf.AddLast(_spans + 2);
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
                _shelf.Remove(_spans + leaving);
                Assert.False(_spans[leaving].Listed);
                Assert.True(_spans[leaving].Next == null && _spans[leaving].Previous == null);
                AssertListed([.. model]);
            }
        }
    }

    [Fact]
    public void The_newest_magazine_of_a_depot_is_topped_up_as_far_as_it_may()
    {
        nint* added = stackalloc nint[3] { 16, 32, 48 };
        Magazine* magazine = (Magazine*)NativeMemory.AllocZeroed(Magazine.Size);
        Assert.False(_shelf.TryTopUp(added, 3, Magazine.Capacity));
        magazine->Count = 2;
        _shelf.Push(magazine);

        Assert.False(_shelf.TryTopUp(added, 3, 4));
        Assert.True(_shelf.TryTopUp(added, 3, 5));

        Assert.Equal((5, 5), (magazine->Count, _shelf.DepotBlocks));
        Assert.Equal([16, 32, 48], new ReadOnlySpan<nint>(Magazine.Blocks(magazine) + 2, 3).ToArray());
        NativeMemory.Free(magazine);
    }

    [Fact]
    public void A_depot_gives_its_newest_first_and_its_oldest_when_asked()
    {
        Magazine** magazines = stackalloc Magazine*[ClassShelf.DepotSize];
        for (int i = 0; i < ClassShelf.DepotSize; i++)
        {
            magazines[i] = (Magazine*)NativeMemory.AllocZeroed(Magazine.Size);
            _shelf.Push(magazines[i]);
        }

        Assert.Equal(ClassShelf.DepotSize, _shelf.DepotCount);
        Assert.True(_shelf.TakeOldest() == magazines[0]);
        Assert.True(_shelf.Pop() == magazines[ClassShelf.DepotSize - 1]);
        Assert.True(_shelf.TakeOldest() == magazines[1]);
        Assert.True(_shelf.Pop() == magazines[ClassShelf.DepotSize - 2]);
        Assert.Equal(ClassShelf.DepotSize - 4, _shelf.DepotCount);
        Assert.True(_shelf[0] == magazines[2]);
        for (int i = 0; i < ClassShelf.DepotSize; i++)
        {
            NativeMemory.Free(magazines[i]);
        }
    }

    [Fact]
    public void The_stacks_and_shelves_of_a_cache_do_not_overlap()
    {
        ThreadCache* cache = (ThreadCache*)0x10000;
        List<(nint Address, int Bytes)> places = [];
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
        {
            places.Add(((nint)ThreadCache.Stack(cache, sizeClass), sizeof(ClassStack)));
            places.Add(((nint)ThreadCache.HiddenStack(cache, sizeClass), sizeof(ClassStack)));
            places.Add(((nint)ThreadCache.Shelf(cache, sizeClass), sizeof(ClassShelf)));
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
            _shelf.AddFirst(_spans + number);
        }
    }

    private void AssertListed(params int[] numbers)
    {
        Span* previous = null;
        Span* span = _shelf.Head;
        foreach (int number in numbers)
        {
            Assert.True(span == _spans + number && span->Previous == previous && span->Listed);
            previous = span;
            span = span->Next;
        }

        Assert.True(span == null);
    }
}
