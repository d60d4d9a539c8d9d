using System.Buffers.Binary;

namespace SpanHeap.Guard.Faults;

/// <summary>
/// Assembles x64 machine code: the few instructions that are needed by code that runs where no managed code may run. Operands have 64 bits and
/// displacements 32, because none of it needs to be fast.
/// </summary>
/// <remarks>Encodings are those of the processor's manual: prefix REX, opcode, ModR/M, displacement, immediate. Not thread safe.</remarks>
internal sealed class MachineCode
{
    private const byte Wide = 0x48;
    private const int DirectOperand = 0xC0;
    private const int MemoryOperand = 0x80;
    private const int HasIndexByte = 4;
    private const byte NoIndex = 0x24;
    private const int Unplaced = -1;

    private readonly List<byte> _bytes = [];
    private readonly List<int> _places = [];
    private readonly List<(int At, int Label)> _jumps = [];

    /// <summary>A place in the code, which is given to <see cref="Mark"/> once.</summary>
    internal readonly record struct Label(int Number);

    public Label NewLabel()
    {
        _places.Add(Unplaced);
        return new Label(_places.Count - 1);
    }

    /// <summary>Puts a label here.</summary>
    public void Mark(Label label) => _places[label.Number] = _bytes.Count;

    /// <summary>Gets the code, which may lie at any address.</summary>
    /// <exception cref="InvalidOperationException">A jump leads to a label that was never marked.</exception>
    public byte[] ToArray()
    {
        byte[] code = [.. _bytes];
        foreach ((int at, int label) in _jumps)
        {
            if (_places[label] == Unplaced)
            {
                throw new InvalidOperationException("A jump leads to a label that was not marked.");
            }

            BinaryPrimitives.WriteInt32LittleEndian(code.AsSpan(at), _places[label] - (at + sizeof(int)));
        }

        return code;
    }

    public void Set(Register to, long value)
    {
        Emit((byte)(Wide | ((int)to >> 3)), (byte)(0xB8 + ((int)to & 7)));
        Emit64(value);
    }

    public void Move(Register to, Register from) => Direct(0x89, from, to);

    public void Add(Register to, Register from) => Direct(0x01, from, to);

    public void Subtract(Register to, Register from) => Direct(0x29, from, to);

    public void Compare(Register left, Register right) => Direct(0x39, right, left);

    public void Add(Register to, int value) => Immediate(0, to, value);

    public void And(Register to, int value) => Immediate(4, to, value);

    public void Subtract(Register to, int value) => Immediate(5, to, value);

    public void Compare(Register left, int right) => Immediate(7, left, right);

    public void ShiftLeft(Register to, byte bits)
    {
        Direct(0xC1, 4, to);
        Emit(bits);
    }

    /// <summary>Shifts right without sign.</summary>
    public void ShiftRight(Register to, byte bits)
    {
        Direct(0xC1, 5, to);
        Emit(bits);
    }

    /// <summary>Divides RDX:RAX by a register, without sign. The quotient goes to RAX, the remainder to RDX.</summary>
    public void Divide(Register by) => Direct(0xF7, 6, by);

    public void Load(Register to, Register at, int offset) => Memory([0x8B], (int)to, at, offset);

    /// <summary>Loads 32 bits, with sign.</summary>
    public void LoadInt32(Register to, Register at, int offset) => Memory([0x63], (int)to, at, offset);

    public void LoadByte(Register to, Register at, int offset) => Memory([0x0F, 0xB6], (int)to, at, offset);

    public void Store(Register at, int offset, Register from) => Memory([0x89], (int)from, at, offset);

    public void StoreByte(Register at, int offset, Register from) => Memory([0x88], (int)from, at, offset);

    public void AddressOf(Register to, Register at, int offset) => Memory([0x8D], (int)to, at, offset);

    public void Add(Register to, Register at, int offset) => Memory([0x03], (int)to, at, offset);

    public void Compare(Register left, Register at, int offset) => Memory([0x3B], (int)left, at, offset);

    /// <summary>Stores a register where memory has the value of RAX, in one step for all processors. The condition Equal says that it did.</summary>
    public void LockedCompareExchange(Register at, int offset, Register from)
    {
        Emit(0xF0);
        Memory([0x0F, 0xB1], (int)from, at, offset);
    }

    public void Push(Register from) => Emit((byte)(0x40 | ((int)from >> 3)), (byte)(0x50 + ((int)from & 7)));

    public void Pop(Register to) => Emit((byte)(0x40 | ((int)to >> 3)), (byte)(0x58 + ((int)to & 7)));

    public void Jump(Label to)
    {
        Emit(0xE9);
        Distance(to);
    }

    public void JumpIf(Condition condition, Label to)
    {
        Emit(0x0F, (byte)(0x80 + (int)condition));
        Distance(to);
    }

    /// <summary>Jumps to the address that a word of memory has.</summary>
    public void JumpThrough(Register at, int offset) => Memory([0xFF], 4, at, offset);

    public void Call(Label to)
    {
        Emit(0xE8);
        Distance(to);
    }

    public void Return() => Emit(0xC3);

    /// <summary>Makes a call of the system, one of <see cref="SystemCalls"/>. Changes RAX, RCX and R11.</summary>
    public void SystemCall(int number)
    {
        Set(Register.Rax, number);
        Emit(0x0F, 0x05);
    }

    private void Direct(byte opcode, Register register, Register operand) => Direct(opcode, (int)register, operand);

    private void Direct(byte opcode, int register, Register operand) =>
        Emit(Prefix(register, operand), opcode, (byte)(DirectOperand | ((register & 7) << 3) | ((int)operand & 7)));

    private void Immediate(int operation, Register operand, int value)
    {
        Direct(0x81, operation, operand);
        Emit32(value);
    }

    private void Memory(ReadOnlySpan<byte> opcode, int register, Register at, int offset)
    {
        Emit(Prefix(register, at));
        Emit(opcode);
        Emit((byte)(MemoryOperand | ((register & 7) << 3) | ((int)at & 7)));
        if (((int)at & 7) == HasIndexByte)
        {
            Emit(NoIndex);
        }

        Emit32(offset);
    }

    private static byte Prefix(int register, Register operand) => (byte)(Wide | ((register >> 3) << 2) | ((int)operand >> 3));

    private void Distance(Label to)
    {
        _jumps.Add((_bytes.Count, to.Number));
        Emit32(0);
    }

    private void Emit(params ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);

    private void Emit32(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Emit(bytes);
    }

    private void Emit64(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        Emit(bytes);
    }
}
