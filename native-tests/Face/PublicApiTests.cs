using System.Runtime.CompilerServices;

namespace SpanHeap.Tests.Face;

/// <summary>A change of the public API shows in a diff of PublicAPI.txt, or fails here.</summary>
public sealed class PublicApiTests
{
    private const string File = "PublicAPI.txt";
    private const string Update = "SPANHEAP_UPDATE_API";

    [Fact]
    public void The_public_API_is_what_the_file_says()
    {
        string actual = PublicApi.Render(typeof(NativeHeap).Assembly);
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            System.IO.File.WriteAllText(Path.Combine(SourceFolder(), File), actual);
            return;
        }

        string expected = Read();
        string[] added = [.. actual.Split('\n').Except(expected.Split('\n'))];
        string[] gone = [.. expected.Split('\n').Except(actual.Split('\n'))];
        Assert.True(
            actual == expected,
            $"The public API changed.\n{string.Join('\n', gone.Select(static line => "- " + line))}\n{string.Join('\n', added.Select(static line => "+ " + line))}\n" +
            $"If that is meant: {Update}=1 dotnet test -c Release native-tests --filter {nameof(PublicApiTests)} writes {File} anew; commit it.");
    }

    private static string Read()
    {
        using Stream stream = typeof(PublicApiTests).Assembly.GetManifestResourceStream(File)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    private static string SourceFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
