using System.Reflection;
using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

/// <summary>Where the C library cannot be found under its name, its calls are refused, as a system without them refuses them.</summary>
public sealed class PosixMemoryTests
{
    private const string Passed = "the calls were refused";

    [LinuxFact]
    public void Calls_of_a_library_that_is_missing_are_refused_and_it_is_looked_for_once()
    {
        ChildProgram.Result result = ChildProgram.Run(CallWithoutLibrary);

        Assert.True(result.ExitCode == 0, $"exit code {result.ExitCode}: {result.Error}");
        Assert.Contains(Passed, result.Output, StringComparison.Ordinal);
    }

    private static unsafe void CallWithoutLibrary()
    {
        int searches = 0;
        NativeLibrary.SetDllImportResolver(typeof(PosixMemory).Assembly, Find);
        void* block = NativeMemory.AlignedAlloc(1 << 20, 1 << 16);
        *(int*)block = 42;

        const int DontNeed = 4;
        for (int i = 0; i < 10; i++)
        {
            Assert.False(PosixMemory.AdviseByImport((nint)block, 1 << 16, DontNeed));
            Assert.False(PosixMemory.ProtectByImport((nint)block, 1 << 16, protection: 0));
        }

        Assert.Equal(42, *(int*)block);
        Assert.Equal(1, searches);
        NativeMemory.AlignedFree(block);
        Console.WriteLine(Passed);

        nint Find(string name, Assembly assembly, DllImportSearchPath? path)
        {
            searches++;
            throw new DllNotFoundException(name);
        }
    }
}
