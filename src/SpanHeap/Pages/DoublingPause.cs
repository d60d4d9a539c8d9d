namespace SpanHeap.Pages;

/// <summary>A pause between two attempts at something that the system refuses. Each failure makes the next pause twice as long.</summary>
/// <remarks>
/// Times are ticks of a heap's clock. Any thread may ask whether the pause has ended. Two threads that lengthen it at the same time may double it
/// once.
/// </remarks>
/// <param name="first">The length of the first pause.</param>
/// <param name="longest">The length of the longest pause.</param>
internal struct DoublingPause(uint first, uint longest)
{
    private uint _length;
    private uint _end;

    /// <summary>Whether there has been a failure since the last success.</summary>
    public readonly bool IsSet => _length != 0;

    public bool HasEnded(uint now) => now >= Volatile.Read(ref _end);

    /// <summary>Begins a pause after a failure.</summary>
    public void Lengthen(uint now)
    {
        _length = Math.Clamp(_length * 2, first, longest);
        Volatile.Write(ref _end, now + _length);
    }

    /// <summary>Ends the pause early. The next failure still makes a longer one.</summary>
    public void End(uint now) => Volatile.Write(ref _end, now);

    /// <summary>Notes a success: the next failure makes a pause of the first length.</summary>
    public void Reset() => _length = 0;
}
