using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Collections;

/// <summary>Elements that are references, each of which is stored by its own method.</summary>
internal readonly struct ReferenceElements<T> : IElements<Traced<T>>
    where T : unmanaged
{
    public static bool AreReferences => true;

    public static int HeaderBytes => SpanClassInfo.ArrayHeaderBytes;

    public static TracedRef<TracedValues<Traced<T>>> Make(in TracedScope scope, long length) => scope.NewArray<T>(length).As<TracedValues<Traced<T>>>();

    public static void Copy(scoped in TracedScope scope, ref Traced<T> from, ref Traced<T> to, long count) => ReferenceRange.Copy(scope, ref from, ref to, count);

    public static void Clear(scoped in TracedScope scope, ref Traced<T> first, long count) => ReferenceRange.Fill(scope, ref first, default, count);
}
