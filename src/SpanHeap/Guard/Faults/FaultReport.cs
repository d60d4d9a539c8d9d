using SpanHeap.Guard.Records;
using static SpanHeap.Guard.Faults.FaultFrame;
using static SpanHeap.Guard.Faults.MachineCode;
using static SpanHeap.Guard.Faults.Register;

namespace SpanHeap.Guard.Faults;

/// <summary>
/// Emits the part of the fault handler that writes a line about the block whose record is in the frame, and lets the watcher add the stacks. R14
/// holds the handler's data, RBX its frame.
/// </summary>
/// <param name="code">The handler's code.</param>
/// <param name="done">Where the code goes on when the watcher has answered, or cannot be asked.</param>
internal sealed class FaultReport(MachineCode code, MachineCode.Label done)
{
    private const int StandardError = 2;
    private const int WriteError = 2;
    private const int ReadyToRead = 1;

    // A signal ends a wait early. All waits together take at most 400 ms, because a collection may wait for this thread, and the watcher for the collection.
    private const int AnswerAttempts = 8;
    private const int AnswerPause = 50;

    private readonly Label _appendTemplate = code.NewLabel();

    /// <summary>Emits the report: the line, and the question to the watcher. Where the watcher cannot be asked it jumps to the end of the report.</summary>
    public void Emit()
    {
        Measure();
        WriteLine();
        AskWatcher();
    }

    // Leaves in R12 the address of the template for the side of the block that was touched, and in the frame the distance.
    private void Measure()
    {
        Label into = code.NewLabel();
        Label measured = code.NewLabel();
        code.SystemCall(SystemCalls.ThreadId);
        code.Store(Rbx, Word(FaultFrame.Thread), Rax);
        KeepInt32(FaultFrame.AllocThread, GuardRecord.AllocThreadOffset);
        KeepInt32(FaultFrame.FreeThread, GuardRecord.FreeThreadOffset);
        code.Load(Rax, Rbx, Word(FaultFrame.Address));
        code.Load(Rcx, Rbx, Word(FaultFrame.Block));
        code.Subtract(Rax, Rcx);
        code.JumpIf(Condition.NotBelow, into);
        code.Load(R12, R14, Word(FaultData.Places));
        code.Set(Rdx, 0);
        code.Subtract(Rdx, Rax);
        code.Move(Rax, Rdx);
        code.Jump(measured);

        code.Mark(into);
        code.Load(R12, R14, Word(FaultData.Places + 1));
        code.Load(Rcx, Rbx, Word(FaultFrame.ByteCount));
        code.Compare(Rax, Rcx);
        code.JumpIf(Condition.Below, measured);
        code.Load(R12, R14, Word(FaultData.Places + 2));
        code.Subtract(Rax, Rcx);
        code.Mark(measured);
        code.Store(Rbx, Word(FaultFrame.Offset), Rax);
    }

    private void KeepInt32(int word, int offset)
    {
        code.LoadInt32(Rax, Rbx, Word(FaultFrame.Record) + offset);
        code.Store(Rbx, Word(word), Rax);
    }

    // The template of the side is in R12 and comes second. The whole line is written by one call.
    private void WriteLine()
    {
        code.Push(R12);
        code.AddressOf(R13, Rbx, Word(FaultFrame.Line));
        LoadAccess();
        code.Call(_appendTemplate);
        code.Pop(R12);
        code.Call(_appendTemplate);
        LoadState();
        code.Call(_appendTemplate);
        code.Set(Rdi, StandardError);
        code.AddressOf(Rsi, Rbx, Word(FaultFrame.Line));
        code.Move(Rdx, R13);
        code.Subtract(Rdx, Rsi);
        code.SystemCall(SystemCalls.Write);
    }

    private void LoadAccess()
    {
        code.Load(Rax, Rbx, Word(FaultFrame.Error));
        code.And(Rax, WriteError);

        // A write is 2, and one word further: 4 times that in bytes.
        code.ShiftLeft(Rax, 2);
        code.Add(Rax, R14);
        code.Load(R12, Rax, Word(FaultData.Accesses));
    }

    private void LoadState()
    {
        code.LoadInt32(Rax, Rbx, Word(FaultFrame.Record) + GuardRecord.StateOffset);
        code.And(Rax, (int)GuardState.Swept);
        code.ShiftLeft(Rax, 3);
        code.Add(Rax, R14);
        code.Load(R12, Rax, Word(FaultData.States));
    }

    /// <summary>Emits the routine that appends the template at R12 to the line at R13, which moves on.</summary>
    public void EmitAppendTemplate()
    {
        Label next = code.NewLabel();
        Label literal = code.NewLabel();
        Label number = code.NewLabel();
        Label end = code.NewLabel();
        code.Mark(_appendTemplate);
        code.Mark(next);
        code.LoadByte(Rax, R12, 0);
        code.Add(R12, 1);
        code.Compare(Rax, FaultText.End);
        code.JumpIf(Condition.Equal, end);
        code.Compare(Rax, FaultText.Decimal);
        code.JumpIf(Condition.Above, literal);
        code.Set(Rcx, 10);
        code.JumpIf(Condition.Equal, number);
        code.Set(Rcx, 16);
        AppendByte('0');
        AppendByte('x');
        code.Mark(number);
        code.LoadByte(Rax, R12, 0);
        code.Add(R12, 1);
        code.ShiftLeft(Rax, 3);
        code.Add(Rax, Rbx);
        code.Load(Rax, Rax, 0);
        AppendNumber();
        code.Jump(next);
        code.Mark(literal);
        code.StoreByte(R13, 0, Rax);
        code.Add(R13, 1);
        code.Jump(next);
        code.Mark(end);
        code.Return();
    }

    private void AppendByte(char value)
    {
        code.Set(Rax, value);
        code.StoreByte(R13, 0, Rax);
        code.Add(R13, 1);
    }

    // Appends the number in RAX to the base in RCX: digits are made from the last to the first, then copied in order.
    private void AppendNumber()
    {
        Label digit = code.NewLabel();
        Label store = code.NewLabel();
        Label copy = code.NewLabel();
        code.AddressOf(R8, Rbx, Word(FaultFrame.DigitsEnd));
        code.Move(R9, R8);
        code.Mark(digit);
        code.Set(Rdx, 0);
        code.Divide(Rcx);
        code.Add(Rdx, '0');
        code.Compare(Rdx, '9');
        code.JumpIf(Condition.NotAbove, store);
        code.Add(Rdx, 'a' - '9' - 1);
        code.Mark(store);
        code.Subtract(R9, 1);
        code.StoreByte(R9, 0, Rdx);
        code.Compare(Rax, 0);
        code.JumpIf(Condition.NotEqual, digit);

        code.Mark(copy);
        code.LoadByte(Rax, R9, 0);
        code.StoreByte(R13, 0, Rax);
        code.Add(R9, 1);
        code.Add(R13, 1);
        code.Compare(R9, R8);
        code.JumpIf(Condition.Below, copy);
    }

    // Sends the first words of the frame to the watcher, and waits until it has written the stacks. A late answer to an earlier question is thrown
    // away first.
    private void AskWatcher()
    {
        Label again = code.NewLabel();
        code.Load(Rdi, R14, Word(FaultData.Request));
        code.Compare(Rdi, 0);
        code.JumpIf(Condition.Less, done);
        Transfer(SystemCalls.Read, FaultData.Answer, FaultFrame.Line, FaultFrame.LineBytes);
        Transfer(SystemCalls.Write, FaultData.Request, FaultFrame.Record, Word(FaultFrame.Message));
        code.Compare(Rax, Word(FaultFrame.Message));
        code.JumpIf(Condition.NotEqual, done);

        code.Set(Rax, (long)ReadyToRead << 32);
        code.Add(Rax, R14, Word(FaultData.Answer));
        code.Store(Rbx, Word(FaultFrame.Poll), Rax);
        code.Set(R12, AnswerAttempts);
        code.Mark(again);
        code.AddressOf(Rdi, Rbx, Word(FaultFrame.Poll));
        code.Set(Rsi, 1);
        code.Set(Rdx, AnswerPause);
        code.SystemCall(SystemCalls.Poll);
        code.Compare(Rax, 0);
        code.JumpIf(Condition.Greater, done);
        code.Subtract(R12, 1);
        code.JumpIf(Condition.NotEqual, again);
    }

    private void Transfer(int call, int descriptor, int word, int bytes)
    {
        code.Load(Rdi, R14, Word(descriptor));
        code.AddressOf(Rsi, Rbx, Word(word));
        code.Set(Rdx, bytes);
        code.SystemCall(call);
    }
}
