using System.Reflection;
using SpanHeap.Os;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Tests.Os;

/// <summary>What is shipped stops nowhere: the named points are of a build of their own (native-tests/interleaving).</summary>
[Trait("Category", "Protocol")]
public sealed class InterleavingPointsTests
{
    private const byte Call = 0x28;

    [Fact]
    public void Nobody_visits_the_points_of_the_shipped_build()
    {
        Assert.Null(typeof(InterleavingPoints).GetProperty("Visitor"));
        Assert.Empty(typeof(InterleavingPoints).GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic));
        Assert.Null(typeof(InterleavingPoints).Assembly.GetType("SpanHeap.Os.IInterleaver"));
    }

    [Fact]
    public void No_method_of_the_shipped_build_calls_one()
    {
        HashSet<int> points = [.. typeof(InterleavingPoints).GetMethods(BindingFlags.Static | BindingFlags.Public).Select(static method => method.MetadataToken)];
        Assert.InRange(points.Count, 1, 20);
        Assert.DoesNotContain(
            typeof(InterleavingPoints).Assembly.GetTypes().SelectMany(Methods),
            method => method.GetMethodBody()?.GetILAsByteArray() is { } code && Calls(code).Any(points.Contains));

        // So that the search itself is seen to find: the sweeper calls this.
        int called = typeof(SweepGeneration).GetMethod(nameof(SweepGeneration.AllocBitmap))!.MetadataToken;
        Assert.Contains(
            typeof(SpanSweeper).GetMethods(BindingFlags.Instance | BindingFlags.NonPublic),
            method => method.GetMethodBody()?.GetILAsByteArray() is { } code && Calls(code).Contains(called));
    }

    private static IEnumerable<MethodBase> Methods(Type type)
    {
        const BindingFlags All = BindingFlags.DeclaredOnly | BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        return [.. type.GetMethods(All), .. type.GetConstructors(All)];
    }

    // Whatever could be one: a byte that looks like a call may be part of another instruction.
    private static IEnumerable<int> Calls(byte[] code)
    {
        for (int i = 0; i + sizeof(int) < code.Length; i++)
        {
            if (code[i] == Call)
            {
                yield return BitConverter.ToInt32(code, i + 1);
            }
        }
    }
}
