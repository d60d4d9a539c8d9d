using System.Reflection;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>
/// Runs all tests of this assembly that are of the protocol again and again, for those that depend on how threads happen to run: as
/// often as <c>SPANHEAP_PROTOCOL_ROUNDS</c> says, once more unless it does.
/// </summary>
[Unguarded("it makes millions of blocks, some microseconds each")]
public sealed class ProtocolRoundsTests(ITestOutputHelper output)
{
    private static readonly int s_rounds =
        int.TryParse(Environment.GetEnvironmentVariable("SPANHEAP_PROTOCOL_ROUNDS"), out int rounds) ? rounds : 1;

    public static TheoryData<string> Classes => [.. Assembly.GetExecutingAssembly().GetTypes().Where(IsOfProtocol).Select(static type => type.FullName!).Order()];

    [Theory]
    [Trait("Category", "Protocol")]
    [MemberData(nameof(Classes))]
    public void The_tests_of_the_protocol_pass_each_time(string className)
    {
        Type type = Assembly.GetExecutingAssembly().GetType(className)!;
        for (int round = 1; round <= s_rounds; round++)
        {
            foreach (MethodInfo method in type.GetMethods().Where(static method => method.IsDefined(typeof(FactAttribute), inherit: true)))
            {
                Run(type, method, round);
            }
        }
    }

    private static bool IsOfProtocol(Type type) => type.GetCustomAttributesData()
        .Any(static data => data.AttributeType == typeof(TraitAttribute) && data.ConstructorArguments is [{ Value: "Category" }, { Value: "Protocol" }]);

    private void Run(Type type, MethodInfo method, int round)
    {
        object?[][] rows = [.. method.GetCustomAttributes<DataAttribute>().SelectMany(data => data.GetData(method))];
        foreach (object?[] row in rows.Length == 0 ? [[]] : rows)
        {
            object instance = type.GetConstructors()[0].GetParameters().Length == 0 ? Activator.CreateInstance(type)! : Activator.CreateInstance(type, output)!;
            try
            {
                method.Invoke(instance, BindingFlags.DoNotWrapExceptions, null, row, null);
            }
            catch (Exception failure)
            {
                throw new XunitException($"Round {round} of {method.Name}({string.Join(", ", row)}): {failure.Message}", failure);
            }
        }
    }
}
