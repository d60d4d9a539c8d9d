using SpanHeap.Pages;
using SpanHeap.Spans;
using static SpanHeap.Guard.Faults.FaultFrame;
using static SpanHeap.Guard.Faults.MachineCode;
using static SpanHeap.Guard.Faults.Register;

namespace SpanHeap.Guard.Faults;

/// <summary>
/// The fault handler: machine code, because no managed code may run on a thread that has faulted. From an address it finds the record of
/// the block, writes a line about it, lets the watcher add the stacks, and jumps to the handler that was there before, with everything that the system
/// passed to it.
/// </summary>
/// <remarks>
/// It reads only memory that is never freed (its data, the arena map, what the system passed to it), and reads records by a call of the system. It
/// calls the system directly, never a library. R14 holds its data, RBX its frame. This class emits its beginning and its end; <see cref="FaultLookup"/> and
/// <see cref="FaultReport"/> emit the code between.
/// </remarks>
internal sealed class FaultStub
{
    private const int SegmentationFault = 11;

    // Offsets in siginfo_t and ucontext_t.
    private const int SignalCode = 8;
    private const int SignalAddress = 16;
    private const int ContextInstruction = 40 + (16 * 8);
    private const int ContextError = 40 + (19 * 8);

    // A thread holds the lock only while it waits for the watcher. Any other thread tries again every millisecond.
    private const int LockAttempts = 2000;
    private const int LockPause = 1;

    // Registers that the code changes and must restore for the other handler, or for its own caller.
    private static readonly Register[] s_kept = [Rdi, Rsi, Rdx, Rbx, R12, R13, R14];

    private readonly MachineCode _code = new();
    private readonly Label _unlock;
    private readonly Label _leave;
    private readonly Label _goOn;

    private FaultStub()
    {
        _unlock = _code.NewLabel();
        _leave = _code.NewLabel();
        _goOn = _code.NewLabel();
    }

    /// <summary>Makes the code of a handler that is called as the system calls it: the signal in RDI, siginfo_t in RSI, ucontext_t in RDX.</summary>
    /// <param name="data">The address of its <see cref="FaultData"/>.</param>
    public static byte[] Make(nint data)
    {
        FaultStub stub = new();
        FaultLookup lookup = new(stub._code, stub._unlock);
        FaultReport report = new(stub._code, stub._unlock);
        stub.PassWhatIsNotOurs(data);
        stub.OpenFrame();
        stub.TakeLock();
        lookup.Emit();
        report.Emit();
        stub.CloseFrame();
        stub.GoOn(data);
        lookup.EmitCopyRecord();
        report.EmitAppendTemplate();
        return stub._code.ToArray();
    }

    // The fault of a null reference gets as far as the map, which knows arenas and huge blocks. Signals that a process or a thread sent have no address.
    private void PassWhatIsNotOurs(nint data)
    {
        _code.Set(R11, data);
        _code.LoadInt32(Rax, Rsi, SignalCode);
        _code.Compare(Rax, 0);
        _code.JumpIf(Condition.NotGreater, _goOn);
        _code.Load(Rax, Rsi, SignalAddress);
        _code.ShiftRight(Rax, (byte)PageGeometry.ArenaShift);
        _code.Compare(Rax, R11, Word(FaultData.MapPieces));
        _code.JumpIf(Condition.NotBelow, _goOn);
        _code.Add(Rax, R11, Word(FaultData.Map));
        _code.LoadByte(Rax, Rax, 0);
        _code.Compare(Rax, (int)ArenaKind.Foreign);
        _code.JumpIf(Condition.Equal, _goOn);
    }

    private void OpenFrame()
    {
        foreach (Register kept in s_kept)
        {
            _code.Push(kept);
        }

        _code.Subtract(Rsp, Word(FaultFrame.Words));
        _code.Move(Rbx, Rsp);
        _code.Move(R14, R11);
        Keep(FaultFrame.Address, Rsi, SignalAddress);
        Keep(FaultFrame.Instruction, Rdx, ContextInstruction);
        Keep(FaultFrame.Error, Rdx, ContextError);
    }

    private void Keep(int word, Register at, int offset)
    {
        _code.Load(Rax, at, offset);
        _code.Store(Rbx, Word(word), Rax);
    }

    // There is one report at a time. A thread that has waited in vain goes on without one: a missing line is better than a process that hangs.
    private void TakeLock()
    {
        Label again = _code.NewLabel();
        Label taken = _code.NewLabel();
        _code.Set(R12, LockAttempts);
        _code.Mark(again);
        _code.Set(Rax, 0);
        _code.Set(Rcx, 1);
        _code.LockedCompareExchange(R14, Word(FaultData.Lock), Rcx);
        _code.JumpIf(Condition.Equal, taken);
        _code.Subtract(R12, 1);
        _code.JumpIf(Condition.Equal, _leave);
        _code.Set(Rdi, 0);
        _code.Set(Rsi, 0);
        _code.Set(Rdx, LockPause);
        _code.SystemCall(SystemCalls.Poll);
        _code.Jump(again);
        _code.Mark(taken);
    }

    private void CloseFrame()
    {
        _code.Mark(_unlock);
        _code.Set(Rax, 0);
        _code.Store(R14, Word(FaultData.Lock), Rax);
        _code.Mark(_leave);
        _code.Add(Rsp, Word(FaultFrame.Words));
        for (int i = s_kept.Length - 1; i >= 0; i--)
        {
            _code.Pop(s_kept[i]);
        }
    }

    // By a jump, so that the other handler finds registers and stack as if the system had called it.
    private void GoOn(nint data)
    {
        Label bus = _code.NewLabel();
        _code.Mark(_goOn);
        _code.Set(R11, data);
        _code.Compare(Rdi, SegmentationFault);
        _code.JumpIf(Condition.NotEqual, bus);
        _code.JumpThrough(R11, Word(FaultData.SegmentationHandler));
        _code.Mark(bus);
        _code.JumpThrough(R11, Word(FaultData.BusHandler));
    }
}
