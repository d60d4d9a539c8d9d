using System.Runtime.InteropServices;
using System.Text;
using SpanHeap.Guard.Records;
using SpanHeap.Os;

namespace SpanHeap.Guard.Faults;

/// <summary>
/// A managed thread that writes the stacks that allocated and freed a block, which only managed code can do. A faulting thread sends it what it
/// touched, and waits for it.
/// </summary>
/// <remarks>
/// The faulting thread may have stopped in the middle of anything. So the code that runs here after a fault has run once before, allocates no
/// managed memory (a collection would wait for that thread), and takes no lock except that of the stacks. If a collection is in progress, the
/// answer comes too late, and the handler goes on.
/// </remarks>
internal sealed unsafe class FaultWatcher
{
    private const int StandardError = 2;

    // Room for two stacks of 32 lines with about 200 characters each; the rest is left out.
    private const int BufferBytes = 32 * 1024;

    private readonly int _requests;
    private readonly int _answers;

    // Written by the watching thread alone, and before it starts.
    private readonly byte* _buffer = (byte*)NativeMemory.Alloc(BufferBytes);
    private int _length;

    private FaultWatcher(int requests, int answers)
    {
        _requests = requests;
        _answers = answers;
    }

    /// <summary>Starts it, for the rest of the process.</summary>
    /// <param name="request">Descriptor to which a <see cref="WatcherRequest"/> is to be written.</param>
    /// <param name="answer">Descriptor from which a byte comes when all is said.</param>
    /// <returns>False where the system gives no pipes or no thread.</returns>
    public static bool TryStart(out int request, out int answer)
    {
        answer = Pipe.None;
        int answers = Pipe.None;
        if (Pipe.TryMake(out int requests, out request) && Pipe.TryMake(out answer, out answers) && TryStartThread(requests, answers))
        {
            // The handler throws late answers away, and must not wait for one.
            Pipe.SetNonBlocking(answer);
            return true;
        }

        Pipe.Close(requests, request, answers, answer);
        return false;
    }

    private static bool TryStartThread(int requests, int answers)
    {
        FaultWatcher watcher = new(requests, answers);
        watcher.WarmUp();
        try
        {
            new Thread(watcher.Watch) { IsBackground = true, Name = "SpanHeap fault watcher" }.UnsafeStart();
            return true;
        }
        catch (Exception failure) when (failure is OutOfMemoryException or ThreadStartException or IOException)
        {
            return false;
        }
    }

    // Compiles everything that a fault needs, and resolves every call that it makes; writes nothing.
    private void WarmUp()
    {
        Append("a line of a stack");
        Compose(default);
        Pipe.Write(StandardError, _buffer, 0);
        Pipe.Write(_answers, _buffer, 0);
    }

    private void Watch()
    {
        WatcherRequest message;
        while (Pipe.Read(_requests, (byte*)&message, WatcherRequest.Size) is var read && (read > 0 || Pipe.WasInterrupted()))
        {
            if (read == WatcherRequest.Size)
            {
                Compose(message.Record);
                Pipe.Write(StandardError, _buffer, _length);
                Pipe.Write(_answers, _buffer, 1);
            }
        }
    }

    private void Compose(in GuardRecord record)
    {
        _length = 0;
        Append("Allocated:\n", record.AllocStack);
        Append("Freed:\n", record.FreeStack);
    }

    private void Append(string heading, int stack)
    {
        string[]? lines = StackDepot.TryGet(stack);
        if (lines == null)
        {
            return;
        }

        Append(heading);
        foreach (string line in lines)
        {
            Append("   ");
            Append(line);
            Append("\n");
        }
    }

    private void Append(string text)
    {
        if (Encoding.UTF8.TryGetBytes(text, new System.Span<byte>(_buffer + _length, BufferBytes - _length), out int written))
        {
            _length += written;
        }
    }
}
