using System.Runtime.InteropServices;

namespace SpanHeap.Traced.Layouts;

/// <summary>An entry of a table with weak keys, in an array of form <see cref="TracedForm.WeakEntries"/>. One whose key is 0 means nothing to a marker.</summary>
/// <remarks>
/// Threads write it within scopes, the references as they write all others. The collector clears both references, while no thread is in a scope, when the key
/// has died. So no thread ever sees a dead key, or takes a block that was made in its place for it.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct WeakEntry
{
    /// <summary>The table's link to another entry, which markers ignore; four bytes after it are unused.</summary>
    public int Next;

    /// <summary>The address of the key; 0 if the entry is free, has never been used, or has lost its key.</summary>
    public nint Key;

    /// <summary>The address of the value; 0 for nothing.</summary>
    public nint Value;
}
