namespace SpanHeap.Guard.Faults;

/// <summary>The registers of x64, by their numbers in an instruction.</summary>
internal enum Register
{
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

/// <summary>Conditions of a jump after a comparison, by their numbers in an instruction. Above and below compare without sign, greater and less with.</summary>
internal enum Condition
{
    Below = 2,
    NotBelow = 3,
    Equal = 4,
    NotEqual = 5,
    NotAbove = 6,
    Above = 7,
    Less = 12,
    NotLess = 13,
    NotGreater = 14,
    Greater = 15,
}
