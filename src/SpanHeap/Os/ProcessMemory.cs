namespace SpanHeap.Os;

/// <summary>What is known of a byte's page.</summary>
internal enum ByteAccess
{
    /// <summary>The system does not tell.</summary>
    Unknown,

    Readable,

    /// <summary>A load of it faults.</summary>
    Faults,
}

/// <summary>Reading memory by a call of Linux that fails where a load would fault.</summary>
internal static unsafe class ProcessMemory
{
    private static readonly delegate* unmanaged<int, Range*, nuint, Range*, nuint, nuint, nint> s_read =
        (delegate* unmanaged<int, Range*, nuint, Range*, nuint, nuint, nint>)PosixLibrary.Find("process_vm_readv");

    /// <summary>Whether the process may read its own memory so: sandboxes may deny the call.</summary>
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

    /// <summary>Whether a byte can be read, found out without a load of it.</summary>
    /// <remarks>
    /// By a call that copies it, or where that is missing or denied (sandboxes, emulators) by one that writes it into a pipe: both fail for
    /// memory that faults.
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

    /// <summary>The second way of <see cref="Probe"/>.</summary>
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
