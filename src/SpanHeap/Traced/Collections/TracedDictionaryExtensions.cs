using SpanHeap.Traced.Collections;

namespace SpanHeap.Traced;

/// <summary>
/// Provides the methods of dictionaries whose keys are strings: <see cref="TracedDictionary{TKey, TValue}"/> and
/// <see cref="TracedRefDictionary{TKey, TValue}"/> with keys of type <c>Traced&lt;TracedString&gt;</c>.
/// </summary>
/// <remarks>A key is given as a reference within the scope, and the dictionary stores it. <c>TryGetValue</c> also takes the key's UTF-8 text.</remarks>
public static class TracedDictionaryExtensions
{
    /// <summary>Adds an entry whose key is a string.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">The value of the entry.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Add" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static void Add<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, TValue value)
        where TValue : unmanaged => dictionary.Add(scope, Stored(key), value);

    /// <summary>Adds an entry whose key is a string, unless there is one with the same text.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">The value of the entry.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.TryAdd" path="/returns"/>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Set" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool TryAdd<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, TValue value)
        where TValue : unmanaged => dictionary.TryAdd(scope, Stored(key), value);

    /// <summary>Sets the value of a string, whether or not the dictionary already has the same text as a key.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">The value of the entry.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Set" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static void Set<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, TValue value)
        where TValue : unmanaged => dictionary.Set(scope, Stored(key), value);

    /// <summary>Gets a reference to the value of a string, to read or write it in place.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Get" path="/returns"/>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Get" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static ref TValue Get<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, in TracedScope scope, TracedRef<TracedString> key)
        where TValue : unmanaged => ref dictionary.Get(scope, Stored(key));

    /// <summary>Gets a reference to the value of a string, after adding an entry with the default value if the dictionary does not have the text as a key.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="exists">Whether the dictionary had the key before the call.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.GetOrAddDefault" path="/returns"/>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Set" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static ref TValue GetOrAddDefault<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, out bool exists)
        where TValue : unmanaged => ref dictionary.GetOrAddDefault(scope, Stored(key), out exists);

    /// <summary>Gets the value of a string, if the dictionary has its text as a key.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">The value, or the default value if the dictionary does not have the key.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.TryGetValue" path="/returns"/>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.TryGetValue" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool TryGetValue<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, out TValue value)
        where TValue : unmanaged => dictionary.TryGetValue(scope, Stored(key), out value);

    /// <summary>Gets the value of a text, if the dictionary has it as a key. No string has to be made for the lookup.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="utf8">The text of the key, in UTF-8.</param>
    /// <param name="value">The value, or the default value if the dictionary does not have the key.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.TryGetValue" path="/returns"/>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.TryGetValue" path="/exception"/>
    public static bool TryGetValue<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, ReadOnlySpan<byte> utf8, out TValue value)
        where TValue : unmanaged => dictionary.TryFind(scope, new TextProbe(utf8), out value);

    /// <summary>Determines whether the dictionary has the text of a string as a key.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.ContainsKey" path="/returns"/>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.ContainsKey" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool ContainsKey<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key)
        where TValue : unmanaged => dictionary.ContainsKey(scope, Stored(key));

    /// <summary>Removes the entry whose key has the text of a string.</summary>
    /// <typeparam name="TValue">The type of the values.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Remove" path="/returns"/>
    /// <inheritdoc cref="TracedDictionary{TKey, TValue}.Remove" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool Remove<TValue>(this ref TracedDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key)
        where TValue : unmanaged => dictionary.Remove(scope, Stored(key));

    /// <summary>Adds an entry whose key is a string.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">A block of the same heap, or nothing.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.Add" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static void Add<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, TracedRef<TValue> value)
        where TValue : unmanaged => dictionary.Add(scope, Stored(key), value);

    /// <summary>Adds an entry whose key is a string, unless there is one with the same text.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">A block of the same heap, or nothing.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.TryAdd" path="/returns"/>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.Set" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool TryAdd<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, TracedRef<TValue> value)
        where TValue : unmanaged => dictionary.TryAdd(scope, Stored(key), value);

    /// <summary>Sets the value of a string, whether or not the dictionary already has the same text as a key.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">A block of the same heap, or nothing.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.Set" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static void Set<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key, TracedRef<TValue> value)
        where TValue : unmanaged => dictionary.Set(scope, Stored(key), value);

    /// <summary>Gets the reference that is the value of a string.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.Get" path="/returns"/>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.Get" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static TracedRef<TValue> Get<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, in TracedScope scope, TracedRef<TracedString> key)
        where TValue : unmanaged => dictionary.Get(scope, Stored(key));

    /// <summary>Gets the value of a string, if the dictionary has its text as a key.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">The value, or nothing if the dictionary does not have the key.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.TryGetValue" path="/returns"/>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.TryGetValue" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool TryGetValue<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, in TracedScope scope, TracedRef<TracedString> key, out TracedRef<TValue> value)
        where TValue : unmanaged => dictionary.TryGetValue(scope, Stored(key), out value);

    /// <summary>Gets the value of a text, if the dictionary has it as a key. No string has to be made for the lookup.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="utf8">The text of the key, in UTF-8.</param>
    /// <param name="value">The value, or nothing if the dictionary does not have the key.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.TryGetValue" path="/returns"/>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.TryGetValue" path="/exception"/>
    public static bool TryGetValue<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, in TracedScope scope, ReadOnlySpan<byte> utf8, out TracedRef<TValue> value)
        where TValue : unmanaged => dictionary.TryFind(scope, new TextProbe(utf8), out value);

    /// <summary>Determines whether the dictionary has the text of a string as a key.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.ContainsKey" path="/returns"/>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.ContainsKey" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool ContainsKey<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key)
        where TValue : unmanaged => dictionary.ContainsKey(scope, Stored(key));

    /// <summary>Removes the entry whose key has the text of a string.</summary>
    /// <typeparam name="TValue">The type of the blocks that the values refer to.</typeparam>
    /// <param name="dictionary">The dictionary.</param>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a string of the heap that the scope and the dictionary belong to.</param>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.Remove" path="/returns"/>
    /// <inheritdoc cref="TracedRefDictionary{TKey, TValue}.Remove" path="/exception"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    public static bool Remove<TValue>(this ref TracedRefDictionary<Traced<TracedString>, TValue> dictionary, scoped in TracedScope scope, TracedRef<TracedString> key)
        where TValue : unmanaged => dictionary.Remove(scope, Stored(key));

    // What a table stores for a key. It is no slot yet, so no thread can see it.
    private static Traced<TracedString> Stored(TracedRef<TracedString> key) => new() { Address = key.Address };
}
