using SpanHeap.Guard.Sampling;

namespace SpanHeap.Tests.Guard.Sampling;

/// <summary>Draws have the distribution that makes every allocation as likely as any other.</summary>
public sealed class GuardSamplerTests
{
    private const ulong Seed = 20_251_125;

    [Theory]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(5000)]
    public void The_mean_is_the_rate(int rate)
    {
        const int Draws = 100_000;
        GuardSampler sampler = new(rate, Seed);
        double sum = 0;
        for (int i = 0; i < Draws; i++)
        {
            sum += sampler.Draw() + 1;
        }

        // Five deviations of the mean of a geometric distribution.
        Assert.InRange(sum / Draws, rate * (1 - (5 / Math.Sqrt(Draws))), rate * (1 + (5 / Math.Sqrt(Draws))));
    }

    [Fact]
    public void Numbers_are_as_frequent_as_a_geometric_distribution_says()
    {
        const int Draws = 100_000;
        const int Rate = 4;
        const int Bins = 12;
        GuardSampler sampler = new(Rate, Seed);
        double[] seen = new double[Bins + 1];
        for (int i = 0; i < Draws; i++)
        {
            seen[Math.Min(sampler.Draw(), Bins)]++;
        }

        double chiSquare = 0;
        double rest = 1;
        for (int bin = 0; bin <= Bins; bin++)
        {
            double chance = bin < Bins ? rest / Rate : rest;
            rest -= chance;
            chiSquare += Math.Pow(seen[bin] - (chance * Draws), 2) / (chance * Draws);
        }

        // 0.1 % of right samplers are above this, with 12 degrees of freedom.
        Assert.InRange(chiSquare, 0, 32.9);
    }

    [Fact]
    public void One_in_one_passes_over_none() => Assert.Equal(0, new GuardSampler(1, Seed).Draw());
}
