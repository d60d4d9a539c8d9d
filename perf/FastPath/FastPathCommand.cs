using System.CommandLine;
using System.Runtime.InteropServices;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.FastPath;

/// <summary><c>perf -- fastpath</c>: the machine code of an Alloc, one of a constant size, and a Free that hit, as the JIT made it here.</summary>
internal static class FastPathCommand
{
    private const string HowCounted = """
        Counted from the entry to the ret of a method that does nothing but the call, along the path of a hit: jumps to the
        slow call are not taken, and that call and what only leads to it are left out. A load or a store is an operand in
        memory; push, pop, call and ret count as instructions, what they do to the stack as neither. Inlined into a caller
        the frame (push, pop, ret and what moves rsp and rbp) is the caller's. What the one call executes is not counted.
        """;

    private static bool CanCount => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public static Command Declare()
    {
        Command command = new("fastpath");
        command.SetAction(static _ => Run());
        return command;
    }

    private static int Run()
    {
        string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            Compile(file);
            Print(File.ReadAllLines(file));
        }
        finally
        {
            File.Delete(file);
        }

        return 0;
    }

    // The listings are complete when the child has ended.
    private static void Compile(string file)
    {
        Progress.Show("compiling at tier 1");
        (string, string)[] environment = [("DOTNET_JitDisasm", FastPathWorker.MethodNames), ("DOTNET_JitStdOutFile", file)];
        using var worker = new WorkerProcess([FastPathWorker.Verb], environment);
        worker.Answer<bool>();
        Progress.Clear();
    }

    private static void Print(string[] jitOutput)
    {
        Console.WriteLine(Machine.Current);
        Print("Alloc", JitListing.LastAtTier1(jitOutput, FastPathWorker.AllocName));
        Print("Alloc<long>(4), of a constant size", JitListing.LastAtTier1(jitOutput, FastPathWorker.ConstantAllocName));
        Print("Free", JitListing.LastAtTier1(jitOutput, FastPathWorker.FreeName));
        Console.WriteLine();
        Console.WriteLine(CanCount ? HowCounted : "Whole methods, slow calls included. The path of a hit is followed and counted on Linux x64 only.");
    }

    private static void Print(string what, JitListing listing)
    {
        Console.WriteLine();
        if (!CanCount)
        {
            Console.WriteLine($"{what}:");
            Console.Write(listing);
            return;
        }

        HitPath path = HitPath.Through(listing);
        Console.Write(path);
        Console.WriteLine($"{what}: {path.Summary}");
    }
}
