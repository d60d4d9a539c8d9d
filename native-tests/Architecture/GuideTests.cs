using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace SpanHeap.Tests.Architecture;

/// <summary>The architecture page and the guides name files that exist.</summary>
public sealed partial class GuideTests
{
    // What a page may leave out of the name of a file: the guide of traced memory is about one folder.
    private static readonly string[] s_folders = ["src/SpanHeap", "src/SpanHeap/Traced", ""];

    public static TheoryData<string> Pages
    {
        get
        {
            TheoryData<string> pages = ["ARCHITECTURE.md", "CONTRIBUTING.md"];
            foreach (string page in Directory.EnumerateFiles(Path.Combine(Root(), "src", "Guides"), "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                pages.Add(Path.GetRelativePath(Root(), page).Replace('\\', '/'));
            }

            return pages;
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Each_file_that_a_page_names_exists(string page) =>
        Assert.All(NamedFile().Matches(Read(page)).Select(static match => match.Groups[1].Value), static name => Assert.True(Exists(name), $"There is no {name}."));

    [Theory]
    [MemberData(nameof(Pages))]
    public void Each_link_of_a_page_leads_somewhere(string page)
    {
        string folder = Path.GetDirectoryName(Path.Combine(Root(), page))!;
        Assert.All(
            Link().Matches(Read(page)).Select(static match => match.Groups[1].Value).Where(static target => !target.Contains("://", StringComparison.Ordinal)),
            target => Assert.True(Path.Exists(Path.Combine(folder, target)), $"The link to {target} leads nowhere."));
    }

    // A member may follow the name of its type.
    private static bool Exists(string name) => s_folders.Any(folder =>
    {
        string path = Path.Combine(Root(), folder, name);
        int dot = path.IndexOf('.', path.LastIndexOf('/'));
        return Path.Exists(path) || File.Exists($"{path}.cs") || (dot > 0 && File.Exists($"{path[..dot]}.cs"));
    });

    private static string Read(string page) => File.ReadAllText(Path.Combine(Root(), page)).ReplaceLineEndings("\n");

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));

    // In backticks, with a slash in it, and beginning like a folder of the library or of the repository.
    [GeneratedRegex(@"`((?:[A-Z][A-Za-z]+|src|native-tests|perf)(?:/[A-Za-z.-]+)+)`")]
    private static partial Regex NamedFile();

    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}
