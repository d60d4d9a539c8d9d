using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>Looks at pages with one step done wrongly.</summary>
internal sealed unsafe partial class Marker
{
    /// <summary>Lets a page go without a second look at it.</summary>
    internal void MutantDrainWithoutSecondLook()
    {
        nint* found = stackalloc nint[FoundCapacity + OwnCapacity];
        do
        {
            while (_pages.TryTake(out nint page))
            {
                ulong pointers = SpanClasses.Info(PageEntry.SpanClass(*ArenaHeader.EntryOf(page)))->FirstPointers;
                ulong* waiting = TracedBits.WordOf(page, TracedBits.Waiting);
                do
                {
                    for (int word = 0; word < TracedBits.WordsPerPage; word++)
                    {
                        FollowFields(page, word, _marks.TakeWaiting(waiting + word), pointers, found);
                    }
                }
                while (PageMarks.AnyWaiting(page));

                InterleavingPoints.At(InterleavingPoint.PageLeaving);
                Interlocked.Exchange(ref *TracedBits.QueuedOf(page), 0);
            }
        }
        while (_pages.TryRefill());
    }
}
