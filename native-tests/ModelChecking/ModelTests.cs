using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.ModelChecking;

/// <summary>
/// The models of sweeping and of guarding (native-tests/models): each holds in every order of steps, and each of its mutants does not,
/// which shows that the model can tell.
/// </summary>
public sealed partial class ModelTests(ITestOutputHelper output)
{
    // As the exhaustive search of the largest takes a tenth of it.
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(3);

    public static TheoryData<string> Files => new(ModelNames());

    /// <summary>The mutants that a model's text has, by their names.</summary>
    public static TheoryData<string, string> Mutants
    {
        get
        {
            TheoryData<string, string> mutants = [];
            foreach (string model in ModelNames())
            {
                foreach (string mutant in MutantsOf(model))
                {
                    mutants.Add(model, mutant);
                }
            }

            return mutants;
        }
    }

    [SpinTheory]
    [MemberData(nameof(Files))]
    public void A_model_holds_in_every_order(string model)
    {
        string report = Check(model, mutant: null);
        Assert.Contains("errors: 0", report, StringComparison.Ordinal);
        AssertExhaustive(report);
    }

    [SpinTheory]
    [MemberData(nameof(Mutants))]
    public void A_mutant_does_not(string model, string mutant)
    {
        string report = Check(model, mutant);
        Assert.Matches(FoundError(), report);
        Assert.Contains("errors: 1", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_model_has_mutants_and_says_what_each_breaks()
    {
        Assert.Equal(
            ["adoption", "concurrent-marking", "gate", "guard-quarantine", "minor-cycles", "sweep-completion", "sweep-generations", "sweep-order", "weak-end"],
            ModelNames());
        foreach (string model in ModelNames())
        {
            string[] mutants = MutantsOf(model);
            Assert.NotEmpty(mutants);
            string header = ModelText(model).Split("*/")[0];
            Assert.All(mutants, mutant => Assert.Contains(mutant + " ", header, StringComparison.Ordinal));
            Assert.Equal(mutants, Names().Matches(header).Select(static match => match.Value).Distinct().Order(StringComparer.Ordinal));
        }
    }

    private string Check(string model, string? mutant)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("spanheap-model-");
        try
        {
            string file = Path.Combine(folder.FullName, "model.pml");
            File.WriteAllText(file, ModelText(model));
            string[] define = mutant == null ? [] : ["-D" + mutant];
            string checker = Path.Combine(folder.FullName, "pan");
            Run(folder, SpinTheoryAttribute.Spin!, [.. define, "-a", file]);

            // A mutant is found out at once: compiling takes longer than the search.
            string optimization = mutant == null ? "-O2" : "-O0";
            Run(folder, SpinTheoryAttribute.Compiler!, [optimization, "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=2000", "-o", checker, checker + ".c"]);
            string report = Run(folder, checker, ["-m100000"]);
            output.WriteLine(report);
            return report;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // The programs write where they are.
    private static string Run(DirectoryInfo folder, string program, string[] arguments)
    {
        Stopwatch watch = Stopwatch.StartNew();
        (int? exitCode, string text) = StressProcess.Run("/usr/bin/env", ["-C", folder.FullName, program, .. arguments], s_bound);
        Assert.True(exitCode == 0, $"{program} ended with code {exitCode} after {watch.Elapsed}:\n{text}");
        return text;
    }

    // What ends a search before its end is a line of its own in the report.
    private static void AssertExhaustive(string report)
    {
        Assert.Contains("Full statespace search", report, StringComparison.Ordinal);
        Assert.DoesNotContain("Search not completed", report, StringComparison.Ordinal);
        Assert.DoesNotContain("max search depth too small", report, StringComparison.Ordinal);
        Assert.DoesNotContain("out of memory", report, StringComparison.OrdinalIgnoreCase);
    }

    private static string[] MutantsOf(string model) =>
        [.. Conditions().Matches(ModelText(model)).Select(static match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

    private static string[] ModelNames() =>
        [.. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(static name => name.EndsWith(".pml", StringComparison.Ordinal))
            .Select(static name => Path.GetFileNameWithoutExtension(name))
            .Order(StringComparer.Ordinal)];

    private static string ModelText(string model)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(model + ".pml")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"(?:^#ifn?def |defined\()(BUG_[A-Z_]+)", RegexOptions.Multiline)]
    private static partial Regex Conditions();

    [GeneratedRegex("BUG_[A-Z_]+")]
    private static partial Regex Names();

    [GeneratedRegex(@"pan:\d+: (assertion violated|invalid end state)")]
    private static partial Regex FoundError();
}
