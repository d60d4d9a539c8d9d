using SpanHeap.Os;

namespace SpanHeap.Guarding;

/// <summary>How pages are made to fault.</summary>
internal enum ProtectionForm : byte
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>By markers in the page table (Linux 6.13 and later): no mapping is split, and the memory goes back at once.</summary>
    Marker,

    /// <summary>By the protection of a mapping, which is split for it.</summary>
    Mapping,

    /// <summary>As <see cref="Mapping"/>, and somebody is just making them accessible again.</summary>
    Withdrawing,
}

/// <summary>
/// Makes pages fault and undoes it, by the best means that the system has for just these pages: markers are refused by older kernels
/// and for locked memory, changed protections beyond the number of mappings that a process may have.
/// </summary>
/// <remarks>Thread safe. Every result is checked; a refusal is a value.</remarks>
internal sealed class PageProtection(OsMemory os, MappingBudget budget)
{
    // 0 not known, 1 yes, 2 no: the first of all says it, refused by a kernel that has none, or accepted by one that does not know the
    // advice. Any thread; they agree.
    private int _markers;

    // Of the budget's those that this heap has taken. Interlocked.
    private long _mappings;

    /// <summary>Whether markers are used. False before anything was protected.</summary>
    public bool UsesMarkers => Volatile.Read(ref _markers) == 1;

    /// <summary>Ranges protected by splitting mappings.</summary>
    public long Mappings => Volatile.Read(ref _mappings);

    /// <summary>Whether so many freed blocks take too many mappings.</summary>
    public bool IsTooMuch(long freedBlocks) => Mappings > 0 && freedBlocks > (budget.IsScarce ? budget.ScarceShare : budget.QuarantineShare);

    /// <summary>Protects whole pages of the system and gives their memory back.</summary>
    /// <returns>How; <see cref="ProtectionForm.None"/> when the system refused, or there would be too many mappings.</returns>
    public ProtectionForm Protect(nint address, nuint bytes)
    {
        if (bytes == 0)
        {
            return ProtectionForm.None;
        }

        if (TryMark(address, bytes))
        {
            return ProtectionForm.Marker;
        }

        if (!budget.TryTake())
        {
            return ProtectionForm.None;
        }

        Interlocked.Increment(ref _mappings);

        // Given back first, because protected pages cannot be. That it may be refused costs memory, no safety.
        os.Discard(address, bytes);
        if (os.Fault(address, bytes))
        {
            return ProtectionForm.Mapping;
        }

        GiveMappings(1);
        return ProtectionForm.None;
    }

    /// <summary>Makes pages accessible again that were protected in this way, by so many calls of <see cref="Protect"/>.</summary>
    /// <returns>False when the system refused; they still fault.</returns>
    public bool TryUnprotect(nint address, nuint bytes, ProtectionForm form, int ranges)
    {
        if (form == ProtectionForm.None)
        {
            return true;
        }

        if (form == ProtectionForm.Marker)
        {
            return os.RemoveGuard(address, bytes);
        }

        if (!os.Unfault(address, bytes))
        {
            return false;
        }

        GiveMappings(ranges);
        return true;
    }

    /// <summary>Gives back what was taken of the budget: all pages are accessible, and nobody uses the heap any more.</summary>
    public void Close() => GiveMappings(Mappings);

    private void GiveMappings(long count)
    {
        Interlocked.Add(ref _mappings, -count);
        budget.Give(count);
    }

    private bool TryMark(nint address, nuint bytes)
    {
        int markers = Volatile.Read(ref _markers);
        if (markers == 2)
        {
            return false;
        }

        bool marked = os.InstallGuard(address, bytes) && (markers == 1 || Faults(address));
        if (!marked)
        {
            // Refused for some of the pages (locked ones): the others have markers by now, which their next owner must not find.
            os.RemoveGuard(address, bytes);
        }

        if (markers == 0)
        {
            Volatile.Write(ref _markers, marked ? 1 : 2);
        }

        return marked;
    }
    // Emulators and sandboxes say yes to any advice. Where nobody can tell, a changed protection is the safer means.
    private static bool Faults(nint address) => ProcessMemory.Probe(address) == ByteAccess.Faults;
}
