using System.Runtime.CompilerServices;
using SpanHeap.Guard.Records;
using SpanHeap.Pages;
using SpanHeap.Spans;
using static SpanHeap.Guard.Faults.FaultFrame;
using static SpanHeap.Guard.Faults.MachineCode;
using static SpanHeap.Guard.Faults.Register;

namespace SpanHeap.Guard.Faults;

/// <summary>
/// Emits the part of the fault handler that finds the record of the block in or beside which an address lies, and copies it to the frame. R14
/// holds the handler's data, RBX its frame.
/// </summary>
/// <remarks>The code reads records by a call of the system, which returns an error instead of faulting: an arena may be going away.</remarks>
/// <param name="code">The handler's code.</param>
/// <param name="giveUp">Where the code goes on when there is no record.</param>
internal sealed class FaultLookup(MachineCode code, MachineCode.Label giveUp)
{
    private readonly Label _copyRecord = code.NewLabel();

    /// <summary>Emits the search. Where it finds no record of a block it jumps to the end of the report.</summary>
    /// <remarks>The place of the record follows from the page; an inner page has a link to it. The record of a huge block is in a table.</remarks>
    public void Emit()
    {
        Label inArena = code.NewLabel();
        Label found = code.NewLabel();
        code.Move(R13, Rbx);
        code.Load(Rax, Rbx, Word(FaultFrame.Address));
        code.ShiftRight(Rax, (byte)PageGeometry.ArenaShift);
        code.Add(Rax, R14, Word(FaultData.Map));
        code.LoadByte(Rax, Rax, 0);
        code.Compare(Rax, (int)ArenaKind.Arena);
        code.JumpIf(Condition.Equal, inArena);
        FindHugeRecord();
        code.Call(_copyRecord);
        code.Jump(found);

        code.Mark(inArena);
        code.Load(Rax, Rbx, Word(FaultFrame.Address));
        code.Move(Rcx, Rax);
        code.And(Rcx, (int)-PageGeometry.ArenaSize);
        code.Subtract(Rax, Rcx);
        code.ShiftRight(Rax, PageGeometry.PageShift);
        code.ShiftLeft(Rax, ArenaHeader.RecordShift);
        code.Add(Rax, Rcx);
        code.Add(Rax, (int)ArenaHeader.Records + Unsafe.SizeOf<Span>());
        code.Call(_copyRecord);
        code.Load(Rax, Rbx, Word(FaultFrame.Record));
        code.Set(Rcx, unchecked((long)GuardRecord.LinkMagic));
        code.Compare(Rax, Rcx);
        code.JumpIf(Condition.NotEqual, found);
        code.Load(Rax, Rbx, Word(FaultFrame.Block));
        code.Call(_copyRecord);
        code.Mark(found);
        ReadTwice();
    }

    // Leaves the address of the record in RAX. The number of pages is read between two reads of the base, so it belongs to that base.
    private void FindHugeRecord()
    {
        Label next = code.NewLabel();
        Label other = code.NewLabel();
        Label hit = code.NewLabel();
        code.Load(Rcx, R14, Word(FaultData.HugeGuards));
        code.Set(Rdx, HugeGuards.Capacity);
        code.Mark(next);
        code.Load(R8, Rcx, GuardedSpan.RecordOffset + GuardRecord.SpanBaseOffset);
        code.LoadInt32(R9, Rcx, Span.PagesOffset);
        code.ShiftLeft(R9, PageGeometry.PageShift);
        code.Compare(R8, Rcx, GuardedSpan.RecordOffset + GuardRecord.SpanBaseOffset);
        code.JumpIf(Condition.NotEqual, other);
        code.Load(Rax, Rbx, Word(FaultFrame.Address));
        code.Subtract(Rax, R8);
        code.Compare(Rax, R9);
        code.JumpIf(Condition.Below, hit);
        code.Mark(other);
        code.Add(Rcx, Unsafe.SizeOf<HugeGuard>());
        code.Subtract(Rdx, 1);
        code.JumpIf(Condition.NotEqual, next);
        code.Jump(giveUp);
        code.Mark(hit);
        code.AddressOf(Rax, Rcx, GuardedSpan.RecordOffset);
    }

    // A copy of a record that another thread is writing would be a mixture of two blocks. So a copy is good if a second one, made in the place of
    // the line, has the same event. Each further turn of the loop means an event of another thread.
    private void ReadTwice()
    {
        Label again = code.NewLabel();
        Label good = code.NewLabel();
        code.Mark(again);
        code.Load(Rax, Rbx, Word(FaultFrame.Record));
        code.Set(Rcx, unchecked((long)GuardRecord.RecordMagic));
        code.Compare(Rax, Rcx);
        code.JumpIf(Condition.NotEqual, giveUp);
        code.LoadInt32(Rax, Rbx, Word(FaultFrame.Record) + GuardRecord.StateOffset);
        code.Compare(Rax, (int)GuardState.None);
        code.JumpIf(Condition.Equal, giveUp);
        code.AddressOf(R13, Rbx, Word(FaultFrame.Line));
        CopyAgain();
        code.Load(Rax, R13, Word(FaultFrame.Sequence));
        code.Compare(Rax, Rbx, Word(FaultFrame.Sequence));
        code.JumpIf(Condition.Equal, good);
        code.Move(R13, Rbx);
        CopyAgain();
        code.Jump(again);
        code.Mark(good);
    }

    private void CopyAgain()
    {
        code.Load(Rax, Rbx, Word(FaultFrame.CopyFrom));
        code.Call(_copyRecord);
    }

    /// <summary>Emits the routine that copies a record: RAX has where from, R13 where to. Where it cannot be read the copy has no magic.</summary>
    public void EmitCopyRecord()
    {
        code.Mark(_copyRecord);
        code.Store(Rbx, Word(FaultFrame.CopyFrom), Rax);
        code.Store(Rbx, Word(FaultFrame.CopyTo), R13);
        code.Set(Rax, GuardRecord.Size);
        code.Store(Rbx, Word(FaultFrame.CopyFrom + 1), Rax);
        code.Store(Rbx, Word(FaultFrame.CopyTo + 1), Rax);
        code.Set(Rax, 0);
        code.Store(R13, 0, Rax);
        code.SystemCall(SystemCalls.ProcessId);
        code.Move(Rdi, Rax);
        code.AddressOf(Rsi, Rbx, Word(FaultFrame.CopyTo));
        code.Set(Rdx, 1);
        code.AddressOf(R10, Rbx, Word(FaultFrame.CopyFrom));
        code.Set(R8, 1);
        code.Set(R9, 0);
        code.SystemCall(SystemCalls.ProcessRead);
        code.Return();
    }
}
