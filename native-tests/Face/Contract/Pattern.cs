namespace SpanHeap.Tests.Face.Contract;

/// <summary>Bytes that say whose they are: written to all of a small block, to both ends and every page of a large one.</summary>
internal static unsafe class Pattern
{
    private const int Whole = 64 * 1024;
    private const int Step = 4096;

    public static void Write(void* block, nuint bytes, int id)
    {
        for (nuint i = 0; i < bytes; i += StepAt(i, bytes))
        {
            ((byte*)block)[i] = At(i, id);
        }
    }

    /// <summary>Fails when a byte of the first <paramref name="kept"/> is not what was written to a block of <paramref name="bytes"/>.</summary>
    public static void AssertKept(void* block, nuint bytes, nuint kept, int id)
    {
        for (nuint i = 0; i < kept; i += StepAt(i, bytes))
        {
            if (((byte*)block)[i] != At(i, id))
            {
                Assert.Fail($"byte {i} of {bytes} is 0x{((byte*)block)[i]:x2}, not 0x{At(i, id):x2}");
            }
        }
    }

    private static byte At(nuint place, int id) => (byte)((uint)(place ^ (place >> 8)) + (uint)(id * 37) + 1);

    private static nuint StepAt(nuint place, nuint bytes) => bytes <= Whole || place < 64 || place >= bytes - 64 ? 1 : Math.Min(Step, bytes - 64 - place);
}
