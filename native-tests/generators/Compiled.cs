using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using SpanHeap.Generators.Layouts;

namespace SpanHeap.Generators.Tests;

/// <summary>Source code as a project that uses the package compiles it: generated for, and looked at by all rules.</summary>
internal sealed class Compiled
{
    private const string Usings = "global using System; global using System.Threading; global using SpanHeap; global using SpanHeap.Traced;";

    private static readonly ImmutableArray<DiagnosticAnalyzer> s_rules =
    [
        .. typeof(TracedGenerator).Assembly.GetTypes()
            .Where(static type => type.GetCustomAttribute<DiagnosticAnalyzerAttribute>() != null)
            .Select(static type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!),
    ];

    /// <summary>The platform, and the library.</summary>
    public static ImmutableArray<MetadataReference> References { get; } =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(static path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "SpanHeap.dll"))
            .Select(static path => MetadataReference.CreateFromFile(path)),
    ];

    private readonly Compilation _compilation;

    private Compiled(Compilation compilation, ImmutableArray<Diagnostic> said, ImmutableArray<Diagnostic> generating)
    {
        _compilation = compilation;
        SaidByGenerator = generating;
        Said = [.. said.Where(static one => one.Severity >= DiagnosticSeverity.Warning)];
    }

    /// <summary>What compiler and rules have said of it: warnings and errors.</summary>
    public IReadOnlyList<Diagnostic> Said { get; }

    /// <summary>What the generator itself has said, as it does in a build that fails.</summary>
    public IReadOnlyList<Diagnostic> SaidByGenerator { get; }

    /// <summary>The files that were generated.</summary>
    public IEnumerable<string> Generated => _compilation.SyntaxTrees.Skip(2).Select(static tree => tree.ToString());

    public static IReadOnlyList<DiagnosticAnalyzer> Rules => s_rules;

    public static Compiled From(string source, LanguageVersion version = LanguageVersion.CSharp14)
    {
        CSharpParseOptions options = new(version, DocumentationMode.Parse);
        CSharpCompilation written = CSharpCompilation.Create(
            "Written",
            [CSharpSyntaxTree.ParseText(Usings, options), CSharpSyntaxTree.ParseText(SourceText.From(source), options, "Source.cs")],
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        CSharpGeneratorDriver.Create([new TracedGenerator().AsSourceGenerator(), new FailingBuild().AsSourceGenerator()], parseOptions: options)
            .RunGeneratorsAndUpdateCompilation(written, out Compilation compilation, out ImmutableArray<Diagnostic> generating);
        ImmutableArray<Diagnostic> said = compilation.WithAnalyzers(s_rules).GetAllDiagnosticsAsync().GetAwaiter().GetResult();

        // In a build the rules are asked by the generator alone if there are errors, and by the compiler alone if there are none.
        return new Compiled(compilation, [.. said, .. generating.Where(one => !said.Any(other => other.Id == one.Id && other.Location == one.Location))], generating);
    }

    /// <summary>Calls the static method <c>Program.Run</c>.</summary>
    public object? Run()
    {
        using MemoryStream assembly = new();
        Assert.True(_compilation.Emit(assembly).Success);
        assembly.Position = 0;
        AssemblyLoadContext context = new(null);
        Type program = context.LoadFromStream(assembly).GetType("Program", throwOnError: true)!;
        return program.GetMethod("Run")!.Invoke(null, null);
    }

    /// <summary>All that was said, and all that was generated: for a failing test.</summary>
    public override string ToString() => string.Join('\n', Said.Select(static one => one.ToString()).Concat(Generated));
}
