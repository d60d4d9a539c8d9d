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

    // What the SDK adds to a console project.
    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

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

    public static Compiled From(string source, LanguageVersion version = LanguageVersion.CSharp14) =>
        From(source, Usings, version, OutputKind.DynamicallyLinkedLibrary);

    /// <summary>A file of top-level statements, as it is compiled in a new console project.</summary>
    public static Compiled Program(string source) => From(source, ImplicitUsings, LanguageVersion.CSharp14, OutputKind.ConsoleApplication);

    private static Compiled From(string source, string usings, LanguageVersion version, OutputKind kind)
    {
        CSharpParseOptions options = new(version, DocumentationMode.Parse);
        CSharpCompilation written = CSharpCompilation.Create(
            "Written",
            [CSharpSyntaxTree.ParseText(usings, options), CSharpSyntaxTree.ParseText(SourceText.From(source), options, "Source.cs")],
            References,
            new CSharpCompilationOptions(kind, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        CSharpGeneratorDriver.Create([new TracedGenerator().AsSourceGenerator(), new FailingBuild().AsSourceGenerator()], parseOptions: options)
            .RunGeneratorsAndUpdateCompilation(written, out Compilation compilation, out ImmutableArray<Diagnostic> generating);
        ImmutableArray<Diagnostic> said = compilation.WithAnalyzers(s_rules).GetAllDiagnosticsAsync().GetAwaiter().GetResult();

        // In a build the rules are asked by the generator alone if there are errors, and by the compiler alone if there are none.
        return new Compiled(compilation, [.. said, .. generating.Where(one => !said.Any(other => other.Id == one.Id && other.Location == one.Location))], generating);
    }

    /// <summary>Writes the program, and what it needs in order to run, to a folder. Returns its path.</summary>
    public string Save(string folder)
    {
        string path = Path.Combine(folder, "Written.dll");
        Assert.True(_compilation.Emit(path).Success);
        File.Copy(typeof(NativeHeap).Assembly.Location, Path.Combine(folder, "SpanHeap.dll"));
        File.Copy(Path.ChangeExtension(typeof(Compiled).Assembly.Location, ".runtimeconfig.json"), Path.ChangeExtension(path, ".runtimeconfig.json"));
        return path;
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
