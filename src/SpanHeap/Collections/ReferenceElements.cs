namespace SpanHeap.Collections;

/// <summary>References, each of which is stored by its own method.</summary>
internal readonly struct ReferenceElements<T> : IElements<Gc<T>>
    where T : unmanaged
{
    public static bool AreReferences => true;

    public static GcRef<TracedValues<Gc<T>>> Make(in GcScope scope, long length) => scope.NewArray<T>(length).As<TracedValues<Gc<T>>>();

    public static void Copy(scoped in GcScope scope, ref Gc<T> from, ref Gc<T> to, long count) => ReferenceRange.Copy(scope, ref from, ref to, count);

    public static void Clear(scoped in GcScope scope, ref Gc<T> first, long count) => ReferenceRange.Fill(scope, ref first, default, count);
}
