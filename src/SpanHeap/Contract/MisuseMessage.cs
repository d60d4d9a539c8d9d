namespace SpanHeap.Contract;

/// <summary>Describes a bad pointer and says what to look for.</summary>
internal static class MisuseMessage
{
    public static string ForInterior(nint address, BlockInfo block) =>
        $"0x{address:x} lies inside a block: it is {address - block.Address} bytes after the start of the block of {block.Size} bytes at " +
        $"0x{block.Address:x}. Pass the pointer that the allocation returned.";

    public static string For(nint address, MisuseKind kind) => kind switch
    {
        MisuseKind.ForeignPointer => $"0x{address:x} is not memory of any SpanHeap heap. Free a block with the allocator that it came from; " +
            "while a program migrates, the option ForeignFree.Forward passes such pointers on to NativeMemory.",
        MisuseKind.FreePage => $"0x{address:x} lies in a page that holds no block: the block was freed before, or the pointer is stray.",
        MisuseKind.InteriorPointer => $"0x{address:x} lies inside a block: free the pointer that the allocation returned.",
        MisuseKind.DoubleFree => $"0x{address:x} is no longer allocated: the block was freed before.",
        MisuseKind.OtherHeap => $"0x{address:x} is a block of another heap: free it there.",
        MisuseKind.TracedBlock => $"0x{address:x} is traced memory, which cannot be freed by hand: a collection frees what nothing reaches.",
        MisuseKind.Overflow => $"0x{address:x} was written to past its end.",
        MisuseKind.Underflow => $"0x{address:x} was written to before its start.",
        MisuseKind.WriteAfterFree => $"0x{address:x} was written to after it was freed.",
        _ => $"0x{address:x} is not a block.",
    };
}
