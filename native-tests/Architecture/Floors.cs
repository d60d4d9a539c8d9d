using System.Globalization;
using System.Text;

namespace SpanHeap.Tests.Architecture;

/// <summary>The floors of the library, the lowest first. Code refers to its own floor and to those below it.</summary>
internal static class Floors
{
    public static IReadOnlyList<Floor> All { get; } =
    [
        new("Contract", "options, enumerations, exceptions, statistics: refers to .NET alone"),
        new("Os", "NativeMemory, mmap, madvise, mprotect / VirtualProtect, locks"),
        new("Pages", "page heap: first fit in address order, scavenging"),
        new("Spans", "size classes, spans, page entries, address to span"),
        new("Checks", "what full checks write beside blocks and into free ones"),
        new("Caches", "thread caches, magazines, remote frees, return of blocks to their spans"),
        new("Threads", "records of threads, the caches of a heap and their threads"),
        new("Guard", "guarded blocks, quarantine, fault reports"),
        new("Blocks", "what an address is, and what is done with each kind of block"),
        new("Heap", "one heap: its parts, its slow paths, its maintenance"),
        new("Diagnostics", "statistics, Verify"),
        new("Metrics", "the meter and its instruments, the list of all heaps"),
        new("", "SpanMemory, NativeHeap, LocalHeap: the public face and its fast paths"),
        new("Buffers", "pools, owners, lists and writers: memory of a heap without pointers"),
        new("Hooks", "functions through which native libraries use a heap"),
        new("Traced/Contract", "options, statistics and events of traced memory"),
        new("Traced/Layouts", "layouts and span classes: where references lie"),
        new("Traced/Spans", "spans of traced blocks and their bitmaps"),
        new("Traced/Sweeping", "generations, tokens, lazy and concurrent sweeping"),
        new("Traced/Pacing", "when a collection is due"),
        new("Traced/Gating", "the gate, and the threads that are in a scope"),
        new("Traced/Roots", "handles, root arrays, weak handles"),
        new("Traced/CleanUps", "what runs after a block has died"),
        new("Traced/Marking", "queues of pages, markers, trace functions"),
        new("Traced/Checks", "checks of scopes and references, the checkmark, Verify of traced memory"),
        new("Traced/Collecting", "the course of a collection, and what begins one"),
        new("Traced/Scopes", "entering, yielding, allocating: the slow paths of scopes"),
        new("Traced", "the public face of traced memory"),
        new("Traced/Collections", "lists, dictionaries and strings in traced memory"),
    ];

    /// <summary>The floors as ARCHITECTURE.md draws them, the highest first.</summary>
    public static string Drawn
    {
        get
        {
            StringBuilder text = new("```mermaid\nflowchart TD\n");
            for (int floor = All.Count - 1; floor >= 0; floor--)
            {
                text.Append(CultureInfo.InvariantCulture, $"    f{floor}[\"{All[floor].Name}<br/>{All[floor].Holds}\"]\n");
            }

            text.Append("    ").AppendJoin(" --> ", Enumerable.Range(0, All.Count).Reverse().Select(static floor => $"f{floor}")).Append("\n```\n");
            return text.ToString();
        }
    }

    /// <summary>The number of the floor that a file lies on, from 0 for the lowest; -1 for a file on none.</summary>
    /// <param name="path">The file, relative to <c>src/SpanHeap</c>.</param>
    public static int Of(string path)
    {
        for (string folder = FolderOf(path); ; folder = FolderOf(folder))
        {
            for (int floor = 0; floor < All.Count; floor++)
            {
                if (All[floor].Folder == folder)
                {
                    // A folder that the table does not name is on no floor, and not on the highest one.
                    return folder.Length == 0 && path.Contains('/', StringComparison.Ordinal) ? -1 : floor;
                }
            }
        }
    }

    private static string FolderOf(string path) => path.LastIndexOf('/') is var end && end >= 0 ? path[..end] : "";
}
