using System.Text;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

public sealed class TracedStringTests
{
    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("eight by")]
    [InlineData("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 🥊")]
    public void Text_comes_back_as_it_was_given(string text)
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedString> kept;
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedString> made = scope.NewString(text);
            kept = scope.Keep(made);
            Assert.True(made.Value.ContentEquals(scope.NewString(bytes)));
        }

        heap.CollectAndSweep();
        using TracedScope look = heap.Enter();
        TracedRef<TracedString> found = kept.Get(look);
        Assert.Equal((text, bytes.Length), (found.Value.ToString(), found.Value.Length));
        Assert.Equal(bytes, found.Value.Span.ToArray());
    }

    [Fact]
    public void Strings_are_equal_by_their_bytes()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        TracedRef<TracedString> one = scope.NewString("one");
        Assert.True(one.Value.ContentEquals(scope.NewString("one")) && one.Value.ContentEquals("one"u8));
        Assert.False(one.Value.ContentEquals(scope.NewString("One")) || one.Value.ContentEquals("on"u8) || one.Value.ContentEquals("one\0"u8));
        Assert.False(one.Value.ContentEquals(default(TracedRef<TracedString>)));
        Assert.True(scope.New<TracedString>().Value.ContentEquals(scope.NewString("")));
    }

    [Fact]
    public void Equal_strings_have_equal_hashes_and_others_hardly_ever()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        HashSet<int> hashes = [];
        for (int length = 0; length < 2000; length++)
        {
            byte[] text = new byte[length];
            TracedRef<TracedString> zeros = scope.NewString(text);
            Assert.Equal(zeros.Value.ContentHash(), scope.NewString(text).Value.ContentHash());
            hashes.Add(zeros.Value.ContentHash());
        }

        for (int i = 0; i < 2000; i++)
        {
            hashes.Add(scope.NewString($"key {i}").Value.ContentHash());
        }

        // Of 4,000 numbers of 32 bits two are equal once in 500 times, four never.
        Assert.InRange(hashes.Count, 3997, 4000);
    }

    // A method that might write would be called on a copy, which has no bytes.
    [Fact]
    public void A_hash_is_found_through_a_reference_that_only_reads()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref readonly TracedString text = ref scope.NewString("one").Value;
        Assert.Equal(scope.NewString("one").Value.ContentHash(), text.ContentHash());
    }

    [Fact]
    public void A_part_is_a_string_of_its_own()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedString> kept;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<TracedString> whole = scope.NewString("größer");
            kept = scope.Keep(whole.Value.Substring(scope, 2, 4));
            Assert.Equal(0, whole.Value.Substring(scope, 8, 0).Value.Length);
        }

        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
        using TracedScope look = heap.Enter();
        Assert.Equal("öß", kept.Get(look).Value.ToString());
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 9)]
    [InlineData(9, 0)]
    [InlineData(0, -1)]
    [InlineData(1, int.MaxValue)]
    public void A_part_that_is_not_there_is_refused(int start, int length) => Assert.Throws<ArgumentOutOfRangeException>(() => Part(start, length));

    [Theory]
    [InlineData(3, 1)]
    [InlineData(2, 1)]
    public void A_part_that_cuts_a_character_is_refused(int start, int length) => Assert.Throws<ArgumentException>(() => Part(start, length));

    [Fact]
    public void Bytes_that_are_not_UTF_8_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Assert.Throws<ArgumentException>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewString([0x61, 0xff]);
        });
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    private static void Part(int start, int length)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        scope.NewString("größer").Value.Substring(scope, start, length);
    }
}
