using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SpanHeap.Tests.Architecture;

/// <summary>
/// Which files of the library refer to which, found by the compiler in the sources: constants and names, which the compiled assembly has no
/// more, count as well. Comments do not, but a <c>using</c> does, needed or not.
/// </summary>
internal static class SourceGraph
{
    // What the SDK adds to each project.
    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;
        """;

    /// <summary>All files of a folder, by their paths relative to it.</summary>
    public static Dictionary<string, string> Read(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
            .Where(static path => !path.Split('/').Any(static folder => folder is "obj" or "bin"))
            .ToDictionary(static path => path, path => File.ReadAllText(Path.Combine(folder, path)));

    /// <summary>All references from one file to another.</summary>
    public static List<Reference> References(IReadOnlyDictionary<string, string> files)
    {
        SyntaxTree[] trees = [.. files.Select(static file => CSharpSyntaxTree.ParseText(file.Value, path: file.Key))];
        CSharpCompilation compilation = CSharpCompilation.Create(
            "Library",
            [.. trees, CSharpSyntaxTree.ParseText(ImplicitUsings)],
            ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Where(static path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
                .Select(static path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        ILookup<string, string> filesOfNamespace = trees.ToLookup(NamespaceOf, static tree => tree.FilePath);
        List<Reference> found = [];
        foreach (SyntaxTree tree in trees)
        {
            SemanticModel model = compilation.GetSemanticModel(tree);
            foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                if (model.GetSymbolInfo(name).Symbol is { } symbol)
                {
                    found.AddRange(FilesOf(symbol).Where(to => to != tree.FilePath).Select(to => Refer(name, to, name.ToString())));
                }
            }

            foreach (UsingDirectiveSyntax directive in tree.GetCompilationUnitRoot().Usings.Where(static one => one.Name != null))
            {
                string space = directive.Name!.ToString();
                found.AddRange(filesOfNamespace[space].Take(1).Select(to => Refer(directive, to, $"the namespace {space}")));
            }
        }

        return found;
    }

    /// <summary>The largest set of files of which each refers to each other, by itself or through others of the set.</summary>
    public static IReadOnlyCollection<string> LargestCircle(IEnumerable<Reference> references)
    {
        ILookup<string, string> to = references.Where(static one => !one.Name.StartsWith("the namespace", StringComparison.Ordinal))
            .Select(static one => (one.From, one.To)).Distinct().ToLookup(static one => one.From, static one => one.To);
        ILookup<string, string> from = to.SelectMany(static files => files.Select(file => (From: files.Key, To: file))).ToLookup(static one => one.To, static one => one.From);
        HashSet<string> left = [.. to.Select(static files => files.Key)];
        IReadOnlyCollection<string> largest = [];
        while (left.Count > largest.Count)
        {
            string start = left.First();
            HashSet<string> circle = Reach(start, to);
            circle.IntersectWith(Reach(start, from));
            left.ExceptWith(circle);
            largest = circle.Count > largest.Count ? circle : largest;
        }

        return largest;
    }

    private static HashSet<string> Reach(string start, ILookup<string, string> next)
    {
        HashSet<string> reached = [start];
        Stack<string> open = new(reached);
        while (open.TryPop(out string? file))
        {
            foreach (string other in next[file].Where(reached.Add))
            {
                open.Push(other);
            }
        }

        return reached;
    }

    private static Reference Refer(SyntaxNode at, string to, string name) =>
        new(at.SyntaxTree.FilePath, at.GetLocation().GetLineSpan().StartLinePosition.Line + 1, to, name);

    // Of a type in several files the first counts; what only a part of it declares is referred to in that part.
    private static IEnumerable<string> FilesOf(ISymbol symbol) =>
        symbol.Kind is SymbolKind.NamedType or SymbolKind.Method or SymbolKind.Property or SymbolKind.Field or SymbolKind.Event
            ? symbol.OriginalDefinition.DeclaringSyntaxReferences.Take(1).Select(static one => one.SyntaxTree.FilePath).Where(static path => path.Length > 0)
            : [];

    private static string NamespaceOf(SyntaxTree tree) =>
        tree.GetCompilationUnitRoot().Members.OfType<FileScopedNamespaceDeclarationSyntax>().FirstOrDefault()?.Name.ToString() ?? "";
}
