using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

public sealed unsafe class AlignedMappingsTests
{
    private const nuint Bytes = 1 << 20;
    private const nuint Alignment = 64 << 20;

    [LinuxFact]
    public void Mappings_lie_at_multiples_of_the_alignment_are_zero_and_apart()
    {
        List<nint> mapped = [];
        for (int i = 0; i < 40; i++)
        {
            nint address = AlignedMappings.TryMap(Bytes, Alignment);
            Assert.True(address != 0 && (nuint)address % Alignment == 0, $"0x{address:x}");
            Assert.Equal(-1, new Span<byte>((void*)address, (int)Bytes).IndexOfAnyExcept((byte)0));
            *(byte*)address = 1;
            mapped.Add(address);
        }

        Assert.Equal(mapped.Count, mapped.Distinct().Count());
        mapped.ForEach(static address => Assert.True(PosixMemory.Unmap(address, Bytes)));
    }

    [LinuxFact]
    public void Nothing_is_mapped_over_anything_else()
    {
        nint address = AlignedMappings.TryMap(Bytes, Alignment);
        *(byte*)address = 7;
        Assert.False(PosixMemory.MapAt(address, Bytes));
        Assert.False(PosixMemory.MapAt(address + (nint)Bytes - (nint)OsMemory.PageSize, Bytes));
        Assert.Equal(7, *(byte*)address);
        Assert.True(PosixMemory.Unmap(address, Bytes));
    }

    [LinuxFact]
    public void What_no_address_space_has_room_for_is_refused() =>
        Assert.Equal(0, AlignedMappings.TryMap((nuint)1 << 47, Alignment));
}
