using System.Runtime.InteropServices;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Hooks;

/// <summary>The C library of the tests (library.c), which is compiled once for each process that does not get it from the one that started it.</summary>
internal static unsafe class CLibrary
{
    /// <summary>The environment variable that gives a child the library of its parent.</summary>
    public const string Variable = "SPANHEAP_TEST_LIBRARY";

    private static readonly Lazy<string> s_path = new(static () => Environment.GetEnvironmentVariable(Variable) ?? Compile());
    private static readonly Lazy<nint> s_handle = new(static () => NativeLibrary.Load(s_path.Value));

    /// <summary>The path of gcc; null where it is not installed.</summary>
    public static string? Compiler { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(static folder => Path.Combine(folder, "gcc")).FirstOrDefault(File.Exists);

    /// <summary>The path of the library.</summary>
    public static string LibraryPath => s_path.Value;

    public static void SetAlloc(delegate* unmanaged[Cdecl]<int, void*> malloc, delegate* unmanaged[Cdecl]<void*, void> free) =>
        ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<int, void*>, delegate* unmanaged[Cdecl]<void*, void>, void>)Export("set_alloc"))(malloc, free);

    public static int Work(int rounds) => ((delegate* unmanaged[Cdecl]<int, int>)Export("work"))(rounds);

    public static void Pairs(delegate* unmanaged[Cdecl]<nuint, void*> malloc, delegate* unmanaged[Cdecl]<void*, void> free, nint count) =>
        ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<nuint, void*>, delegate* unmanaged[Cdecl]<void*, void>, nint, void>)Export("pairs"))(malloc, free, count);

    public static nint RunThreads(delegate* unmanaged[Cdecl]<nuint, void*> malloc, delegate* unmanaged[Cdecl]<void*, void> free, int threads, nint count) =>
        ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<nuint, void*>, delegate* unmanaged[Cdecl]<void*, void>, int, nint, nint>)Export("run_threads"))(
            malloc, free, threads, count);

    private static nint Export(string name) => NativeLibrary.GetExport(s_handle.Value, name);

    private static string Compile()
    {
        string folder = Directory.CreateTempSubdirectory("spanheap-library-").FullName;
        string source = Path.Combine(folder, "library.c");
        string library = Path.Combine(folder, "library.so");
        using (Stream text = typeof(CLibrary).Assembly.GetManifestResourceStream("library.c")!)
        using (FileStream file = File.Create(source))
        {
            text.CopyTo(file);
        }

        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        (int? exitCode, string said) = StressProcess.Run(Compiler!, ["-O2", "-shared", "-fPIC", "-pthread", "-w", "-o", library, source], TimeSpan.FromMinutes(1));
        return exitCode == 0 ? library : throw new InvalidOperationException(said);
    }
}
