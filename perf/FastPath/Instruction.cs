namespace SpanHeap.Perf.FastPath;

/// <summary>One x64 instruction as the JIT prints it, destination first.</summary>
internal sealed class Instruction
{
    private readonly string _mnemonic;
    private readonly string _operands;

    public Instruction(string text)
    {
        Text = text;
        string[] parts = text.Split(' ', 2, StringSplitOptions.TrimEntries);
        _mnemonic = parts[0];
        _operands = parts.Length > 1 ? parts[1] : "";
    }

    public string Text { get; }

    public bool IsReturn => _mnemonic == "ret";

    public bool IsCall => _mnemonic == "call";

    /// <summary>Goes on elsewhere, always.</summary>
    public bool IsJump => _mnemonic is "jmp" or "tail.jmp" or "rex.jmp";

    public bool IsConditionalJump => _mnemonic[0] == 'j' && !IsJump;

    /// <summary>Where a jump leads.</summary>
    public string Target => _operands.Split(' ')[^1];

    /// <summary>A call of a managed method, which is printed with its class: on the way of a hit there is none.</summary>
    public bool IsManagedCall => (IsCall || IsJump) && _operands.Contains(':', StringComparison.Ordinal);

    public bool IsLoad => HasMemoryOperand && !(WritesFirstOperand && OnlyMoves);

    public bool IsStore => WritesFirstOperand && !OnlyCompares;

    private bool HasMemoryOperand => _operands.Contains('[', StringComparison.Ordinal) && _mnemonic is not ("lea" or "nop");

    private bool WritesFirstOperand =>
        HasMemoryOperand && _operands.Split(',')[0].Contains('[', StringComparison.Ordinal) && !IsCall && !IsJump && _mnemonic != "push";

    private bool OnlyMoves => _mnemonic.TrimStart('v').StartsWith("mov", StringComparison.Ordinal) || _mnemonic.StartsWith("set", StringComparison.Ordinal);

    private bool OnlyCompares => _mnemonic is "cmp" or "test" or "bt";
}
