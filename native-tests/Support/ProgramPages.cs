namespace SpanHeap.Tests.Support;

/// <summary>Pages in use without those of guarded blocks, which keep theirs while they are in quarantine.</summary>
internal static class ProgramPages
{
    public static long PagesOfProgram(this HeapStatistics statistics) => statistics.PagesInUse - statistics.Guard.Pages;
}
