using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Allocators.Peers;

/// <summary>A C allocator in a shared library: one that tables always show where it is installed, or one that the command line names.</summary>
internal sealed record PeerEntry : AllocatorEntry
{
    /// <summary>The option of the command line, and what its messages begin with.</summary>
    public const string Option = "--peer";

    private const char Separator = '=';

    // A few KiB of thread state in static TLS is more than glibc leaves to libraries that are loaded late.
    private static readonly (string Name, string Value)[] s_roomForThreadState = [("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384")];

    public PeerEntry(string name, string library)
        : base(name)
    {
        Library = library;
        IsPeer = true;
        Environment = s_roomForThreadState;
    }

    /// <summary>Whether a C program can be made to use it by preloading it.</summary>
    public bool CanBePreloaded { get; init; } = true;

    /// <summary>Gets whether a text is the key of a peer, as a child process is told it, and not the name of an allocator that is known.</summary>
    public static bool IsKey(string text) => text.Contains(Separator);

    /// <summary>The peer that NAME=PATH names.</summary>
    /// <exception cref="InputException">The name is not free, or there is no such file.</exception>
    public static PeerEntry Parse(string text)
    {
        if (text.Split(Separator, 2) is not [var name, { Length: > 0 } path])
        {
            throw new InputException($"{Option}: '{text}' is not NAME=PATH, a name for tables and the file of a shared library.");
        }

        if (name.Length == 0 || !name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.'))
        {
            throw new InputException($"{Option}: '{name}' cannot be a name; letters, digits and the signs - _ . can.");
        }

        if (AllocatorCatalog.Names.Contains(name))
        {
            throw new InputException($"{Option}: {name} is the name of an allocator that is known already; choose another.");
        }

        string full = Path.GetFullPath(path);
        return File.Exists(full)
            ? new PeerEntry(name, full) { Key = $"{name}{Separator}{full}" }
            : throw new InputException($"{Option} {name}: there is no file {full}.");
    }

    public override int Accept(IAllocatorVisitor visitor)
    {
        PeerAllocator.Choose(Library!);
        return visitor.Visit<PeerAllocator>();
    }
}
