namespace SpanHeap.Os;

/// <summary>Specifies what is known about the page of a byte.</summary>
internal enum ByteAccess
{
    /// <summary>The system does not tell.</summary>
    Unknown,

    Readable,

    /// <summary>Reading the byte faults.</summary>
    Faults,
}

/// <summary>Reads memory through a Linux call that fails where a load would fault.</summary>
internal static unsafe class ProcessMemory
{
    private static readonly delegate* unmanaged<int, Range*, nuint, Range*, nuint, nuint, nint> s_read =
        (delegate* unmanaged<int, Range*, nuint, Range*, nuint, nuint, nint>)PosixLibrary.Find("process_vm_readv");

    /// <summary>Determines whether the process may read its own memory through that call, which sandboxes may deny.</summary>
    public static bool CanReadOwn()
    {
        if (s_read == null)
        {
            return false;
        }

        long from = Environment.TickCount64;
        long to = ~from;
        Range source = new((nint)(&from), sizeof(long));
        Range target = new((nint)(&to), sizeof(long));
        return s_read(Environment.ProcessId, &target, 1, &source, 1, 0) == sizeof(long) && to == from;
    }

    /// <summary>Determines whether a byte can be read, without loading it.</summary>
    /// <remarks>
    /// Uses a call that copies the byte or, where that call is missing or denied (sandboxes, emulators), a call that writes the byte into a pipe.
    /// Both fail for memory that faults.
    /// </remarks>
    public static ByteAccess Probe(nint address)
    {
        byte to = 0;
        Range source = new(address, 1);
        Range target = new((nint)(&to), 1);
        return !CanReadOwn() ? ProbeByPipe(address)
            : s_read(Environment.ProcessId, &target, 1, &source, 1, 0) == 1 ? ByteAccess.Readable
            : ByteAccess.Faults;
    }

    /// <summary>Implements the second way of <see cref="Probe"/>.</summary>
    internal static ByteAccess ProbeByPipe(nint address)
    {
        if (!Pipe.TryMake(out int reader, out int writer))
        {
            return ByteAccess.Unknown;
        }

        nint written;
        do
        {
            written = Pipe.Write(writer, (byte*)address, 1);
        }
        while (written < 0 && Pipe.WasInterrupted());

        Pipe.Close(reader, writer);
        return written == 1 ? ByteAccess.Readable : ByteAccess.Faults;
    }

    private readonly record struct Range(nint Address, nuint Bytes);
}
