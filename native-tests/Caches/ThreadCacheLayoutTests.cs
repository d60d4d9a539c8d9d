using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>The places of a cache's fields are numbers written by hand; and a cache knows which of its places it has used.</summary>
public sealed class ThreadCacheLayoutTests
{
    [Fact]
    public void No_two_fields_share_a_byte()
    {
        FieldInfo[] fields = typeof(ThreadCache).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        (string Name, int Start, int End)[] places =
        [
            .. fields.Select(static field => (field.Name, Start: field.GetCustomAttribute<FieldOffsetAttribute>()!.Value, Size: SizeOf(field.FieldType)))
                .Select(static place => (place.Name, place.Start, place.Start + place.Size))
                .OrderBy(static place => place.Start),
        ];

        Assert.All(places.Zip(places.Skip(1)), static pair => Assert.True(pair.First.End <= pair.Second.Start, $"{pair.First} and {pair.Second} overlap"));
        Assert.InRange(places[^1].End, 1, ThreadCache.Size);
    }

    [Fact]
    public void What_each_Free_reads_is_not_where_the_first_word_of_a_block_may_be_in_another_page()
    {
        int owner = typeof(ThreadCache).GetField(nameof(ThreadCache.Owner))!.GetCustomAttribute<FieldOffsetAttribute>()!.Value;
        int tag = (int)Marshal.OffsetOf<SpanOwner>(nameof(SpanOwner.Tag));
        Assert.InRange(owner + tag, 128, 4096 - 8);
    }

    [Fact]
    public unsafe void The_classes_that_a_cache_has_used_are_found_one_after_the_other()
    {
        ThreadCache* cache = (ThreadCache*)NativeMemory.AllocZeroed(ThreadCache.Size);
        Assert.Equal(0u, ThreadCache.NextUsed(cache, 0));
        uint[] used = [1, 2, 62, 63, 64, 100, SizeClasses.Capacity - 1];
        cache->Lock.Enter();
        foreach (uint sizeClass in used)
        {
            ThreadCache.NoteUse(cache, sizeClass);
        }

        cache->Lock.Exit();

        List<uint> found = [];
        for (uint sizeClass = ThreadCache.NextUsed(cache, 0); sizeClass != 0; sizeClass = ThreadCache.NextUsed(cache, sizeClass))
        {
            found.Add(sizeClass);
        }

        Assert.Equal(used, found);
        Assert.All(Enumerable.Range(1, SizeClasses.Capacity - 1), c => Assert.Equal(used.Contains((uint)c), ThreadCache.HasUsed(cache, (uint)c)));
        NativeMemory.Free(cache);
    }

    [Fact]
    [Unguarded("it is about what caches keep")]
    public unsafe void A_round_passes_by_the_bins_of_classes_that_a_cache_never_used()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Alloc(16);
        ThreadCache* cache = heap.Core.FindOwnCache();
        uint unused = SizeClasses.Of(5000);
        ClassBin* bin = ThreadCache.Bin(cache, unused);

        // As if there were something to come back for.
        bin->EmptySpans = 1;
        bin->UsedAt = heap.Core.Clock.Now;
        bool passed = !heap.Core.Caches.DrainBins(cache, idleOnly: true);
        cache->Lock.Enter();
        ThreadCache.NoteUse(cache, unused);
        cache->Lock.Exit();
        bool looked = heap.Core.Caches.DrainBins(cache, idleOnly: true);
        bin->EmptySpans = 0;

        Assert.True(passed);
        Assert.True(looked);
        heap.Verify();
    }

    private static int SizeOf(Type type) =>
        type.IsPointer ? IntPtr.Size : (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;
}
