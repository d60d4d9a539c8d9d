using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Endurance;

internal static class ScenarioCatalog
{
    public static readonly IReadOnlyList<Scenario> All =
    [
        new ThreadChurn(),
        new IdleProcess(),
        new IdleThreads(crossed: false),
        new IdleThreads(crossed: true),
        new HandOver("owners", owners: 16),
        new HandOver("pipe", owners: 1),
    ];

    public static Scenario Find(string name) => All.FirstOrDefault(scenario => scenario.Name == name)
        ?? throw new InputException($"'{name}' is not a scenario. Known: {string.Join(", ", All.Select(scenario => scenario.Name))}.");
}
