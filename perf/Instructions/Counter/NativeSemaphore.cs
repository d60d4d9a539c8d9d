using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>A semaphore of the C library: a thread that must wait sleeps at once. Those of .NET spin first, for as long as the other thread takes.</summary>
internal sealed unsafe partial class NativeSemaphore
{
    // More than a sem_t has on any system.
    private const int WordCount = 16;

    // Pinned, and never freed: there are two in a process.
    private readonly ulong* _semaphore;
    private readonly ulong[] _words = GC.AllocateArray<ulong>(WordCount, pinned: true);

    public NativeSemaphore()
    {
        _semaphore = (ulong*)Marshal.UnsafeAddrOfPinnedArrayElement(_words, 0);
        Check(Native.Init(_semaphore, shared: 0, value: 0));
    }

    public void Post() => Check(Native.Post(_semaphore));

    public void Wait()
    {
        // A signal interrupts the wait.
        while (Native.Wait(_semaphore) != 0) { }
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new IOException("The C library refuses a semaphore.");
        }
    }

    private static partial class Native
    {
        [LibraryImport("libc", EntryPoint = "sem_init")]
        public static partial int Init(void* semaphore, int shared, uint value);

        [LibraryImport("libc", EntryPoint = "sem_post")]
        public static partial int Post(void* semaphore);

        [LibraryImport("libc", EntryPoint = "sem_wait")]
        public static partial int Wait(void* semaphore);
    }
}
