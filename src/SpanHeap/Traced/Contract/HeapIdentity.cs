namespace SpanHeap.Traced.Contract;

/// <summary>What a part has to know about its heap: its name in messages, and the serial number that distinguishes its addresses from those of other heaps.</summary>
/// <param name="Name">The heap's name.</param>
/// <param name="Serial">The heap's serial number, which its arenas have as well.</param>
/// <param name="MemoryLimit">The heap's memory limit in bytes; 0 for none.</param>
internal sealed record HeapIdentity(string Name, ulong Serial, nuint MemoryLimit);
