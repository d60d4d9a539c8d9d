using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>Makes the arenas of fresh address space known: to the map of the process, and to the page heap, whose pages they are from then on.</summary>
/// <remarks>For the thread that grows the heap.</remarks>
/// <param name="os">The system.</param>
/// <param name="pages">The heap's pages.</param>
/// <param name="heapSerial">The heap.</param>
/// <param name="hugePages">Whether the system is to back arenas by huge pages.</param>
/// <param name="liveBits">Whether headers have live bits.</param>
/// <param name="headerBytes">Bytes of an arena's header.</param>
internal sealed unsafe class ArenaPublisher(OsMemory os, PageHeap pages, ulong heapSerial, bool hugePages, bool liveBits, nint headerBytes)
{
    /// <summary>What the descriptors of further arenas say of cards (<see cref="ArenaDescriptor.Cards"/>).</summary>
    public nint Cards { get; set; }

    /// <summary>Publishes as many arenas of a range as there is memory for records of. The addresses of the rest stay unused.</summary>
    /// <returns>How many were published.</returns>
    public int Publish(in ArenaRange range)
    {
        nuint bytes = (nuint)(range.End - range.First);
        bool zero = range.Block == null || (os.Discard(range.First, bytes) && OsMemory.DiscardedPagesAreZero);
        os.AdviseHugePages(range.First, bytes, hugePages);
        int published = 0;
        while (published < range.Arenas && TryPublish(range.First + (published * PageGeometry.ArenaSize), range.End, zero))
        {
            published++;
        }

        return published;
    }

    private bool TryPublish(nint arena, nint end, bool zero)
    {
        if (!zero)
        {
            // Entries must read as unused; spans and bits are written before they are used, and a span's first state is dead.
            NativeMemory.Clear((void*)arena, (nuint)headerBytes);
        }

        // In the map first: as soon as the page heap has the arena, a thread may free a block in it.
        nint bytes = Math.Min(end - arena, PageGeometry.ArenaSize);
        ArenaDescriptor* descriptor = ArenaHeader.Descriptor(arena);
        descriptor->HeapSerial = heapSerial;
        descriptor->IsChecked = liveBits;
        descriptor->Cards = Cards;
        descriptor->End = arena + bytes;
        ArenaMap.Set(arena, ArenaKind.Arena);
        if (pages.AddArena(arena, PageMath.PagesIn((nuint)bytes), needsZero: !zero))
        {
            return true;
        }

        ArenaMap.Remove(arena);
        return false;
    }
}
