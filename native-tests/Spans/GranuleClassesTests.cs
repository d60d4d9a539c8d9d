using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

/// <summary>The table of size classes, which is data of the assembly, is what the generator would make.</summary>
public sealed class GranuleClassesTests
{
    [Fact]
    public void The_table_is_what_the_generator_generates()
    {
        SizeClass[] classes = SizeClassGenerator.Generate();
        ushort[] expected = new ushort[(SizeClassGenerator.MaxSharedSize / GranuleClasses.Granule) + 1];
        for (int granule = 0, number = 1; granule < expected.Length; granule++)
        {
            while (classes[number - 1].Size < granule * GranuleClasses.Granule)
            {
                number++;
            }

            expected[granule] = (ushort)(number << PageEntry.StackShift);
        }

        Assert.True(GranuleClasses.StackOffsets.SequenceEqual(expected), $"The table should be: {string.Join(", ", expected)}");
    }
}
