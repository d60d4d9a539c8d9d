using System.Reflection;
using Xunit.Sdk;

namespace SpanHeap.Tests.Face.BadInput;

/// <summary>Runs a theory with standard checks and with full ones, each with every value given.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CombinedChecksAttribute(params int[] values) : DataAttribute
{
    public int[] Values { get; } = values;

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        from checks in Enum.GetValues<HeapChecks>()
        from row in Values.Length == 0 ? [[checks]] : Values.Select(value => new object[] { checks, value })
        select row;
}
