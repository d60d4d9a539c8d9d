using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace SpanHeap.Guard.Records;

/// <summary>
/// A file with the last events of guarded blocks: a ring of <see cref="GuardRecord"/>s and nothing else, each in the place of its number. The
/// file is mapped, so its contents remain after the process has ended, however it ended.
/// </summary>
/// <remarks>Thread safe without a lock: two events share a place only if as many events lie between them as there are places.</remarks>
internal sealed unsafe class GuardRecordFile : IDisposable
{
    /// <summary>The number of records in the file. They take 4 MiB.</summary>
    public const int Capacity = 65_536;

    private const long Bytes = (long)Capacity * GuardRecord.Size;

    // Also holds the handle of the file, and with it the lock on the file.
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

    /// <summary>Creates the file, or overwrites it.</summary>
    /// <exception cref="IOException">The file cannot be written, or is in use; the message names it and says why.</exception>
    public static GuardRecordFile Create(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            // The file is for this heap alone: another heap that overwrites it would take its pages away. Its room on the disk is taken now,
            // because a lack of room later would be a fault.
            handle = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, FileOptions.None, Bytes);
            return new GuardRecordFile(handle);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            handle?.Dispose();
            throw new IOException(
                $"{nameof(NativeHeapOptions.Guard)}.{nameof(GuardOptions.RecordFile)}: the file '{path}' cannot be written: {failure.Message} Name a writable file in an existing directory, a different one for each heap.",
                failure);
        }
    }

    /// <summary>Notes a block's event. No other thread writes the record meanwhile.</summary>
    public void Note(in GuardRecord record)
    {
        ref GuardRecord place = ref _records[record.Sequence % Capacity];

        // Any reader of the file sees the old record, none, or the new one.
        Volatile.Write(ref place.Magic, 0);
        Unsafe.CopyBlock(ref Unsafe.As<GuardRecord, byte>(ref place), ref Unsafe.As<GuardRecord, byte>(ref Unsafe.AsRef(in record)), GuardRecord.Size);
    }

    /// <summary>Closes the file, which keeps what was noted. No thread notes events any more.</summary>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
