namespace SpanHeap.Tests.Stress;

/// <summary>The oracle: which addresses are live, by whose account they must not be handed out again.</summary>
/// <remarks>Thread safe; sharded, so that it does not serialize the threads it watches.</remarks>
internal sealed class ModelShadow
{
    private const int Shards = 64;

    private readonly Dictionary<nint, ModelBlock>[] _live = [.. Enumerable.Range(0, Shards).Select(static _ => new Dictionary<nint, ModelBlock>())];

    public int Count => _live.Sum(static shard => shard.Count);

    public void Add(in ModelBlock block)
    {
        Dictionary<nint, ModelBlock> shard = ShardOf(block.Address);
        lock (shard)
        {
            Assert.True(shard.TryAdd(block.Address, block), $"0x{block.Address:x} was handed out and is live already");
        }
    }

    public void Remove(in ModelBlock block)
    {
        Dictionary<nint, ModelBlock> shard = ShardOf(block.Address);
        lock (shard)
        {
            Assert.True(shard.Remove(block.Address), $"0x{block.Address:x} is not live");
        }
    }

    /// <summary>All live blocks in address order. No thread may be changing them.</summary>
    public List<ModelBlock> Sorted()
    {
        List<ModelBlock> all = [.. _live.SelectMany(static shard => shard.Values)];
        all.Sort(static (a, b) => a.Address.CompareTo(b.Address));
        return all;
    }

    private Dictionary<nint, ModelBlock> ShardOf(nint address) => _live[(int)((ulong)address * 0x9E3779B97F4A7C15 >> 58)];
}
