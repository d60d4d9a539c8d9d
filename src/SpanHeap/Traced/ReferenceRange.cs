using System.Runtime.CompilerServices;

namespace SpanHeap.Traced;

/// <summary>Stores many references that lie side by side, each as <see cref="Traced{T}.Set"/> does. No other place does so.</summary>
internal static class ReferenceRange
{
    /// <summary>Copies references; the two places may overlap.</summary>
    public static void Copy<T>(scoped in TracedScope scope, ref Traced<T> from, ref Traced<T> to, long count)
        where T : unmanaged
    {
        // An element must have been copied before it is overwritten.
        if (Unsafe.IsAddressLessThan(ref from, ref to))
        {
            for (nint i = (nint)count - 1; i >= 0; i--)
            {
                Unsafe.Add(ref to, i).Set(scope, Unsafe.Add(ref from, i).Get(scope));
            }
        }
        else
        {
            for (nint i = 0; i < count; i++)
            {
                Unsafe.Add(ref to, i).Set(scope, Unsafe.Add(ref from, i).Get(scope));
            }
        }
    }

    /// <summary>Makes all the references refer to one block, or to nothing.</summary>
    public static void Fill<T>(scoped in TracedScope scope, ref Traced<T> first, TracedRef<T> value, long count)
        where T : unmanaged
    {
        for (nint i = 0; i < count; i++)
        {
            Unsafe.Add(ref first, i).Set(scope, value);
        }
    }
}
