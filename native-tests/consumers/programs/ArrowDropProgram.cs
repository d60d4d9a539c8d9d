using System.Runtime.CompilerServices;
using Apache.Arrow;
using Apache.Arrow.Memory;
using SpanHeap.Buffers;

namespace SpanHeap.Consumers;

/// <summary>Reads the bytes of an array after the array has been dropped and its finalizer has freed them, as the program of arrow-dotnet #397 does.</summary>
internal static class ArrowDropProgram
{
    private const int Rows = 1000;

    public static void Run()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "Arrow", Guard = { Mode = GuardMode.All } });
        ReadOnlySpan<byte> bytes = BytesOf(new ArrowHeapAllocator(heap, WhenDropped.Free));
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        int sum = 0;
        foreach (byte one in bytes)
        {
            sum += one;
        }

        Console.WriteLine($"{bytes.Length} bytes were read, whose sum is {sum}, and nothing was noticed");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReadOnlySpan<byte> BytesOf(MemoryAllocator allocator)
    {
        StringArray.Builder builder = new();
        for (int row = 0; row < Rows; row++)
        {
            builder.Append($"row {row}");
        }

        return builder.Build(allocator).ValueBuffer.Span;
    }
}
