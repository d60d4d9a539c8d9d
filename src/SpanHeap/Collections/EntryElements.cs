using System.Runtime.CompilerServices;

namespace SpanHeap.Collections;

/// <summary>Entries of a table, which are copied key by key and value by value.</summary>
internal readonly struct EntryElements<TKey, TKeys, TValue, TValues> : IElements<TableEntry<TKey, TKeys, TValue, TValues>>
    where TKey : unmanaged
    where TKeys : struct, IElements<TKey>
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    public static bool AreReferences => false;

    public static GcRef<TracedValues<TableEntry<TKey, TKeys, TValue, TValues>>> Make(in GcScope scope, long length) =>
        scope.NewElements<TableEntry<TKey, TKeys, TValue, TValues>>(length).As<TracedValues<TableEntry<TKey, TKeys, TValue, TValues>>>();

    // Only to places that do not overlap: a table's entries never move within it.
    public static void Copy(
        scoped in GcScope scope, ref TableEntry<TKey, TKeys, TValue, TValues> from, ref TableEntry<TKey, TKeys, TValue, TValues> to, long count)
    {
        for (nint i = 0; i < count; i++)
        {
            ref TableEntry<TKey, TKeys, TValue, TValues> entry = ref Unsafe.Add(ref from, i);
            ref TableEntry<TKey, TKeys, TValue, TValues> copy = ref Unsafe.Add(ref to, i);
            copy.Hash = entry.Hash;
            copy.Next = entry.Next;
            TKeys.Copy(scope, ref entry.Key, ref copy.Key, 1);
            TValues.Copy(scope, ref entry.Value, ref copy.Value, 1);
        }
    }

    public static void Clear(scoped in GcScope scope, ref TableEntry<TKey, TKeys, TValue, TValues> first, long count)
    {
        for (nint i = 0; i < count; i++)
        {
            ref TableEntry<TKey, TKeys, TValue, TValues> entry = ref Unsafe.Add(ref first, i);
            TKeys.Clear(scope, ref entry.Key, 1);
            TValues.Clear(scope, ref entry.Value, 1);
        }
    }
}
