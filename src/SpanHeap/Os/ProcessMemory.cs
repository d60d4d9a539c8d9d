namespace SpanHeap.Os;

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

    private readonly record struct Range(nint Address, nuint Bytes);
}
