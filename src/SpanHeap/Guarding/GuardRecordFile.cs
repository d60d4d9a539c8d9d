using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace SpanHeap.Guarding;

/// <summary>
/// The last events of guarded blocks in a file: a ring of <see cref="GuardRecord"/>s and nothing else, each in the place of its number. The
/// file is mapped, so that what was noted is there when the process is not any more, however it ended.
/// </summary>
/// <remarks>Thread safe without a lock: two events share a place only if as many lie between them as there are.</remarks>
internal sealed unsafe class GuardRecordFile : IDisposable
{
    /// <summary>How many records it has. They take 4 MiB.</summary>
    public const int Capacity = 65_536;

    private const long Bytes = (long)Capacity * GuardRecord.Size;

    // Holds the file's handle too, and with it the lock on the file.
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly GuardRecord* _records;

    private GuardRecordFile(SafeFileHandle file)
    {
        _file = MemoryMappedFile.CreateFromFile(file, null, Bytes, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor(0, Bytes);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _records = (GuardRecord*)start;
    }

    /// <summary>Makes the file, or overwrites it.</summary>
    /// <exception cref="IOException">It cannot be written, or is in use; the message names it and says why.</exception>
    public static GuardRecordFile Create(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            // For this heap alone: another that overwrites it would take the pages away. Its room is taken now: later there would be a fault.
            handle = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.None, Bytes);
            return new GuardRecordFile(handle);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            handle?.Dispose();
            throw new IOException(
                $"{nameof(NativeHeapOptions.GuardRecordFile)}: the file '{path}' cannot be written: {failure.Message} Name one that can be, in a directory that exists, and another for each heap.",
                failure);
        }
    }

    /// <summary>Notes a block's event. The record is nobody else's to write meanwhile.</summary>
    public void Note(in GuardRecord record)
    {
        ref GuardRecord place = ref _records[record.Sequence % Capacity];

        // Whoever reads the file sees the old record, none or the new one.
        Volatile.Write(ref place.Magic, 0);
        Unsafe.CopyBlock(ref Unsafe.As<GuardRecord, byte>(ref place), ref Unsafe.As<GuardRecord, byte>(ref Unsafe.AsRef(in record)), GuardRecord.Size);
    }

    /// <summary>Lets go of the file, which keeps what was noted. Nobody notes any more.</summary>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
