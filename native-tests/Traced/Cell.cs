using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>
/// A block of a language with tags: a count of words, then words of which those that are even are addresses, and those that are odd
/// numbers, or addresses anywhere inside a block plus <see cref="InteriorTag"/>.
/// </summary>
internal static unsafe class Cell
{
    public const long InteriorTag = 1L << 62;

    public static readonly TracedLayout Layout = TracedLayout.Custom(&Trace);

    public static TracedRef<byte> Make(in TracedScope scope, int words)
    {
        TracedRef<byte> cell = scope.NewBytes(Layout, (words + 1) * sizeof(long));
        *(long*)cell.Address = words;
        return cell;
    }

    public static ref long Word(nint cell, int index) => ref ((long*)cell)[1 + index];

    private static void Trace(nint cell, TracedVisitor context)
    {
        for (int i = 0; i < *(long*)cell; i++)
        {
            long word = Word(cell, i);
            if (word % 2 == 0)
            {
                context.Visit((nint)word);
            }
            else if (word >= InteriorTag)
            {
                context.VisitInterior((nint)(word - InteriorTag));
            }
        }
    }
}
