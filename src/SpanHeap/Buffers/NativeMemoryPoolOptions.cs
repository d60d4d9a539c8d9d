namespace SpanHeap.Buffers;

/// <summary>Provides the options of a <see cref="NativeMemoryPool"/>. They are read once, when the pool is created.</summary>
public sealed class NativeMemoryPoolOptions
{
    /// <summary>
    /// Gets or sets the alignment of rented memory in bytes, which is a power of two. The default, 0, stands for the alignment that all blocks have, which
    /// is 16 for blocks of more than 8 bytes.
    /// </summary>
    public int Alignment { get; set; }

    /// <summary>Gets or sets whether rented memory is zero. The default is false: its contents are undefined.</summary>
    public bool Zeroed { get; set; }

    /// <summary>
    /// Gets or sets what happens to the memory of an owner that becomes unreachable without having been disposed. The default is
    /// <see cref="WhenDropped.Keep"/>.
    /// </summary>
    public WhenDropped WhenDropped { get; set; }
}
