using System.Runtime.CompilerServices;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Collections;

/// <summary>Elements that are values without references, which are copied as bytes.</summary>
internal readonly struct ValueElements<T> : IElements<T>
    where T : unmanaged
{
    public static bool AreReferences => false;

    public static int HeaderBytes => SpanClassInfo.ArrayHeaderBytes;

    public static TracedRef<TracedValues<T>> Make(in TracedScope scope, long length) => scope.NewValues<T>(length);

    public static unsafe void Copy(scoped in TracedScope scope, ref T from, ref T to, long count) =>
        Buffer.MemoryCopy(Unsafe.AsPointer(ref from), Unsafe.AsPointer(ref to), count * sizeof(T), count * sizeof(T));

    public static void Clear(scoped in TracedScope scope, ref T first, long count) { }
}
