using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

/// <summary>What lies behind a block says how long it is, and shows the first byte of it that is written to.</summary>
public sealed unsafe class BlockCanaryTests
{
    // Shared ones, one with room for a whole pattern, and one in which not all of the slack is filled.
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
            foreach (nint at in Watched(block, byteCount, slotBytes))
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

    // The pattern, as far as it is filled, and the last eight.
    private static IEnumerable<nint> Watched(nint block, nuint byteCount, nuint slotBytes)
    {
        nint word = (nint)(slotBytes - BlockCanary.Bytes);
        for (nint at = (nint)byteCount; at < Math.Min(word, (nint)byteCount + 256); at++)
        {
            yield return block + at;
        }

        for (nint at = word; at < (nint)slotBytes; at++)
        {
            yield return block + at;
        }
    }
}
