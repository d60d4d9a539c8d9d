using static SpanHeap.Guarding.Faults.Register;

namespace SpanHeap.Guarding.Faults;

/// <summary>What the handler says of a block whose record it has found.</summary>
internal sealed partial class FaultStub
{
    private const int StandardError = 2;
    private const int WriteError = 2;
    private const int ReadyToRead = 1;

    // Signals cut a wait short; together no more than 400 ms, for a collection may wait for this thread and the watcher for the collection.
    private const int AnswerAttempts = 8;
    private const int AnswerPause = 50;

    // Which side of the block it was, as the address of a template in R12, and how far, to the frame.
    private void Measure()
    {
        MachineCode.Label into = _code.NewLabel();
        MachineCode.Label measured = _code.NewLabel();
        Call(ThreadIdCall);
        _code.Store(Rbx, Word(FaultFrame.Thread), Rax);
        KeepInt32(FaultFrame.AllocThread, GuardRecord.AllocThreadOffset);
        KeepInt32(FaultFrame.FreeThread, GuardRecord.FreeThreadOffset);
        _code.Load(Rax, Rbx, Word(FaultFrame.Address));
        _code.Load(Rcx, Rbx, Word(FaultFrame.Block));
        _code.Subtract(Rax, Rcx);
        _code.JumpIf(Condition.NotBelow, into);
        _code.Load(R12, R14, Word(FaultData.Places));
        _code.Set(Rdx, 0);
        _code.Subtract(Rdx, Rax);
        _code.Move(Rax, Rdx);
        _code.Jump(measured);

        _code.Mark(into);
        _code.Load(R12, R14, Word(FaultData.Places + 1));
        _code.Load(Rcx, Rbx, Word(FaultFrame.ByteCount));
        _code.Compare(Rax, Rcx);
        _code.JumpIf(Condition.Below, measured);
        _code.Load(R12, R14, Word(FaultData.Places + 2));
        _code.Subtract(Rax, Rcx);
        _code.Mark(measured);
        _code.Store(Rbx, Word(FaultFrame.Offset), Rax);
    }

    private void KeepInt32(int word, int offset)
    {
        _code.LoadInt32(Rax, Rbx, Word(FaultFrame.Record) + offset);
        _code.Store(Rbx, Word(word), Rax);
    }

    // The template of the side is in R12 and comes second. One call writes the line whole.
    private void WriteLine()
    {
        _code.Push(R12);
        _code.AddressOf(R13, Rbx, Word(FaultFrame.Line));
        LoadAccess();
        _code.Call(_appendTemplate);
        _code.Pop(R12);
        _code.Call(_appendTemplate);
        LoadState();
        _code.Call(_appendTemplate);
        _code.Set(Rdi, StandardError);
        _code.AddressOf(Rsi, Rbx, Word(FaultFrame.Line));
        _code.Move(Rdx, R13);
        _code.Subtract(Rdx, Rsi);
        Call(WriteCall);
    }

    private void LoadAccess()
    {
        _code.Load(Rax, Rbx, Word(FaultFrame.Error));
        _code.And(Rax, WriteError);

        // 2 for a write: as many words are 4 times that.
        _code.ShiftLeft(Rax, 2);
        _code.Add(Rax, R14);
        _code.Load(R12, Rax, Word(FaultData.Accesses));
    }

    private void LoadState()
    {
        _code.LoadInt32(Rax, Rbx, Word(FaultFrame.Record) + GuardRecord.StateOffset);
        _code.And(Rax, (int)GuardState.Swept);
        _code.ShiftLeft(Rax, 3);
        _code.Add(Rax, R14);
        _code.Load(R12, Rax, Word(FaultData.States));
    }

    // The template at R12 to where R13 is, which moves on.
    private void AppendTemplate()
    {
        MachineCode.Label next = _code.NewLabel();
        MachineCode.Label literal = _code.NewLabel();
        MachineCode.Label number = _code.NewLabel();
        MachineCode.Label done = _code.NewLabel();
        _code.Mark(_appendTemplate);
        _code.Mark(next);
        _code.LoadByte(Rax, R12, 0);
        _code.Add(R12, 1);
        _code.Compare(Rax, FaultText.End);
        _code.JumpIf(Condition.Equal, done);
        _code.Compare(Rax, FaultText.Decimal);
        _code.JumpIf(Condition.Above, literal);
        _code.Set(Rcx, 10);
        _code.JumpIf(Condition.Equal, number);
        _code.Set(Rcx, 16);
        AppendByte('0');
        AppendByte('x');
        _code.Mark(number);
        _code.LoadByte(Rax, R12, 0);
        _code.Add(R12, 1);
        _code.ShiftLeft(Rax, 3);
        _code.Add(Rax, Rbx);
        _code.Load(Rax, Rax, 0);
        AppendNumber();
        _code.Jump(next);
        _code.Mark(literal);
        _code.StoreByte(R13, 0, Rax);
        _code.Add(R13, 1);
        _code.Jump(next);
        _code.Mark(done);
        _code.Return();
    }

    private void AppendByte(char value)
    {
        _code.Set(Rax, value);
        _code.StoreByte(R13, 0, Rax);
        _code.Add(R13, 1);
    }

    // The number in RAX to the base in RCX: digits from the last to the first, then in order.
    private void AppendNumber()
    {
        MachineCode.Label digit = _code.NewLabel();
        MachineCode.Label store = _code.NewLabel();
        MachineCode.Label copy = _code.NewLabel();
        _code.AddressOf(R8, Rbx, Word(FaultFrame.DigitsEnd));
        _code.Move(R9, R8);
        _code.Mark(digit);
        _code.Set(Rdx, 0);
        _code.Divide(Rcx);
        _code.Add(Rdx, '0');
        _code.Compare(Rdx, '9');
        _code.JumpIf(Condition.NotAbove, store);
        _code.Add(Rdx, 'a' - '9' - 1);
        _code.Mark(store);
        _code.Subtract(R9, 1);
        _code.StoreByte(R9, 0, Rdx);
        _code.Compare(Rax, 0);
        _code.JumpIf(Condition.NotEqual, digit);

        _code.Mark(copy);
        _code.LoadByte(Rax, R9, 0);
        _code.StoreByte(R13, 0, Rax);
        _code.Add(R9, 1);
        _code.Add(R13, 1);
        _code.Compare(R9, R8);
        _code.JumpIf(Condition.Below, copy);
    }

    // Sends the watcher the frame's first words and waits until it has written what it knows. An answer that came late to another is thrown away before.
    private void AskWatcher()
    {
        MachineCode.Label again = _code.NewLabel();
        _code.Load(Rdi, R14, Word(FaultData.Request));
        _code.Compare(Rdi, 0);
        _code.JumpIf(Condition.Less, _unlock);
        Transfer(ReadCall, FaultData.Answer, FaultFrame.Line, FaultFrame.LineBytes);
        Transfer(WriteCall, FaultData.Request, FaultFrame.Record, Word(FaultFrame.Message));
        _code.Compare(Rax, Word(FaultFrame.Message));
        _code.JumpIf(Condition.NotEqual, _unlock);

        _code.Set(Rax, (long)ReadyToRead << 32);
        _code.Add(Rax, R14, Word(FaultData.Answer));
        _code.Store(Rbx, Word(FaultFrame.Poll), Rax);
        _code.Set(R12, AnswerAttempts);
        _code.Mark(again);
        _code.AddressOf(Rdi, Rbx, Word(FaultFrame.Poll));
        _code.Set(Rsi, 1);
        _code.Set(Rdx, AnswerPause);
        Call(PollCall);
        _code.Compare(Rax, 0);
        _code.JumpIf(Condition.Greater, _unlock);
        _code.Subtract(R12, 1);
        _code.JumpIf(Condition.NotEqual, again);
    }

    private void Transfer(int call, int descriptor, int word, int bytes)
    {
        _code.Load(Rdi, R14, Word(descriptor));
        _code.AddressOf(Rsi, Rbx, Word(word));
        _code.Set(Rdx, bytes);
        Call(call);
    }
}
