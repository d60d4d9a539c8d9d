using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Tests.Traced.Layouts;

/// <summary>Layouts of large types, and a process that has registered all that there can be.</summary>
public sealed unsafe class SpanClassesTests
{
    [Fact]
    public void A_traced_struct_may_be_larger_than_the_runtime_makes_arrays_of()
    {
        Assert.InRange(Unsafe.SizeOf<Vast>(), 65_536, int.MaxValue);
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Vast> vast = scope.New<Vast>();
            TracedRef<Vast> second = scope.New<Vast>();
            second.Last = scope.New<Branch>();
            vast.First = second;
            vast.Last = scope.New<Branch>();
            scope.Keep(vast);
        }

        heap.CollectAndSweep();
        Assert.Equal((2L, 2L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_row_of_references_may_be_as_large()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<VastRow> row = scope.New<VastRow>();
            row.Value[8999].Set(scope, scope.New<Branch>());
            row.Value[0].Set(scope, scope.New<Branch>());
            scope.New<Branch>();
            scope.Keep(row);
        }

        heap.CollectAndSweep();
        Assert.Equal((2L, 1L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_program_that_has_registered_all_layouts_still_has_those_of_the_library()
    {
        ChildProgram.Result child = ChildProgram.Run(UseUpLayouts);
        Assert.True(child.ExitCode == 0, child.Output + child.Error);
    }

    [Fact]
    public void A_program_that_has_used_all_kinds_still_has_those_of_the_library()
    {
        ChildProgram.Result child = ChildProgram.Run(UseUpKinds);
        Assert.True(child.ExitCode == 0, child.Output + child.Error);
    }

    private static void UseUpLayouts()
    {
        // Before anything else of the library is touched.
        string refusal = Register(static i => TracedLayout.OfFields(8 * 5000, 8 * i));
        Assert.Contains("registered 4096 layouts", refusal, StringComparison.Ordinal);

        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(scope.NewArray<byte>(10));
            scope.Keep(scope.NewValues<int>(10));
            scope.Keep(scope.NewString("text"));
            scope.Keep(scope.NewCollectable(100));
            scope.Keep(scope.NewBytes(TracedLayout.NoPointers, 100));
            string message = Refusal(static scope => scope.New<Couple<Broad, long>>(), scope);
            Assert.Contains("Couple", message, StringComparison.Ordinal);
            Assert.Contains("registered 4096 layouts", message, StringComparison.Ordinal);

            // And again: the first failure is no other than the next.
            Assert.Equal(message, Refusal(static scope => scope.New<Couple<Broad, long>>(), scope));
        }

        heap.CollectAndSweep();
        Assert.Equal(5, heap.GetStatistics().Handles);
    }

    private static void UseUpKinds()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            int made = 0;
            string? refusal = null;
            for (int words = 2; refusal == null; words++)
            {
                TracedLayout layout = TracedLayout.OfFields(words * 8, 0, (words - 1) * 8);
                for (int bytes = words * 8; bytes < 32 << 10 && refusal == null; bytes = (bytes * 9 / 8) + 16, made++)
                {
                    refusal = RefusalOf(layout, bytes, scope);
                }
            }

            Assert.Contains("combinations of layout and size class", refusal, StringComparison.Ordinal);
            Assert.InRange(made, 3000, 4095);
            for (int length = 1; length < 1 << 18; length *= 2)
            {
                scope.NewArray<byte>(length);
                scope.NewValues<long>(length);
                scope.NewCollectable(length);
            }

            MakeOwnSpanClasses();
            Assert.Equal(SpanClasses.Capacity, SpanClasses.Count);
        }

        heap.CollectAndSweep();
    }

    // All span classes that are kept for the library's own layouts.
    private static void MakeOwnSpanClasses()
    {
        for (uint sizeClass = 0; sizeClass <= (uint)SpanHeap.Spans.SizeClasses.LastShared; sizeClass++)
        {
            for (int layout = SpanClasses.NoPointers; layout <= SpanClasses.Collectable; layout++)
            {
                SpanClasses.Of(layout, sizeClass);
            }
        }
    }

    private delegate void Making(TracedScope scope);

    private static string Refusal(Making make, TracedScope scope)
    {
        try
        {
            make(scope);
        }
        catch (InvalidOperationException error)
        {
            return error.Message;
        }

        return string.Empty;
    }

    private static string? RefusalOf(TracedLayout layout, int bytes, TracedScope scope)
    {
        try
        {
            scope.NewBytes(layout, bytes);
            return null;
        }
        catch (InvalidOperationException error)
        {
            return error.Message;
        }
    }

    private static string Register(Func<int, TracedLayout> make)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                make(i);
            }
            catch (InvalidOperationException error)
            {
                return error.Message;
            }
        }
    }
}
