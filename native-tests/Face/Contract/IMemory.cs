namespace SpanHeap.Tests.Face.Contract;

/// <summary>The twelve methods of NativeMemory, to be had from either side.</summary>
public unsafe interface IMemory
{
    static abstract void* Alloc(nuint byteCount);

    static abstract void* Alloc(nuint elementCount, nuint elementSize);

    static abstract void* AllocZeroed(nuint byteCount);

    static abstract void* AllocZeroed(nuint elementCount, nuint elementSize);

    static abstract void* Realloc(void* ptr, nuint byteCount);

    static abstract void Free(void* ptr);

    static abstract void* AlignedAlloc(nuint byteCount, nuint alignment);

    static abstract void* AlignedRealloc(void* ptr, nuint byteCount, nuint alignment);

    static abstract void AlignedFree(void* ptr);

    static abstract void Clear(void* ptr, nuint byteCount);

    static abstract void Copy(void* source, void* destination, nuint byteCount);

    static abstract void Fill(void* ptr, nuint byteCount, byte value);
}
