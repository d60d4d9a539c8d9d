using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

/// <summary>Whether memory faults is found out without a fault.</summary>
public sealed unsafe class ProcessMemoryTests
{
    [LinuxFact]
    public void A_protected_page_and_the_first_of_all_fault_and_others_can_be_read()
    {
        OsMemory os = new();
        nuint page = OsMemory.PageSize;
        byte* pages = (byte*)NativeMemory.AlignedAlloc(page, page);
        Assert.Equal(ByteAccess.Readable, ProcessMemory.Probe((nint)pages));
        Assert.True(os.Fault((nint)pages, page));
        Assert.Equal(ByteAccess.Faults, ProcessMemory.Probe((nint)pages));
        Assert.Equal(ByteAccess.Faults, ProcessMemory.ProbeByPipe((nint)pages));
        Assert.True(os.Unfault((nint)pages, page));
        Assert.Equal(ByteAccess.Readable, ProcessMemory.Probe((nint)pages));
        Assert.Equal(ByteAccess.Readable, ProcessMemory.ProbeByPipe((nint)pages));
        Assert.Equal(ByteAccess.Faults, ProcessMemory.Probe(0));
        NativeMemory.AlignedFree(pages);
    }
}
