using System.Diagnostics.Metrics;

namespace SpanHeap.Tests.Metrics;

/// <summary>All that the library's instruments say at one time, as a tool reads it.</summary>
internal sealed class MeterReading
{
    private readonly List<(string Instrument, string Heap, double Value)> _measurements = [];

    private MeterReading(List<Instrument> instruments) => Instruments = instruments;

    /// <summary>The instruments that were there.</summary>
    public IReadOnlyList<Instrument> Instruments { get; }

    /// <summary>The names of the heaps, each once.</summary>
    public IEnumerable<string> Heaps => _measurements.Select(static one => one.Heap).Distinct();

    /// <summary>What an instrument says of a heap; null for nothing.</summary>
    public double? this[string instrument, string heap] =>
        _measurements.Where(one => one.Instrument == instrument && one.Heap == heap).Select(static one => (double?)one.Value).SingleOrDefault();

    public static MeterReading Take()
    {
        List<Instrument> instruments = [];
        using MeterListener listener = Listen(instruments.Add);
        MeterReading reading = new(instruments);
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => reading.Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => reading.Note(instrument, value, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return reading;
    }

    /// <summary>A listener to the library's instruments alone, which is yet to be started.</summary>
    public static MeterListener Listen(Action<Instrument>? onInstrument = null) => new()
    {
        InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "SpanHeap")
            {
                onInstrument?.Invoke(instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        },
    };

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        Assert.Equal(1, tags.Length);
        Assert.Equal("spanheap.heap.name", tags[0].Key);
        _measurements.Add((instrument.Name, Assert.IsType<string>(tags[0].Value), value));
    }
}
