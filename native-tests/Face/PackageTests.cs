using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Face;

/// <summary>What is in the package: the portable assembly, the same one compiled ahead, and what compilers generate and check with.</summary>
public sealed class PackageTests(ITestOutputHelper output)
{
    private const string Portable = "lib/net10.0/SpanHeap.dll";

    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(3);

    [Fact]
    public void The_package_carries_machine_code_and_the_generator_beside_the_portable_assembly()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("spanheap-pack-");
        try
        {
            if (!TryPack(folder.FullName))
            {
                output.WriteLine("SKIPPED: the compiler that compiles ahead cannot be had here (no network?), so the package is not tested.");
                return;
            }

            using ZipArchive package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(folder.FullName, "*.nupkg")));
            (bool compiled, Guid version) = Read(package, Portable);

            Assert.False(compiled);
            Assert.NotNull(package.GetEntry("analyzers/dotnet/cs/SpanHeap.Generators.dll"));
            Assert.NotNull(package.GetEntry("build/SpanHeap.targets"));
            Assert.NotNull(package.GetEntry("buildTransitive/SpanHeap.targets"));
            foreach (string system in (string[])["linux-x64", "linux-arm64", "win-x64"])
            {
                Assert.Equal((true, version), Read(package, $"runtimes/{system}/{Portable}"));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Whether there is machine code in it, and which build of the source it is.
    private static (bool Compiled, Guid Version) Read(ZipArchive package, string path)
    {
        using Stream packed = package.GetEntry(path)?.Open() ?? throw new FileNotFoundException("It is not in the package.", path);
        using MemoryStream assembly = new();
        packed.CopyTo(assembly);
        assembly.Position = 0;
        using PEReader reader = new(assembly);
        MetadataReader metadata = reader.GetMetadataReader();
        return (reader.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size > 0, metadata.GetGuid(metadata.GetModuleDefinition().Mvid));
    }

    // False without a source of packages; any other failure is one of ours.
    private bool TryPack(string folder)
    {
        (int? exitCode, string text) = StressProcess.Run(
            "dotnet",
            [
                "pack", Path.Combine(RootFolder(), "src", "SpanHeap"), "-c", "Release", "--artifacts-path", Path.Combine(folder, "artifacts"), "-o", folder,
                "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "--disable-build-servers", "-nologo",
            ],
            s_bound,
            ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"));
        if (exitCode != 0)
        {
            output.WriteLine(text);
        }

        if (exitCode != 0 && text.Contains("error NU1", StringComparison.Ordinal))
        {
            return false;
        }

        Assert.Equal(0, exitCode);
        return true;
    }

    private static string RootFolder([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
