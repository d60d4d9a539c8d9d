using System.Runtime.InteropServices;
using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Allocators.Peers;

/// <summary>Where the functions of an allocator lie that a shared library exports; 0 where there is none of a kind.</summary>
/// <remarks>
/// A worker loads the library in its first pass, as the runtime does with an imported function, so that the figures of a fresh process have its
/// time and its memory in them. The search for names is not to be in them: it is rehearsed before.
/// </remarks>
internal sealed class PeerExports
{
    private const string Plain = "";

    // The plain names come last: a library that has both kinds has the others for programs that call it on purpose.
    private static readonly string[] s_prefixes = ["mi_", "je_", "tc_", "rp", "sn_", "scudo_", "h_", Plain];

    private readonly nint _library;

    private PeerExports(nint library, string prefix)
    {
        _library = library;
        Prefix = prefix;
        Malloc = Own("malloc");
        Calloc = Own("calloc");
        Realloc = Own("realloc");
        Free = Own("free");
        Memalign = Own("memalign");
        PosixMemalign = Own("posix_memalign");
        AlignedAlloc = Own("aligned_alloc");
        UsableSize = Own("malloc_usable_size");
    }

    /// <summary>What the names begin with, such as <c>mi_</c>; empty for the plain names.</summary>
    public string Prefix { get; }

    public nint Malloc { get; }

    public nint Calloc { get; }

    public nint Realloc { get; }

    public nint Free { get; }

    public nint Memalign { get; }

    public nint PosixMemalign { get; }

    public nint AlignedAlloc { get; }

    public nint UsableSize { get; }

    /// <summary>Whether there is a function for blocks at given alignments.</summary>
    public bool Aligns => Memalign != 0 || PosixMemalign != 0 || AlignedAlloc != 0;

    /// <summary>The first of the four functions that each allocator has and this one lacks; null if it has all.</summary>
    private string? Missing => Malloc == 0 ? "malloc" : Calloc == 0 ? "calloc" : Realloc == 0 ? "realloc" : Free == 0 ? "free" : null;

    /// <summary>Loads a library and finds its functions.</summary>
    /// <exception cref="InputException">It cannot be loaded, or lacks one of the four functions that each allocator has.</exception>
    public static PeerExports Find(string library)
    {
        nint handle = Load(library);
        foreach (string prefix in s_prefixes)
        {
            PeerExports exports = new(handle, prefix);
            if (exports.Missing is null)
            {
                return exports;
            }
        }

        throw new InputException($"{library} exports no {new PeerExports(handle, Plain).Missing} of its own, nor malloc, calloc, realloc and free "
            + $"with one of the prefixes {string.Join(", ", s_prefixes[..^1])}.");
    }

    /// <summary>Whether a library has the four functions under their plain names, so that it can be preloaded.</summary>
    public static bool HasPlainNames(string library) => new PeerExports(Load(library), Plain).Missing is null;

    /// <summary>Does all that a search does, but in this program, where it finds nothing.</summary>
    public static void Rehearse() => _ = new PeerExports(NativeLibrary.GetMainProgramHandle(), Plain);

    private static nint Load(string library)
    {
        try
        {
            return NativeLibrary.Load(library);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw new InputException($"{library} cannot be loaded: {error.Message.ReplaceLineEndings(" ").TrimEnd()}", error);
        }
    }

    // The loader also looks into the libraries that a library needs, so that each seems to have the malloc of the C library.
    private nint Own(string name) =>
        NativeLibrary.TryGetExport(_library, Prefix + name, out nint address)
        && !(NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), Prefix + name, out nint ofProcess) && ofProcess == address)
            ? address
            : 0;
}
