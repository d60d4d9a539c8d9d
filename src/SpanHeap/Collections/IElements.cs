namespace SpanHeap.Collections;

/// <summary>How the elements of a collection's arrays are made, moved and let go: the one thing in which values, references and entries differ.</summary>
/// <typeparam name="T">What an element is.</typeparam>
/// <remarks>Arrays are seen as <see cref="TracedValues{T}"/> here whatever they are: all begin with their length and lie the same.</remarks>
internal interface IElements<T>
    where T : unmanaged
{
    /// <summary>Whether an element is a reference.</summary>
    static abstract bool AreReferences { get; }

    /// <summary>An array, all zero.</summary>
    static abstract GcRef<TracedValues<T>> Make(in GcScope scope, long length);

    /// <summary>Copies elements that lie side by side; the two places may overlap.</summary>
    static abstract void Copy(scoped in GcScope scope, ref T from, ref T to, long count);

    /// <summary>Lets go what elements refer to; what they are otherwise is nobody's concern any more.</summary>
    static abstract void Clear(scoped in GcScope scope, ref T first, long count);
}
