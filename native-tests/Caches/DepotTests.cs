using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

[Unguarded("it is about spans of many blocks, or what caches keep")]
public sealed unsafe class DepotTests
{
    [Fact]
    public void Depots_of_many_classes_get_the_magazines_they_want()
    {
        const int Classes = 24;
        const int MagazinesOfEach = 3;
        const int Magazine = 126;
        using NativeHeap heap = StressHeap.Still();
        List<nint> blocks = [];
        for (int i = 1; i <= Classes; i++)
        {
            // Up to 1000 bytes there are as many classes, and a stack may hold a whole magazine of each.
            blocks.AddRange(StressHeap.AllocateMany(heap, (MagazinesOfEach + 1) * Magazine, i * 40));
        }

        StressHeap.FreeAll(heap, blocks);

        // The depots together have a bound in bytes, which leaves the classes of larger blocks less than they could take.
        Assert.InRange(heap.GetStatistics().Magazines, Classes * 2, Classes * MagazinesOfEach * 3);
        heap.Verify();
    }
}
