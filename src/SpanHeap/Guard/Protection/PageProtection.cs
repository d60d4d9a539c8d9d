using SpanHeap.Os;

namespace SpanHeap.Guard.Protection;

/// <summary>Specifies how pages are made to fault.</summary>
internal enum ProtectionForm : byte
{
    /// <summary>The pages are accessible.</summary>
    None,

    /// <summary>The pages fault by markers in the page table (Linux 6.13 and later): no mapping is split, and the memory goes back at once.</summary>
    Marker,

    /// <summary>The pages fault by the protection of a mapping, which is split for it.</summary>
    Mapping,

    /// <summary>The same as <see cref="Mapping"/>, while a thread makes the pages accessible again.</summary>
    Unprotecting,
}

/// <summary>
/// Makes pages fault, and makes them accessible again, by the best means that the system has for these pages. Older kernels refuse markers, and so do
/// all kernels for locked memory; changed protections are refused beyond the number of mappings that a process may have.
/// </summary>
/// <remarks>Thread safe. Every result is checked; a refusal is a value.</remarks>
internal sealed class PageProtection(OsMemory os, MappingBudget budget)
{
    // Whether the kernel has markers: 0 not known, 1 yes, 2 no. The first call decides: a kernel without them refuses the call, or accepts it without
    // effect. Any thread may write it, and all write the same.
    private int _markers;

    // The ranges that this heap has taken from the budget. Interlocked.
    private long _mappings;

    /// <summary>Whether markers are used. False before anything was protected.</summary>
    public bool UsesMarkers => Volatile.Read(ref _markers) == 1;

    /// <summary>The number of ranges that are protected by splitting mappings.</summary>
    public long Mappings => Volatile.Read(ref _mappings);

    /// <summary>Whether so many freed blocks take too many mappings.</summary>
    public bool IsTooMuch(long freedBlocks) => Mappings > 0 && freedBlocks > (budget.IsScarce ? budget.ScarceShare : budget.QuarantineShare);

    /// <summary>Protects whole pages of the system and gives their memory back.</summary>
    /// <returns>How it was done; <see cref="ProtectionForm.None"/> when the system refused, or there would be too many mappings.</returns>
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

        // The memory goes back first, because that of protected pages cannot. If this is refused, it costs memory, not safety.
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

    /// <summary>Gives back what was taken of the budget: all pages are accessible, and no thread uses the heap any more.</summary>
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

    // Emulators and sandboxes accept any advice. Where it cannot be found out whether a marker works, a changed protection is the safer means.
    private static bool Faults(nint address) => ProcessMemory.Probe(address) == ByteAccess.Faults;
}
