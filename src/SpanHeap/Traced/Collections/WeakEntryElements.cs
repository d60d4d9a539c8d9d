using System.Runtime.CompilerServices;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Collections;

/// <summary>The entries of a table with weak keys, whose keys and values are stored as all references are.</summary>
/// <remarks>
/// Copying reads keys that nothing else may keep. They need no shading while the heap is marked: the copy is in an array that marking knows, and is cleared
/// like the original.
/// </remarks>
internal readonly struct WeakEntryElements : IElements<WeakEntry>
{
    public static bool AreReferences => false;

    public static int HeaderBytes => WeakArray.HeaderBytes;

    public static unsafe TracedRef<TracedValues<WeakEntry>> Make(in TracedScope scope, long length)
    {
        nint array = scope.NewBlock(SpanClasses.WeakEntries, WeakArray.HeaderBytes + (length * sizeof(WeakEntry)));
        WeakArray.At(array)->Length = length;
        scope.Heap.Barrier.NoteWeakArray(array);
        return new TracedRef<TracedValues<WeakEntry>>(array);
    }

    // The places never overlap: a table's entries do not move within it.
    public static void Copy(scoped in TracedScope scope, ref WeakEntry from, ref WeakEntry to, long count)
    {
        for (nint i = 0; i < count; i++)
        {
            ref WeakEntry entry = ref Unsafe.Add(ref from, i);
            ref WeakEntry copy = ref Unsafe.Add(ref to, i);
            copy.Next = entry.Next;
            KeyOf(ref copy).Set(scope, KeyOf(ref entry).Get(scope));
            ValueOf(ref copy).Set(scope, ValueOf(ref entry).Get(scope));
        }
    }

    public static void Clear(scoped in TracedScope scope, ref WeakEntry first, long count)
    {
        for (nint i = 0; i < count; i++)
        {
            ref WeakEntry entry = ref Unsafe.Add(ref first, i);
            KeyOf(ref entry).Set(scope, default);
            ValueOf(ref entry).Set(scope, default);
        }
    }

    /// <summary>Gets the key of an entry as the reference that it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref Traced<byte> KeyOf(ref WeakEntry entry) => ref Unsafe.As<nint, Traced<byte>>(ref entry.Key);

    /// <summary>Gets the value of an entry as the reference that it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref Traced<byte> ValueOf(ref WeakEntry entry) => ref Unsafe.As<nint, Traced<byte>>(ref entry.Value);
}
