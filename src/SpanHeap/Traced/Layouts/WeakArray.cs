using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Traced.Layouts;

/// <summary>The beginning of an array of weak entries; the entries follow it in memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WeakArray
{
    /// <summary>The number of entries. Constant once the array is made.</summary>
    public long Length;

    /// <summary>
    /// The number of entries, from the first on, that have been used; all others have no key. The table writes it within scopes, and markers read it, perhaps
    /// late while threads go on: so they look at all arrays once more when no thread is in a scope.
    /// </summary>
    public long Used;

    /// <summary>
    /// Where markers chain the arrays that they have reached, so that this needs no memory: 0 for one that is not in their list. Only the marking
    /// that is under way uses it.
    /// </summary>
    public nint NextReached;

    /// <summary>
    /// The number of entries that have lost their keys and still belong to the table. The collector adds to it, while no thread is in a scope; the table
    /// sets it back when it frees these entries.
    /// </summary>
    public long Cleared;

    /// <summary>The bytes before the first entry.</summary>
    public const int HeaderBytes = 4 * sizeof(long);

    /// <summary>Gets the array that begins at an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WeakArray* At(nint address) => (WeakArray*)address;

    /// <summary>Gets the first entry of an array.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WeakEntry* Entries(nint address) => (WeakEntry*)(address + HeaderBytes);
}
