using System.Runtime.InteropServices;
using SpanHeap.Checks;

namespace SpanHeap.Tests.Checks;

/// <summary>What follows a block says how long it is, and shows the first byte of it that is written to.</summary>
public sealed unsafe class BlockCanaryTests
{
    private static readonly int[] s_slots = [8, 16, 32, 48, 96, 1024];

    [Fact]
    public void A_block_says_how_many_bytes_were_asked_for()
    {
        ForEachBlock(static (block, byteCount, slotBytes) =>
        {
            Assert.Equal(0, BlockCanary.FindDamage(block, slotBytes));
            Assert.True(BlockCanary.TryGetByteCount(block, slotBytes, out nuint found));
            Assert.Equal(byteCount, found);
        });
    }

    [Fact]
    public void A_single_byte_changed_in_any_way_is_found_and_named()
    {
        ForEachBlock(static (block, byteCount, slotBytes) =>
        {
            for (nint at = block + (nint)byteCount; at < block + (nint)slotBytes; at++)
            {
                byte before = *(byte*)at;
                for (int change = 1; change <= byte.MaxValue; change++)
                {
                    *(byte*)at = (byte)(before ^ change);
                    nint damage = BlockCanary.FindDamage(block, slotBytes);
                    Assert.True(damage == at, $"of {byteCount} in {slotBytes}: byte {at - block} changed by {change}, byte {(damage == 0 ? -1 : damage - block)} found");
                }

                *(byte*)at = before;
            }
        });
    }

    [Fact]
    public void What_runs_over_all_of_it_is_found()
    {
        ForEachBlock(static (block, byteCount, slotBytes) =>
        {
            NativeMemory.Fill((void*)(block + (nint)byteCount), slotBytes - byteCount, 0);
            Assert.NotEqual(0, BlockCanary.FindDamage(block, slotBytes));
        });
    }

    [Theory]
    [InlineData(28_000, 32_768, 4_760)]
    [InlineData(32_769, 40_960, 256)]
    public void A_small_block_has_all_of_its_slack_watched_and_a_large_one_the_start_and_the_end(int byteCount, int slotBytes, int watched)
    {
        nint block = (nint)NativeMemory.AlignedAlloc((nuint)slotBytes, 16);
        NativeMemory.Fill((void*)block, (nuint)slotBytes, FreePoison.Value);
        BlockCanary.Arm(block, (nuint)byteCount, (nuint)slotBytes);
        for (nint at = block + byteCount; at < block + slotBytes; at++)
        {
            *(byte*)at ^= 0xFF;
            bool isWatched = at < block + byteCount + watched || at >= block + slotBytes - (nint)BlockCanary.Bytes;
            Assert.Equal(isWatched ? at : 0, BlockCanary.FindDamage(block, (nuint)slotBytes));
            *(byte*)at ^= 0xFF;
        }

        NativeMemory.AlignedFree((void*)block);
    }

    private static void ForEachBlock(Action<nint, nuint, nuint> check)
    {
        foreach (int slotBytes in s_slots)
        {
            nint block = (nint)NativeMemory.AlignedAlloc((nuint)slotBytes, 16);
            for (int byteCount = Math.Max(0, slotBytes - 300); byteCount <= slotBytes - (int)BlockCanary.Bytes; byteCount++)
            {
                NativeMemory.Fill((void*)block, (nuint)slotBytes, FreePoison.Value);
                BlockCanary.Arm(block, (nuint)byteCount, (nuint)slotBytes);
                check(block, (nuint)byteCount, (nuint)slotBytes);
            }

            NativeMemory.AlignedFree((void*)block);
        }
    }
}
