using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Guard.Protection;

/// <summary>
/// The places of a block and its guard in a run of pages. Data and guard are whole pages of the system, and together they are whole pages of the page
/// heap. Everything that the data does not need is guard.
/// </summary>
/// <param name="Pages">Pages of the run.</param>
/// <param name="Alignment">Alignment of the run, in pages.</param>
/// <param name="DataBytes">Bytes of the data.</param>
/// <param name="BlockOffset">Where the block begins, in bytes from the run's start.</param>
/// <param name="IsGuardFirst">Whether the guard lies before the data.</param>
internal readonly record struct GuardLayout(nuint Pages, nuint Alignment, nuint DataBytes, nuint BlockOffset, bool IsGuardFirst)
{
    /// <summary>Computes the layout of a block.</summary>
    /// <param name="byteCount">Its bytes; 0 gives one that has no data: its address lies in the guard.</param>
    /// <param name="alignment">What its address must be a multiple of, a power of two.</param>
    /// <param name="atStart">Whether the block is to lie after the guard, not before it.</param>
    public static GuardLayout Of(nuint byteCount, nuint alignment, bool atStart)
    {
        nuint systemPage = OsMemory.PageSize;
        nuint unit = Math.Max(PageGeometry.PageSize, systemPage);
        nuint data = (byteCount + systemPage - 1) & ~(systemPage - 1);
        nuint bytes = (data + systemPage + unit - 1) & ~(unit - 1);
        nuint offset;
        if (alignment > systemPage || byteCount == 0)
        {
            // The block cannot be shifted: it is where the run is.
            atStart = byteCount == 0;
            offset = 0;
        }
        else
        {
            offset = atStart ? bytes - data : (data - byteCount) & ~(alignment - 1);
        }

        return new GuardLayout(bytes >> PageGeometry.PageShift, Math.Max(alignment, unit) >> PageGeometry.PageShift, data, offset, atStart);
    }
}
