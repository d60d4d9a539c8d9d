using System.Runtime.InteropServices;
using SpanHeap.Guard.Protection;
using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Guard.Protection;

/// <summary>Pages that are said to fault do fault, whatever the system says of them.</summary>
public sealed unsafe class PageProtectionTests
{
    [LinuxFact]
    public void Where_the_system_accepts_markers_and_makes_none_the_protection_of_mappings_is_changed()
    {
        OsMemory os = new();
        os.PretendMarkers();
        PageProtection protection = new(os, new MappingBudget(limit: 10));
        nuint page = OsMemory.PageSize;
        byte* pages = (byte*)NativeMemory.AlignedAlloc(4 * page, page);
        NativeMemory.Clear(pages, 4 * page);

        Assert.Equal(ProtectionForm.Mapping, protection.Protect((nint)pages, page));
        Assert.Equal(ProtectionForm.Mapping, protection.Protect((nint)(pages + (2 * page)), page));
        Assert.Equal((false, 2), (protection.UsesMarkers, protection.Mappings));
        Assert.Equal(ByteAccess.Faults, ProcessMemory.Probe((nint)pages));
        Assert.Equal(ByteAccess.Readable, ProcessMemory.Probe((nint)(pages + page)));

        // The first one was requested and tested; from then on, none is tested.
        Assert.Equal(1, os.Calls(OsCall.InstallGuard));
        Assert.True(protection.TryUnprotect((nint)pages, page, ProtectionForm.Mapping, ranges: 1));
        Assert.True(protection.TryUnprotect((nint)(pages + (2 * page)), page, ProtectionForm.Mapping, ranges: 1));
        Assert.Equal(ByteAccess.Readable, ProcessMemory.Probe((nint)pages));
        NativeMemory.AlignedFree(pages);
    }

    [LinuxFact]
    public void Markers_that_are_made_are_used()
    {
        OsMemory os = new();
        PageProtection protection = new(os, new MappingBudget(limit: 10));
        nuint page = OsMemory.PageSize;
        byte* pages = (byte*)NativeMemory.AlignedAlloc(page, page);
        pages[0] = 1;

        ProtectionForm form = protection.Protect((nint)pages, page);
        Assert.Equal(form == ProtectionForm.Marker, protection.UsesMarkers);
        Assert.Equal(os.Failures(OsCall.InstallGuard) == 0, protection.UsesMarkers);
        Assert.Equal(ByteAccess.Faults, ProcessMemory.Probe((nint)pages));
        Assert.True(protection.TryUnprotect((nint)pages, page, form, ranges: 1));
        NativeMemory.AlignedFree(pages);
    }

    [LinuxFact]
    public void A_heap_that_guards_all_does_so_there_as_well()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All }, ScavengeDelay = Timeout.InfiniteTimeSpan });
        heap.Core.Os.PretendMarkers();
        byte* block = (byte*)heap.Alloc(16);

        Assert.Equal(ByteAccess.Readable, ProcessMemory.Probe((nint)block + 15));
        Assert.Equal(ByteAccess.Faults, ProcessMemory.Probe((nint)block + 16));
        heap.Free(block);
        Assert.Equal(ByteAccess.Faults, ProcessMemory.Probe((nint)block));
        Assert.False(heap.GetStatistics().Guard.UsesMarkers);
        heap.Verify();
    }
}
