using System.CommandLine;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Allocators.Peers;

/// <summary><c>--peer NAME=PATH</c>, any number of times: shared libraries that are measured beside the allocators that are known.</summary>
internal static class PeerOption
{
    public const string Name = PeerEntry.Option;

    public static Option<string[]> Declare() => new(Name) { Arity = ArgumentArity.OneOrMore };

    /// <summary>The peers that were given, each of which has been loaded and tried in a process of its own.</summary>
    /// <exception cref="InputException">One of them has a wrong name or cannot be used.</exception>
    public static IReadOnlyList<PeerEntry> Read(string[]? given)
    {
        PeerEntry[] peers = [.. (given ?? []).Select(PeerEntry.Parse)];
        return peers.GroupBy(peer => peer.Name).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new InputException($"{Name}: two peers would be called {twice.Key}.")
            : [.. peers.Select(Tried)];
    }

    private static PeerEntry Tried(PeerEntry peer)
    {
        PeerFindings findings;
        try
        {
            using WorkerProcess worker = new([PeerTrial.Verb, peer.Library!], peer.Environment);
            findings = worker.Answer<PeerFindings>();
        }
        catch (WorkerException broken)
        {
            throw new InputException($"{Name} {peer.Name}: {peer.Library} cannot be used. {broken.Message}", broken);
        }

        if (findings.Refusal is { } refusal)
        {
            throw new InputException($"{Name} {peer.Name}: {refusal}");
        }

        string aligned = findings.Aligns ? "" : "; it has no function for aligned blocks";
        Console.Error.WriteLine($"{peer.Name} is {findings.Prefix}malloc, {findings.Prefix}free and so on in {peer.Library}{aligned}.");
        return peer with { CanAlign = findings.Aligns, CanBePreloaded = findings.HasPlainNames };
    }
}
