using System.Diagnostics;
using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace SpanHeap.Tests.Support;

/// <summary>
/// Runs tests of this assembly in the calling process, for systems that the test host does not come to: a self-contained build under an
/// emulator. Prints a line for each test that fails, and at the end a line as that of <c>dotnet test</c>.
/// </summary>
internal sealed class TestRun(string[] namePrefixes) : IDisposable
{
    private const int Succeeded = 0;
    private const int Failed = 1;

    // Written once, before the first test.
    private static bool s_isRunning;

    private readonly XunitTestFramework _framework = new(new Sink());

    /// <summary>A test that runs another process ends here, and counts as skipped: under an emulator there is none of its kind.</summary>
    public static void RequireOtherProcesses()
    {
        if (s_isRunning)
        {
            throw new NoOtherProcessException();
        }
    }

    /// <param name="names">Beginnings of names of classes, without the assembly's own namespace.</param>
    public static int Run(string[] names)
    {
        s_isRunning = true;
        using TestRun run = new(names);
        return run.RunAll();
    }

    public void Dispose() => _framework.Dispose();

    private int RunAll()
    {
        Assembly own = typeof(TestRun).Assembly;
        Options options = new();
        Sink found = new();
        using ITestFrameworkDiscoverer discoverer = _framework.GetDiscoverer(Reflector.Wrap(own));
        discoverer.Find(includeSourceInformation: false, found, options);
        found.Finished.Wait();

        List<ITestCase> cases = found.Cases.FindAll(IsWanted);
        Sink results = new();
        Stopwatch clock = Stopwatch.StartNew();
        using ITestFrameworkExecutor executor = _framework.GetExecutor(own.GetName());
        executor.RunTests(cases, results, options);
        results.Finished.Wait();

        bool success = results.FailedCount == 0 && results.PassedCount > 0;
        int total = results.PassedCount + results.FailedCount + results.SkippedCount;
        Console.WriteLine(
            $"{(success ? "Passed" : "Failed")}!  - Failed: {results.FailedCount,5}, Passed: {results.PassedCount,5}, Skipped: {results.SkippedCount,5}, "
            + $"Total: {total,5}, Duration: {clock.Elapsed.TotalSeconds:0} s");
        return success ? Succeeded : Failed;
    }

    private bool IsWanted(ITestCase test)
    {
        string name = test.TestMethod.TestClass.Class.Name[(nameof(SpanHeap) + ".Tests.").Length..];
        return Array.Exists(namePrefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal));
    }

    /// <summary>Hears what tests are found and how they end.</summary>
    private sealed class Sink : LongLivedMarshalByRefObject, IMessageSink
    {
        public List<ITestCase> Cases { get; } = [];

        public ManualResetEventSlim Finished { get; } = new();

        public int PassedCount { get; private set; }

        public int FailedCount { get; private set; }

        public int SkippedCount { get; private set; }

        // From one thread at a time: the framework's bus sees to that.
        public bool OnMessage(IMessageSinkMessage message)
        {
            switch (message)
            {
                case ITestCaseDiscoveryMessage found:
                    Cases.Add(found.TestCase);
                    break;
                case ITestPassed:
                    PassedCount++;
                    break;
                case ITestSkipped:
                    SkippedCount++;
                    break;
                case ITestFailed failed when failed.ExceptionTypes.Contains(typeof(NoOtherProcessException).FullName):
                    SkippedCount++;
                    break;
                case ITestFailed failed:
                    FailedCount++;
                    Console.WriteLine($"  Failed {failed.Test.DisplayName}\n{string.Join('\n', failed.Messages)}\n{string.Join('\n', failed.StackTraces)}");
                    break;
                case IErrorMessage error:
                    FailedCount++;
                    Console.WriteLine($"  Failed outside of a test: {string.Join('\n', error.Messages)}");
                    break;
                case IDiscoveryCompleteMessage or ITestAssemblyFinished:
                    Finished.Set();
                    break;
            }

            return true;
        }
    }

    /// <summary>The test needs another process.</summary>
    private sealed class NoOtherProcessException : Exception;

    /// <summary>Options of a run: all as the framework has them unless they are set.</summary>
    private sealed class Options : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
    {
        private readonly Dictionary<string, object?> _values = [];

        public TValue GetValue<TValue>(string name) => _values.TryGetValue(name, out object? value) ? (TValue)value! : default!;

        public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
    }
}
