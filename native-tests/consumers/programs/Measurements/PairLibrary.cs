using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SpanHeap.Consumers.Measurements;

/// <summary>The loop in C of the tests of hooks (library.c), compiled and loaded.</summary>
internal sealed unsafe class PairLibrary : IDisposable
{
    private const string Source = "library.c";

    private readonly string _folder = Directory.CreateTempSubdirectory("spanheap-pairs-").FullName;
    private readonly nint _handle;

    public PairLibrary()
    {
        string source = Path.Combine(_folder, Source);
        string library = Path.Combine(_folder, "library.so");
        using (Stream text = typeof(PairLibrary).Assembly.GetManifestResourceStream(Source)!)
        using (FileStream file = File.Create(source))
        {
            text.CopyTo(file);
        }

        using Process gcc = Process.Start(Compiler!, ["-O2", "-shared", "-fPIC", "-pthread", "-w", "-o", library, source]);
        gcc.WaitForExit();
        _handle = gcc.ExitCode == 0 ? NativeLibrary.Load(library) : throw new InvalidOperationException($"gcc ended with code {gcc.ExitCode}.");
    }

    /// <summary>Gets the path of gcc; null where it is not installed.</summary>
    public static string? Compiler { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(static folder => Path.Combine(folder, "gcc"))
            .FirstOrDefault(File.Exists);

    /// <summary>Finds a function of the C library that the process uses.</summary>
    public static nint CFunction(string name) => NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), name);

    /// <summary>Allocates and frees a block, as often as the count says.</summary>
    public void Run(nint malloc, nint free, nint count) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, nint, void>)NativeLibrary.GetExport(_handle, "pairs"))(malloc, free, count);

    public void Dispose()
    {
        NativeLibrary.Free(_handle);
        Directory.Delete(_folder, recursive: true);
    }
}
