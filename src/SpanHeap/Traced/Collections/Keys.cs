using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Collections;

/// <summary>How the keys of a table are moved and cleared: values as bytes, strings as references.</summary>
/// <remarks>Which of the two a type of keys is, is a constant in compiled code: each instance of the generic type has one way alone.</remarks>
internal static class Keys<TKey>
    where TKey : unmanaged
{
    public static bool AreStrings
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => typeof(TKey) == typeof(Traced<TracedString>);
    }

    /// <summary>Gets a key as the reference that it is; only where <see cref="AreStrings"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref Traced<TracedString> AsString(ref TKey key) => ref Unsafe.As<TKey, Traced<TracedString>>(ref key);

    /// <summary>Copies one key to a place that does not overlap.</summary>
    public static void Copy(scoped in TracedScope scope, ref TKey from, ref TKey to, long count)
    {
        if (AreStrings)
        {
            ReferenceRange.Copy(scope, ref AsString(ref from), ref AsString(ref to), count);
        }
        else
        {
            ValueElements<TKey>.Copy(scope, ref from, ref to, count);
        }
    }

    public static void Clear(scoped in TracedScope scope, ref TKey first, long count)
    {
        if (AreStrings)
        {
            ReferenceRange.Fill(scope, ref AsString(ref first), default, count);
        }
    }
}
