using SpanHeap.Guard.Faults;
using SpanHeap.Os;
using static SpanHeap.Guard.Faults.Register;

namespace SpanHeap.Tests.Guard.Faults;

/// <summary>Instructions against the bytes of a disassembler, for low and high registers, and a piece of code that runs.</summary>
public sealed unsafe class MachineCodeTests
{
    private static string Bytes(Action<MachineCode> write)
    {
        MachineCode code = new();
        write(code);
        return Convert.ToHexStringLower(code.ToArray());
    }

    [Fact]
    public void Operands_may_be_any_register()
    {
        Assert.Equal("4889c8", Bytes(static code => code.Move(Rax, Rcx)));
        Assert.Equal("4d89fa", Bytes(static code => code.Move(R10, R15)));
        Assert.Equal("49be8877665544332211", Bytes(static code => code.Set(R14, 0x1122334455667788)));
        Assert.Equal("4c29e6", Bytes(static code => code.Subtract(Rsi, R12)));
        Assert.Equal("4981e4000000fc", Bytes(static code => code.And(R12, -0x4000000)));
        Assert.Equal("48c1e81a", Bytes(static code => code.ShiftRight(Rax, 26)));
        Assert.Equal("48f7f1", Bytes(static code => code.Divide(Rcx)));
        Assert.Equal("4154", Bytes(static code => code.Push(R12)));
        Assert.Equal("405f", Bytes(static code => code.Pop(Rdi)));
    }

    [Fact]
    public void Memory_may_be_at_any_register()
    {
        Assert.Equal("488b8610000000", Bytes(static code => code.Load(Rax, Rsi, 16)));
        Assert.Equal("4d8b8c24f8ffffff", Bytes(static code => code.Load(R9, R12, -8)));
        Assert.Equal("48898c2420000000", Bytes(static code => code.Store(Rsp, 32, Rcx)));
        Assert.Equal("4988b500000000", Bytes(static code => code.StoreByte(R13, 0, Rsi)));
        Assert.Equal("480fb68000000000", Bytes(static code => code.LoadByte(Rax, Rax, 0)));
        Assert.Equal("48638608000000", Bytes(static code => code.LoadInt32(Rax, Rsi, 8)));
        Assert.Equal("f0490fb18e20000000", Bytes(static code => code.LockedCompareExchange(R14, 32, Rcx)));
        Assert.Equal("49ffa308000000", Bytes(static code => code.JumpThrough(R11, 8)));
    }

    [Fact]
    public void Jumps_lead_forwards_and_back()
    {
        Assert.Equal("0f8406000000" + "e9f5ffffff" + "c3" + "c3", Bytes(static code =>
        {
            MachineCode.Label start = code.NewLabel();
            MachineCode.Label end = code.NewLabel();
            code.Mark(start);
            code.JumpIf(Condition.Equal, end);
            code.Jump(start);
            code.Return();
            code.Mark(end);
            code.Return();
        }));
    }

    [Fact]
    public void A_jump_to_nowhere_is_refused()
    {
        MachineCode code = new();
        code.Jump(code.NewLabel());

        Assert.Throws<InvalidOperationException>(code.ToArray);
    }

    [FaultReportFact]
    public void Code_that_was_made_runs()
    {
        // The sum of the numbers up to the argument, by a loop.
        MachineCode code = new();
        MachineCode.Label next = code.NewLabel();
        code.Set(Rax, 0);
        code.Mark(next);
        code.Add(Rax, Rdi);
        code.Subtract(Rdi, 1);
        code.JumpIf(Condition.NotEqual, next);
        code.Return();

        nint address = ExecutableMemory.TryMake(code.ToArray());

        Assert.NotEqual(0, address);
        Assert.Equal(5050, ((delegate* unmanaged<long, long>)address)(100));
    }
}
