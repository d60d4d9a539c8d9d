using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Guard.Records;

/// <summary>A stack as lines of text, a line a frame.</summary>
internal static class StackText
{
    private const int MaxFrames = 32;

    private static readonly string? s_own = typeof(StackText).Assembly.GetName().Name;

    /// <summary>The calling thread's, from the frame that called into SpanHeap on, with file and line where there are symbols; empty when there is none.</summary>
    public static string[] Capture()
    {
        // File names and lines are read from symbol files, which takes some stack, and some time for each new stack.
        StackFrame[] frames = new StackTrace(fNeedFileInfo: RuntimeHelpers.TryEnsureSufficientExecutionStack()).GetFrames();
        int first = 0;
        while (first < frames.Length && IsOwn(DiagnosticMethodInfo.Create(frames[first])?.DeclaringAssemblyName))
        {
            first++;
        }

        int end = Math.Min(frames.Length, first + MaxFrames);
        return first < end
            ? new StackTrace(frames[first..end]).ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : [];
    }

    /// <summary>Whether a frame's assembly is this one. Compiled ahead its name is not the full one, with culture and key: the simple name must do.</summary>
    internal static bool IsOwn(string? assembly)
    {
        ReadOnlySpan<char> name = assembly;
        int end = name.IndexOf(',');
        return (end < 0 ? name : name[..end]).SequenceEqual(s_own);
    }
}
