using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;
using static SpanHeap.Guarding.Faults.Register;

namespace SpanHeap.Guarding.Faults;

/// <summary>
/// The fault handler: machine code, because no managed code may run on a thread that has faulted. From an address it finds the record of
/// the block, writes a line about it, lets the watcher say more, and goes on to the handler that was there before, with all it was given.
/// </summary>
/// <remarks>
/// Reads only memory that stays for ever (its data, the arena map, what the system gave it), and the records by a call of the system, which
/// refuses where a fault would be: an arena may be going away. Calls the system directly, never a library. R14 has its data, RBX its frame.
/// </remarks>
internal sealed partial class FaultStub
{
    private const int SegmentationFault = 11;

    // Offsets in siginfo_t and ucontext_t.
    private const int SignalCode = 8;
    private const int SignalAddress = 16;
    private const int ContextInstruction = 40 + (16 * 8);
    private const int ContextError = 40 + (19 * 8);

    // Numbers of the system's calls.
    private const int ReadCall = 0;
    private const int WriteCall = 1;
    private const int PollCall = 7;
    private const int ProcessIdCall = 39;
    private const int ThreadIdCall = 186;
    private const int ProcessReadCall = 310;

    // A thread holds the lock for as long as it waits for the watcher at most; whoever comes meanwhile tries every millisecond.
    private const int LockAttempts = 2000;
    private const int LockPause = 1;

    // What the code changes and the other handler, or who called this one, wants back.
    private static readonly Register[] s_kept = [Rdi, Rsi, Rdx, Rbx, R12, R13, R14];

    private readonly MachineCode _code = new();
    private readonly MachineCode.Label _appendTemplate;
    private readonly MachineCode.Label _copyRecord;
    private readonly MachineCode.Label _unlock;
    private readonly MachineCode.Label _leave;
    private readonly MachineCode.Label _goOn;

    private FaultStub()
    {
        _appendTemplate = _code.NewLabel();
        _copyRecord = _code.NewLabel();
        _unlock = _code.NewLabel();
        _leave = _code.NewLabel();
        _goOn = _code.NewLabel();
    }

    /// <summary>The code of a handler that is called as the system calls it: the signal in RDI, siginfo_t in RSI, ucontext_t in RDX.</summary>
    /// <param name="data">Where its <see cref="FaultData"/> lie.</param>
    public static byte[] Make(nint data)
    {
        FaultStub stub = new();
        stub.PassWhatIsNotOurs(data);
        stub.OpenFrame();
        stub.TakeLock();
        stub.FindRecord();
        stub.Measure();
        stub.WriteLine();
        stub.AskWatcher();
        stub.CloseFrame();
        stub.GoOn(data);
        stub.CopyRecord();
        stub.AppendTemplate();
        return stub._code.ToArray();
    }

    private static int Word(int number) => number * FaultFrame.WordSize;

    // A fault of a null reference comes as far as the map, whose other kinds are arenas and huge blocks. Signals that another process or thread sent have no address.
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

    // One report at a time. Whoever waits in vain goes on without: better no line than no end.
    private void TakeLock()
    {
        MachineCode.Label again = _code.NewLabel();
        MachineCode.Label taken = _code.NewLabel();
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
        Call(PollCall);
        _code.Jump(again);
        _code.Mark(taken);
    }

    // The record's place follows from the page; on an inner page there is a link to it. That of a huge block is one of a table.
    private void FindRecord()
    {
        MachineCode.Label inArena = _code.NewLabel();
        MachineCode.Label found = _code.NewLabel();
        _code.Move(R13, Rbx);
        _code.Load(Rax, Rbx, Word(FaultFrame.Address));
        _code.ShiftRight(Rax, (byte)PageGeometry.ArenaShift);
        _code.Add(Rax, R14, Word(FaultData.Map));
        _code.LoadByte(Rax, Rax, 0);
        _code.Compare(Rax, (int)ArenaKind.Arena);
        _code.JumpIf(Condition.Equal, inArena);
        FindHugeRecord();
        _code.Call(_copyRecord);
        _code.Jump(found);

        _code.Mark(inArena);
        _code.Load(Rax, Rbx, Word(FaultFrame.Address));
        _code.Move(Rcx, Rax);
        _code.And(Rcx, (int)-PageGeometry.ArenaSize);
        _code.Subtract(Rax, Rcx);
        _code.ShiftRight(Rax, PageGeometry.PageShift);
        _code.ShiftLeft(Rax, ArenaHeader.RecordShift);
        _code.Add(Rax, Rcx);
        _code.Add(Rax, (int)ArenaHeader.Records + Unsafe.SizeOf<Span>());
        _code.Call(_copyRecord);
        _code.Load(Rax, Rbx, Word(FaultFrame.Record));
        _code.Set(Rcx, unchecked((long)GuardRecord.LinkMagic));
        _code.Compare(Rax, Rcx);
        _code.JumpIf(Condition.NotEqual, found);
        _code.Load(Rax, Rbx, Word(FaultFrame.Block));
        _code.Call(_copyRecord);
        _code.Mark(found);
        ReadTwice();
    }

    // To RAX the address of the record. The pages are read between two looks at the base: nobody has changed both.
    private void FindHugeRecord()
    {
        MachineCode.Label next = _code.NewLabel();
        MachineCode.Label other = _code.NewLabel();
        MachineCode.Label hit = _code.NewLabel();
        _code.Load(Rcx, R14, Word(FaultData.HugeGuards));
        _code.Set(Rdx, HugeGuards.Capacity);
        _code.Mark(next);
        _code.Load(R8, Rcx, GuardedSpan.RecordOffset + GuardRecord.SpanBaseOffset);
        _code.LoadInt32(R9, Rcx, Span.PagesOffset);
        _code.ShiftLeft(R9, PageGeometry.PageShift);
        _code.Compare(R8, Rcx, GuardedSpan.RecordOffset + GuardRecord.SpanBaseOffset);
        _code.JumpIf(Condition.NotEqual, other);
        _code.Load(Rax, Rbx, Word(FaultFrame.Address));
        _code.Subtract(Rax, R8);
        _code.Compare(Rax, R9);
        _code.JumpIf(Condition.Below, hit);
        _code.Mark(other);
        _code.Add(Rcx, Unsafe.SizeOf<HugeGuard>());
        _code.Subtract(Rdx, 1);
        _code.JumpIf(Condition.NotEqual, next);
        _code.Jump(_unlock);
        _code.Mark(hit);
        _code.AddressOf(Rax, Rcx, GuardedSpan.RecordOffset);
    }

    // A copy in which another thread was writing would be of two blocks: one is good when another, made where the line will be, has the
    // same event. Each turn more is an event of another thread's.
    private void ReadTwice()
    {
        MachineCode.Label again = _code.NewLabel();
        MachineCode.Label good = _code.NewLabel();
        _code.Mark(again);
        _code.Load(Rax, Rbx, Word(FaultFrame.Record));
        _code.Set(Rcx, unchecked((long)GuardRecord.RecordMagic));
        _code.Compare(Rax, Rcx);
        _code.JumpIf(Condition.NotEqual, _unlock);
        _code.LoadInt32(Rax, Rbx, Word(FaultFrame.Record) + GuardRecord.StateOffset);
        _code.Compare(Rax, (int)GuardState.None);
        _code.JumpIf(Condition.Equal, _unlock);
        _code.AddressOf(R13, Rbx, Word(FaultFrame.Line));
        CopyAgain();
        _code.Load(Rax, R13, Word(FaultFrame.Sequence));
        _code.Compare(Rax, Rbx, Word(FaultFrame.Sequence));
        _code.JumpIf(Condition.Equal, good);
        _code.Move(R13, Rbx);
        CopyAgain();
        _code.Jump(again);
        _code.Mark(good);
    }

    private void CopyAgain()
    {
        _code.Load(Rax, Rbx, Word(FaultFrame.CopyFrom));
        _code.Call(_copyRecord);
    }

    // RAX: where from; R13: where to. Where it cannot be read the copy has no magic.
    private void CopyRecord()
    {
        _code.Mark(_copyRecord);
        _code.Store(Rbx, Word(FaultFrame.CopyFrom), Rax);
        _code.Store(Rbx, Word(FaultFrame.CopyTo), R13);
        _code.Set(Rax, GuardRecord.Size);
        _code.Store(Rbx, Word(FaultFrame.CopyFrom + 1), Rax);
        _code.Store(Rbx, Word(FaultFrame.CopyTo + 1), Rax);
        _code.Set(Rax, 0);
        _code.Store(R13, 0, Rax);
        Call(ProcessIdCall);
        _code.Move(Rdi, Rax);
        _code.AddressOf(Rsi, Rbx, Word(FaultFrame.CopyTo));
        _code.Set(Rdx, 1);
        _code.AddressOf(R10, Rbx, Word(FaultFrame.CopyFrom));
        _code.Set(R8, 1);
        _code.Set(R9, 0);
        Call(ProcessReadCall);
        _code.Return();
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
        MachineCode.Label bus = _code.NewLabel();
        _code.Mark(_goOn);
        _code.Set(R11, data);
        _code.Compare(Rdi, SegmentationFault);
        _code.JumpIf(Condition.NotEqual, bus);
        _code.JumpThrough(R11, Word(FaultData.SegmentationHandler));
        _code.Mark(bus);
        _code.JumpThrough(R11, Word(FaultData.BusHandler));
    }

    private void Call(int number)
    {
        _code.Set(Rax, number);
        _code.SystemCall();
    }
}
