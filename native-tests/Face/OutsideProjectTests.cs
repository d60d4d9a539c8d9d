using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Face;

/// <summary>A project that is not of this repository and has nothing but the package: it builds, runs, and is refused what the rules refuse.</summary>
public sealed partial class OutsideProjectTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(3);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("spanheap-outside-");

    [LinuxFact]
    public void The_package_is_all_that_a_project_needs()
    {
        Pack();
        WriteProject();

        Write("Program.cs", Program("""
            using TracedScope scope = heap.Enter();
            TracedRef<Tree> tree = scope.New<Tree>();
            tree.Key = 41;
            tree.Left = roots.Get(scope, 0);
            tree.Ring.Add(scope, tree);
            roots.Set(scope, 0, tree);
            """));
        (int? exitCode, string text) = Dotnet("run", "-c", "Release");
        Assert.True(exitCode == 0, text);
        Assert.Contains("key 42 in a ring of 1 after 1 collections", text, StringComparison.Ordinal);

        // A scope that is never ended, and nothing else.
        Write("Program.cs", Program("TracedScope scope = heap.Enter(); scope.New<Tree>();"));
        (exitCode, text) = Dotnet("build", "-c", "Release", "--no-restore");
        Assert.Equal(1, exitCode);
        Assert.Equal(["SPAN011"], ErrorsIn(text));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static IEnumerable<string> ErrorsIn(string text) => Error().Matches(text).Select(static found => found.Groups["id"].Value).Distinct();

    [GeneratedRegex(@": error (?<id>\w+):")]
    private static partial Regex Error();

    private static string Program(string inScope) => $$"""
        using System;
        using SpanHeap.Traced;

        using TracedHeap heap = new();
        using TracedRoots<Tree> roots = heap.CreateRoots<Tree>(1);
        Build();
        heap.Collect();
        Show();

        void Build()
        {
            {{inScope}}
        }

        void Show()
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Tree> tree = roots.Get(scope, 0);
            Console.WriteLine($"key {tree.Ring[0].Get(scope).Key + 1} in a ring of {tree.Ring.Count} after {heap.GetStatistics().Collections} collections");
        }

        [Traced]
        partial struct Tree
        {
            public Traced<Tree> Left;
            public TracedRefList<Tree> Ring;
            public long Key;
        }
        """;

    // Without machine code for three systems, which only a package feed has the compiler for; and with the packages that the repository was
    // built with, so that no feed is asked for anything.
    private void Pack()
    {
        (int? exitCode, string text) = Run(
            [], "pack", Path.Combine(RootFolder(), "src", "SpanHeap"), "-c", "Release", "--artifacts-path", Path.Combine(_folder.FullName, "artifacts"),
            "-o", _folder.FullName, "-p:CompileAhead=false", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "-p:NuGetAudit=false");
        Assert.True(exitCode == 0, text);
    }

    private void WriteProject()
    {
        string package = Path.GetFileNameWithoutExtension(Assert.Single(Directory.GetFiles(_folder.FullName, "*.nupkg")));
        Write("outside.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
                <UseAppHost>false</UseAppHost>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="SpanHeap" Version="{package["SpanHeap.".Length..]}" />
                <Compile Remove="artifacts/**" />
              </ItemGroup>
            </Project>
            """);
        Write("nuget.config", """
            <configuration>
              <packageSources>
                <clear />
                <add key="here" value="." />
              </packageSources>
            </configuration>
            """);

        // What lies in folders above must not become part of it.
        Write("Directory.Build.props", "<Project />");
        Write("Directory.Packages.props", "<Project />");
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder.FullName, file), text);

    // With no package but ours, and none left from before: what else it needed would be missed.
    private (int? ExitCode, string Text) Dotnet(params string[] arguments) =>
        Run([("NUGET_PACKAGES", Path.Combine(_folder.FullName, "packages"))], arguments);

    private (int? ExitCode, string Text) Run((string Name, string? Value)[] environment, params string[] arguments)
    {
        (int? exitCode, string text) = StressProcess.Run(
            "/usr/bin/env",
            ["-C", _folder.FullName, "dotnet", .. arguments, "--disable-build-servers"],
            s_bound,
            [("DOTNET_CLI_TELEMETRY_OPTOUT", "1"), ("DOTNET_CLI_UI_LANGUAGE", "en"), ("MSBUILDDISABLENODEREUSE", "1"), .. environment]);
        output.WriteLine(text);
        return (exitCode, text);
    }

    private static string RootFolder([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
