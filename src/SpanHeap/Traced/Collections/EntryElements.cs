using System.Runtime.CompilerServices;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Collections;

/// <summary>The entries of a table, which are copied key by key and value by value.</summary>
internal readonly struct EntryElements<TKey, TValue, TValues> : IElements<TableEntry<TKey, TValue, TValues>>
    where TKey : unmanaged
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    public static bool AreReferences => false;

    public static int HeaderBytes => SpanClassInfo.ArrayHeaderBytes;

    public static TracedRef<TracedValues<TableEntry<TKey, TValue, TValues>>> Make(in TracedScope scope, long length) =>
        scope.NewElements<TableEntry<TKey, TValue, TValues>>(length).As<TracedValues<TableEntry<TKey, TValue, TValues>>>();

    // The places never overlap: a table's entries do not move within it.
    public static void Copy(
        scoped in TracedScope scope, ref TableEntry<TKey, TValue, TValues> from, ref TableEntry<TKey, TValue, TValues> to, long count)
    {
        for (nint i = 0; i < count; i++)
        {
            ref TableEntry<TKey, TValue, TValues> entry = ref Unsafe.Add(ref from, i);
            ref TableEntry<TKey, TValue, TValues> copy = ref Unsafe.Add(ref to, i);
            copy.Hash = entry.Hash;
            copy.Next = entry.Next;
            Keys<TKey>.Copy(scope, ref entry.Key, ref copy.Key, 1);
            TValues.Copy(scope, ref entry.Value, ref copy.Value, 1);
        }
    }

    public static void Clear(scoped in TracedScope scope, ref TableEntry<TKey, TValue, TValues> first, long count)
    {
        for (nint i = 0; i < count; i++)
        {
            ref TableEntry<TKey, TValue, TValues> entry = ref Unsafe.Add(ref first, i);
            Keys<TKey>.Clear(scope, ref entry.Key, 1);
            TValues.Clear(scope, ref entry.Value, 1);
        }
    }
}
