using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Tests.Pages;

public sealed unsafe class ArenaIndexTests : IDisposable
{
    private static readonly PageGeometry s_geometry = new(512, 4, 1);
    private readonly MetadataAllocator _metadata = new(new OsMemory());
    private readonly ArenaIndex _index;
    private NativeLock _lock;

    public ArenaIndexTests() => _index = new ArenaIndex(_metadata);

    public void Dispose() => _metadata.Dispose();

    [Fact]
    public void Arenas_are_numbered_by_age_and_found_by_address_beyond_the_first_capacity()
    {
        int[] numbers = [.. Enumerable.Range(1, 128)];
        new Random(1).Shuffle(numbers);
        foreach (int number in numbers)
        {
            Add(number);
        }

        Assert.Equal(128, _index.Count);
        for (int i = 0; i < 128; i++)
        {
            Assert.Equal(numbers[i] * s_geometry.ArenaBytes, _index[i]->Base);
            Assert.Equal(i, _index.IndexOf(_index[i]->Base + 1));
            Assert.Equal((i + 1) * s_geometry.ArenaBytes, _index[_index.AtAddressOrder(i)]->Base);
        }
    }

    [Fact]
    public void The_oldest_arena_serves_first_wherever_it_lies()
    {
        foreach (int number in (int[])[5, 2, 9])
        {
            Add(number);
        }

        Assert.Equal(0, _index.FirstWithRun(100, 0, 0));
        PageBitmap.Clear(_index[0]->Free, 0, 512);
        _index[0]->SummarizeAll();
        _index.Update(0);
        Assert.Equal(1, _index.FirstWithRun(100, 0, 0));
        Assert.Equal(2 * s_geometry.ArenaBytes, _index[1]->Base);
    }

    [Fact]
    public void An_address_is_found_in_its_arena_from_first_to_last_byte()
    {
        Add(1);
        Add(3);
        nint size = s_geometry.ArenaBytes;
        Assert.Equal(-1, _index.IndexOf(size - 1));
        Assert.Equal(0, _index.IndexOf(size));
        Assert.Equal(0, _index.IndexOf((2 * size) - 1));
        Assert.Equal(-1, _index.IndexOf(2 * size));
        Assert.Equal(1, _index.IndexOf(3 * size));
        Assert.Equal(-1, _index.IndexOf(4 * size));
    }

    [Fact]
    public void The_first_arena_with_a_run_agrees_with_a_linear_look()
    {
        Random random = new(2);
        for (int number = 1; number <= 100; number++)
        {
            Add(number);
        }

        for (int round = 0; round < 5000; round++)
        {
            int changed = random.Next(100);
            ArenaPages* arena = _index[changed];
            PageBitmap.Clear(arena->Free, 0, 512);
            PageBitmap.Set(arena->Free, 10, random.Next(0, 400));
            arena->SummarizeAll();
            _index.Update(changed);

            int pages = random.Next(1, 450);
            int from = random.Next(0, 101);
            int expected = -1;
            for (int i = from; i < 100 && expected < 0; i++)
            {
                expected = _index[i]->LongestRun() >= pages ? i : -1;
            }

            Assert.Equal(expected, _index.FirstWithRun(pages, 0, from));
        }
    }

    private void Add(int number)
    {
        ArenaPages* arena = ArenaPages.Create(_metadata, number * s_geometry.ArenaBytes, s_geometry, s_geometry.PagesPerArena, needsZero: false);
        Assert.True(_index.EnsureRoom(ref _lock));
        _index.Add(arena);
    }
}
