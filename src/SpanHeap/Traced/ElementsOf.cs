using System.Runtime.CompilerServices;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced;

/// <summary>The layout of arrays whose elements are of a given type, once it is known.</summary>
internal static unsafe class ElementsOf<T>
    where T : unmanaged, ITraced<T>
{
    public const int NotYet = -1;

    // Written by the first thread that asks, or by several at the same time: all of them find the same number.
    public static int Layout = NotYet;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Make()
    {
        Layout = SpanClasses.AddElementsOf(T.Layout.Number, sizeof(T), typeof(T).Name);
        return Layout;
    }
}
