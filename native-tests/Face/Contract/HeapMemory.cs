using Memory = SpanHeap.SpanMemory;

namespace SpanHeap.Tests.Face.Contract;

/// <summary>What SpanHeap does.</summary>
public sealed unsafe class HeapMemory : IMemory
{
    public static void* Alloc(nuint byteCount) => Memory.Alloc(byteCount);

    public static void* Alloc(nuint elementCount, nuint elementSize) => Memory.Alloc(elementCount, elementSize);

    public static void* AllocZeroed(nuint byteCount) => Memory.AllocZeroed(byteCount);

    public static void* AllocZeroed(nuint elementCount, nuint elementSize) => Memory.AllocZeroed(elementCount, elementSize);

    public static void* Realloc(void* ptr, nuint byteCount) => Memory.Realloc(ptr, byteCount);

    public static void Free(void* ptr) => Memory.Free(ptr);

    public static void* AlignedAlloc(nuint byteCount, nuint alignment) => Memory.AlignedAlloc(byteCount, alignment);

    public static void* AlignedRealloc(void* ptr, nuint byteCount, nuint alignment) => Memory.AlignedRealloc(ptr, byteCount, alignment);

    public static void AlignedFree(void* ptr) => Memory.AlignedFree(ptr);

    public static void Clear(void* ptr, nuint byteCount) => Memory.Clear(ptr, byteCount);

    public static void Copy(void* source, void* destination, nuint byteCount) => Memory.Copy(source, destination, byteCount);

    public static void Fill(void* ptr, nuint byteCount, byte value) => Memory.Fill(ptr, byteCount, value);
}
