namespace SpanHeap.Traced.Collections;

/// <summary>
/// How the elements of a collection's arrays are made, moved and cleared: the only difference between values, references and entries.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <remarks>Any array is treated as a <see cref="TracedValues{T}"/> here: all of them begin with their length.</remarks>
internal interface IElements<T>
    where T : unmanaged
{
    /// <summary>Whether an element is a reference.</summary>
    static abstract bool AreReferences { get; }

    /// <summary>The bytes of an array before its first element.</summary>
    static abstract int HeaderBytes { get; }

    /// <summary>Makes a zeroed array.</summary>
    static abstract TracedRef<TracedValues<T>> Make(in TracedScope scope, long length);

    /// <summary>Copies elements that lie side by side; the two places may overlap.</summary>
    static abstract void Copy(scoped in TracedScope scope, ref T from, ref T to, long count);

    /// <summary>Clears the references in elements; the rest of their contents no longer matters.</summary>
    static abstract void Clear(scoped in TracedScope scope, ref T first, long count);
}
