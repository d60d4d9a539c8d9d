namespace SpanHeap.Perf.Recordings;

/// <summary>Splits a stream into lines without making a string of each: a recording has millions.</summary>
internal sealed class LineReader(Stream stream)
{
    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;
    private bool _atEnd;

    /// <summary>The number of the line read last, from 1.</summary>
    public int Number { get; private set; }

    /// <summary>How many bytes the stream has given.</summary>
    public long Bytes { get; private set; }

    /// <summary>The next line, valid until the next call.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        int searched = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = _buffer.AsSpan(_start, _end - _start);
            int length = rest[searched..].IndexOf((byte)'\n');
            if (length >= 0 || (_atEnd && !rest.IsEmpty))
            {
                line = length >= 0 ? rest[..(searched + length)] : rest;
                _start = Math.Min(_start + line.Length + 1, _end);
                line = line.TrimEnd((byte)'\r');
                Number++;
                return true;
            }

            if (_atEnd)
            {
                line = default;
                return false;
            }

            searched = rest.Length;
            Fill();
        }
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }

        int read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        Bytes += read;
        _atEnd = read == 0;
    }
}
