using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Allocators;

/// <summary>What is known of an allocator before anything of it is loaded.</summary>
internal abstract record AllocatorEntry(string Name)
{
    /// <summary>What a child process needs to be told to find it.</summary>
    public string Key { get; init; } = Name;

    /// <summary>The shared library to load; null when there is none.</summary>
    public string? Library { get; init; }

    /// <summary>The Debian package that brings the library.</summary>
    public string? Package { get; init; }

    /// <summary>Variables that the process needs in order to load it.</summary>
    public (string Name, string Value)[] Environment { get; init; } = [];

    /// <summary>One of the C allocators, against the best of which others are compared.</summary>
    public bool IsPeer { get; init; }

    /// <summary>Whether it has blocks at given alignments.</summary>
    public bool CanAlign { get; init; } = true;

    /// <summary>Managed arrays, which only some workloads of a comparison can be stated for.</summary>
    public virtual bool IsArrays => false;

    /// <summary>A bound and no allocator for programs: it only has Alloc and Free, up to 1 MiB, and never gives memory back.</summary>
    public bool IsLimit { get; init; }

    public bool IsLoadable() => Library is null || NativeLibrary.TryLoad(Library, out _);

    public abstract int Accept(IAllocatorVisitor visitor);
}

/// <inheritdoc cref="AllocatorEntry"/>
internal sealed record AllocatorEntry<T>(string Name) : AllocatorEntry(Name)
    where T : struct, IAllocator<T>, allows ref struct
{
    public override int Accept(IAllocatorVisitor visitor) => visitor.Visit<T>();
}

/// <inheritdoc cref="AllocatorEntry"/>
internal sealed record ArrayEntry<T>(string Name) : AllocatorEntry(Name)
    where T : struct, IArraySource
{
    public override bool IsArrays => true;

    public override int Accept(IAllocatorVisitor visitor) => visitor.VisitArrays<T>();
}
