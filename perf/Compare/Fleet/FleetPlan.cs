using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Compare.Fleet;

/// <summary>
/// Allocations and frees that follow a profile. Each size comes as often as its rate says, and its blocks live as long as keeps the number of
/// them that are live: by Little's law the mean life of a block is that number divided by the rate. Lives are exponential, so that at any time
/// the past of a block says nothing of what it has left.
/// </summary>
/// <param name="SlotCount">How many places for blocks there are. All blocks of a place have one size.</param>
/// <param name="Fill">Allocates what is live before a pass.</param>
/// <param name="Pass">Leaves live what was live before it, so that it can be repeated.</param>
/// <param name="Drain">Frees what is live before and after a pass.</param>
internal sealed record FleetPlan(int SlotCount, Operation[] Fill, Operation[] Pass, Operation[] Drain)
{
    /// <summary>What is live, to which the numbers of a profile are scaled.</summary>
    private const double LiveBytes = 64 << 20;

    /// <summary>How many blocks a pass allocates, but for the few that make it repeatable.</summary>
    private const int Births = 100_000;

    private const int Seed = 1;

    public static FleetPlan Of(FleetProfile profile)
    {
        var random = new Random(Seed);
        double scale = LiveBytes / profile.Sizes.Sum(size => size.Live * size.Size);
        double[] cumulative = Cumulative(profile.Sizes);
        double duration = Births / cumulative[^1];

        List<Event> events = [];
        List<int> live = [.. Live(profile.Sizes, scale, random)];
        foreach (int slot in Enumerable.Range(0, live.Count))
        {
            AddDeath(block: slot, kind: live[slot], born: 0);
        }

        int blocks = live.Count;
        for (int i = 0; i < Births; i++)
        {
            int at = Array.BinarySearch(cumulative, random.NextDouble() * cumulative[^1]);
            int kind = at < 0 ? ~at : at;
            double born = (i + random.NextDouble()) / cumulative[^1];
            events.Add(new Event(born, events.Count, blocks, kind, IsBirth: true));
            AddDeath(blocks, kind, born);
            blocks++;
        }

        events.Sort();
        return new FleetPass(profile.Sizes, live).Follow(events);

        void AddDeath(int block, int kind, double born)
        {
            FleetSize size = profile.Sizes[kind];
            double life = -Math.Log(1 - random.NextDouble()) * size.Live * scale / size.Rate;
            // A size without a rate lives for ever, which comes out as infinity or as no number.
            if (born + life < duration)
            {
                events.Add(new Event(born + life, events.Count, block, kind, IsBirth: false));
            }
        }
    }

    private static double[] Cumulative(IReadOnlyList<FleetSize> sizes)
    {
        double sum = 0;
        return [.. sizes.Select(size => sum += size.Rate)];
    }

    /// <summary>What is live in the beginning, as the numbers of their sizes, in random order.</summary>
    private static int[] Live(IReadOnlyList<FleetSize> sizes, double scale, Random random)
    {
        List<int> live = [];
        for (int kind = 0; kind < sizes.Count; kind++)
        {
            double count = sizes[kind].Live * scale;
            // A part of a block is one with that probability.
            int whole = (int)count + (random.NextDouble() < count - Math.Floor(count) ? 1 : 0);
            live.AddRange(Enumerable.Repeat(kind, whole));
        }

        int[] shuffled = [.. live];
        random.Shuffle(shuffled);
        return shuffled;
    }

    /// <summary>A block comes or goes.</summary>
    /// <param name="Time">In the profile's unit.</param>
    /// <param name="Order">Of those at one time, the birth of a block comes before its death.</param>
    /// <param name="Block">Its number.</param>
    /// <param name="Kind">The number of its size.</param>
    /// <param name="IsBirth">Whether it comes.</param>
    internal readonly record struct Event(double Time, int Order, int Block, int Kind, bool IsBirth) : IComparable<Event>
    {
        public int CompareTo(Event other) => (Time, Order).CompareTo((other.Time, other.Order));
    }
}
