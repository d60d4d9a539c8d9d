using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Recordings;

/// <summary>An opened recording, unpacked on the way. What packed it is told by the first bytes, not by the name.</summary>
internal sealed class TraceFile : IDisposable
{
    private readonly FileStream? _gzip;
    private readonly Process? _zstd;

    private TraceFile(Stream stream, FileStream? gzip = null, Process? zstd = null)
    {
        Stream = stream;
        _gzip = gzip;
        _zstd = zstd;
    }

    public Stream Stream { get; }

    /// <summary>The traces that come with this program.</summary>
    public static string[] Bundled()
    {
        string directory = Path.Combine(AppContext.BaseDirectory, "traces");
        string[] files = Directory.Exists(directory) ? Directory.GetFiles(directory, "*.gz") : [];
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new InputException($"No trace in {directory}.");
    }

    public static string NameOf(string path)
    {
        string name = Path.GetFileName(path);
        return name.IndexOf('.', 1) is var dot and > 0 ? name[..dot] : name;
    }

    public static TraceFile Open(string path)
    {
        try
        {
            FileStream file = File.OpenRead(path);
            Span<byte> magic = stackalloc byte[4];
            int read = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
            if (read == 0)
            {
                throw new InputException($"{path}:1: the file is empty.");
            }

            file.Position = 0;
            if (magic is [0x1F, 0x8B, ..])
            {
                return new TraceFile(new GZipStream(file, CompressionMode.Decompress), gzip: file);
            }

            if (magic is not [0x28, 0xB5, 0x2F, 0xFD])
            {
                return new TraceFile(file);
            }

            file.Dispose();
            return OpenZstd(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InputException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Throws when the recording was cut off. <paramref name="unpackedBytes"/> is what the stream gave.</summary>
    public void CheckEnd(long unpackedBytes)
    {
        if (_gzip is not null)
        {
            // GZipStream takes a cut file for a short one. The last four bytes of a whole one are its unpacked
            // size; less than was given is fine, for a file may hold several members one after the other.
            Span<byte> size = stackalloc byte[sizeof(uint)];
            _gzip.Position = Math.Max(0, _gzip.Length - size.Length);
            _gzip.ReadAtLeast(size, size.Length, throwOnEndOfStream: false);
            if (BinaryPrimitives.ReadUInt32LittleEndian(size) > unpackedBytes)
            {
                throw new InvalidDataException("the gzip file is cut off.");
            }
        }

        if (_zstd is not null)
        {
            string complaint = _zstd.StandardError.ReadToEnd().Trim();
            _zstd.WaitForExit();
            if (_zstd.ExitCode != 0)
            {
                throw new InvalidDataException(complaint);
            }
        }
    }

    public void Dispose()
    {
        // An unpacker that is not read to the end is ended by the closed pipe.
        Stream.Dispose();
        _zstd?.Dispose();
    }

    private static TraceFile OpenZstd(string path)
    {
        ProcessStartInfo start = WorkerProcess.StartInfo([ZstdWorker.Verb, path], [], WorkerBuild.Ordinary);
        start.RedirectStandardError = true;
        Process zstd = Process.Start(start)!;
        return new TraceFile(zstd.StandardOutput.BaseStream, zstd: zstd);
    }
}
