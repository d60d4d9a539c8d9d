namespace SpanHeap.Hooks;

/// <summary>One set of hooks without an opaque pointer.</summary>
internal readonly unsafe struct PlainHooks
{
    public delegate* unmanaged[Cdecl]<nuint, void*> Malloc { get; init; }

    public delegate* unmanaged[Cdecl]<nuint, nuint, void*> Calloc { get; init; }

    public delegate* unmanaged[Cdecl]<void*, nuint, void*> Realloc { get; init; }

    public delegate* unmanaged[Cdecl]<void*, nuint> UsableSize { get; init; }

    public delegate* unmanaged[Cdecl]<int, void*> MallocInt32 { get; init; }

    public delegate* unmanaged[Cdecl]<int, int, void*> CallocInt32 { get; init; }

    public delegate* unmanaged[Cdecl]<void*, int, void*> ReallocInt32 { get; init; }

    public delegate* unmanaged[Cdecl]<void*, int> UsableSizeInt32 { get; init; }

    public delegate* unmanaged[Cdecl]<int, int> RoundUpInt32 { get; init; }

    public delegate* unmanaged[Cdecl]<void*, void> Free { get; init; }
}
