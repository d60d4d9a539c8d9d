using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Checks;

/// <summary>Puts blocks into the ring and takes them out as the library does, each method with one step done wrongly.</summary>
internal sealed unsafe partial class FreedBlockQuarantine
{
    /// <summary>Has so many bytes count that no block has.</summary>
    internal void Charge(int bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Reads a place and writes it, where an exchange belongs.</summary>
    internal nint MutantAddByWrite(nint block, uint sizeClass)
    {
        EnsurePlaces();
        Interlocked.Add(ref _bytes, SizeClasses.Info(sizeClass).Size);
        long ticket = Interlocked.Increment(ref _head) - 1;
        long* place = Place((int)(ticket % capacity));
        long displaced = Volatile.Read(ref *place);
        InterleavingPoints.At(InterleavingPoint.TicketTaken);
        Volatile.Write(ref *place, block | ((long)sizeClass << ClassShift));
        return Leave(displaced);
    }

    /// <summary>Counts a block only when it has its place: a thread that takes it out at once counts it before.</summary>
    internal nint MutantAddAndCountLater(nint block, uint sizeClass)
    {
        EnsurePlaces();
        long ticket = Interlocked.Increment(ref _head) - 1;
        long displaced = Exchange(ticket, block | ((long)sizeClass << ClassShift));
        InterleavingPoints.At(InterleavingPoint.TicketTaken);
        Interlocked.Add(ref _bytes, SizeClasses.Info(sizeClass).Size);
        return Leave(displaced);
    }

    /// <summary>Empties a place by a read and a write.</summary>
    internal nint MutantTakeNextByWrite(ref int place)
    {
        nint leaving = 0;
        while (leaving == 0 && place < capacity && Volatile.Read(ref _places) != 0)
        {
            long word = Volatile.Read(ref *Place(place));
            InterleavingPoints.AtIf(word != 0, InterleavingPoint.PlaceEmptying);
            Volatile.Write(ref *Place(place), 0);
            leaving = Leave(word);
            place++;
        }

        return leaving;
    }
}
