using System.Runtime.InteropServices;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Guard;

/// <summary>What is not freed is reported once, however the heap or the process ends, and the process ends as it would without.</summary>
public sealed unsafe partial class LeakWatchTests
{
    private const int Terminated = 143;
    private const int Aborted = 134;
    private const int TermSignal = 15;
    private const int HangUpSignal = 1;
    private const string Report = "1 guarded blocks, together 77 bytes, were not freed in the heap 'Forgotten'";

    [Fact]
    public void What_is_not_freed_is_reported_when_the_heap_goes_and_when_the_process_ends()
    {
        ChildProgram.Result child = ChildProgram.Run(Leak);

        Assert.Equal(0, child.ExitCode);
        Assert.Contains("2 guarded blocks, together 300 bytes, were not freed in the heap 'Disposed'", child.Error, StringComparison.Ordinal);
        Assert.Contains("1 guarded blocks, together 77 bytes, were not freed in the heap 'Forgotten'", child.Error, StringComparison.Ordinal);
        Assert.Contains($"{nameof(LeakWatchTests)}.{nameof(Leak)}() in ", child.Error, StringComparison.Ordinal);
        Assert.Contains($"{nameof(LeakWatchTests)}.cs:line ", child.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("'Clean'", child.Error, StringComparison.Ordinal);
    }

    private static void Leak()
    {
        NativeHeap forgotten = Leaking("Forgotten");
        forgotten.Alloc(77);
        using NativeHeap disposed = Leaking("Disposed");
        disposed.Alloc(100);
        disposed.Alloc(200);
        using NativeHeap clean = Leaking("Clean");
        clean.Free(clean.Alloc(10));
    }

    private static NativeHeap Leaking(string name) => new(new NativeHeapOptions { Name = name, Guard = { Mode = GuardMode.All, ReportLeaks = true } });

    [LinuxFact]
    public void A_signal_that_ends_the_process_brings_the_report_and_ends_it_as_before()
    {
        AssertReportedOnce(ChildProgram.Run(EndBySignal), Terminated);
        AssertReportedOnce(ChildProgram.Run(EndByHangUp), 128 + HangUpSignal);
    }

    [LinuxFact]
    public void A_signal_that_the_program_cancels_brings_no_report_and_the_end_does()
    {
        ChildProgram.Result child = ChildProgram.Run(CancelSignal);
        AssertReportedOnce(child, 0);
        Assert.Contains("cancelled", child.Output, StringComparison.Ordinal);

        child = ChildProgram.Run(CancelSignalAndFree);
        Assert.DoesNotContain("not freed", child.Error, StringComparison.Ordinal);
        Assert.Equal(0, child.ExitCode);
    }

    [LinuxFact]
    public void An_unhandled_exception_brings_the_report_and_ends_the_process_as_before()
    {
        ChildProgram.Result child = ChildProgram.Run(EndByException);
        AssertReportedOnce(child, Aborted);
        Assert.Contains("this is not handled", child.Error, StringComparison.Ordinal);
    }

    [LinuxFact]
    public void Misuse_found_late_that_ends_the_process_brings_the_report() => AssertReportedOnce(ChildProgram.Run(EndByMisuse), Aborted);

    [Fact]
    public void A_heap_disposed_on_the_way_out_is_reported_once() => AssertReportedOnce(ChildProgram.Run(DisposeInExit), 0);

    [Fact]
    public void Dispose_with_an_interrupt_pending_frees_the_heap_and_keeps_the_interrupt()
    {
        bool interrupted = false;
        HeapMaker.OnOtherThread(() =>
        {
            NativeHeap heap = Leaking("Interrupted");
            heap.Free(heap.Alloc(1));
            Thread.CurrentThread.Interrupt();
            heap.Dispose();
            Assert.True(heap.IsDisposed);
            try
            {
                Thread.Sleep(Timeout.Infinite);
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        });
        Assert.True(interrupted);
    }

    private static void EndBySignal() => LeakAndSend(TermSignal);

    private static void EndByHangUp() => LeakAndSend(HangUpSignal);

    private static void LeakAndSend(int signal)
    {
        Forget();
        Send(signal);
        Thread.Sleep(Timeout.Infinite);
    }

    private static void CancelSignal()
    {
        Forget();
        WaitForCancelledSignal();
    }

    private static void CancelSignalAndFree()
    {
        NativeHeap heap = Leaking("Forgotten");
        void* block = heap.Alloc(77);
        WaitForCancelledSignal();
        heap.Free(block);
    }

    private static void WaitForCancelledSignal()
    {
        using ManualResetEventSlim came = new();
        using PosixSignalRegistration registration = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            Console.WriteLine("cancelled");
            came.Set();
        });
        Send(TermSignal);
        Assert.True(came.Wait(TimeSpan.FromSeconds(30)));

        // The other handlers come after the program's.
        Thread.Sleep(100);
    }

    private static void EndByException()
    {
        Forget();
        Thread thread = new(static () => throw new InvalidOperationException("this is not handled"));
        thread.Start();
        thread.Join();
    }

    private static void EndByMisuse()
    {
        NativeHeap heap = new(new NativeHeapOptions { Name = "Forgotten", Guard = { Mode = GuardMode.All, ReportLeaks = true }, LateMisuse = MisuseResponse.FailFast });
        heap.Alloc(77);
        heap.Core.Misuse.Record(1, MisuseKind.DoubleFree);
        heap.Trim();
        Thread.Sleep(Timeout.Infinite);
    }

    private static void DisposeInExit()
    {
        NativeHeap heap = Forget();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => heap.Dispose();
    }

    private static NativeHeap Forget()
    {
        NativeHeap heap = Leaking("Forgotten");
        heap.Alloc(77);
        return heap;
    }

    private static void Send(int signal) => Assert.Equal(0, Kill(Environment.ProcessId, signal));

    private static void AssertReportedOnce(ChildProgram.Result child, int exitCode)
    {
        Assert.Equal(2, child.Error.Split(Report).Length);
        Assert.Equal(exitCode, child.ExitCode);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}
