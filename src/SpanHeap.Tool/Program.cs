using System.CommandLine;
using System.CommandLine.Help;

namespace SpanHeap.Tool;

/// <summary>The entry point of the <c>spanheap</c> tool. Exit codes: 0 done, 1 nothing was found, 2 a wrong argument or an unreadable file.</summary>
internal static class Program
{
    private const int Misused = 2;

    private static int Main(string[] args)
    {
        // Not a RootCommand, which would call itself by the name of the assembly.
        Command root = new("spanheap", "Explains dumps and record files of programs that use SpanHeap.") { DecodeCommand.Declare(), new HelpOption(), new VersionOption() };
        ParseResult line = root.Parse(args);
        int exitCode = line.Invoke();
        return line.Errors.Count > 0 ? Misused : exitCode;
    }
}
