using System.Runtime.CompilerServices;

namespace SpanHeap;

/// <summary>Stores of many references that lie side by side: the one place where they are, each a store as <see cref="Gc{T}.Set"/> makes it.</summary>
internal static class ReferenceRange
{
    /// <summary>Copies references; the two places may overlap.</summary>
    public static void Copy<T>(scoped in GcScope scope, ref Gc<T> from, ref Gc<T> to, long count)
        where T : unmanaged
    {
        // What is overwritten must have been copied before.
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

    /// <summary>Makes references all refer to one block, or to nothing.</summary>
    public static void Fill<T>(scoped in GcScope scope, ref Gc<T> first, GcRef<T> value, long count)
        where T : unmanaged
    {
        for (nint i = 0; i < count; i++)
        {
            Unsafe.Add(ref first, i).Set(scope, value);
        }
    }
}
