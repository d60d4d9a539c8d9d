using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Diagnostics;

public sealed unsafe class TracedCustomReferenceTests : IDisposable
{
    private readonly SoundTracedHeap _sound = new();

    public void Dispose() => _sound.Dispose();

    [Fact]
    [Unguarded("it uses what has died, which faults")]
    public void A_root_array_that_names_a_dead_block_is_found()
    {
        using TracedRoots<Node> roots = _sound.Heap.CreateRoots<Node>(5);
        SetThird(roots, _sound.Dead);
        AssertMessage($"root array 0[3] is 0x{_sound.Dead:x}, a slot of Node whose block has died");
        SetThird(roots, 0);
        _sound.Heap.Verify();
    }

    [Fact]
    [Unguarded("it uses what has died, which faults")]
    public void A_dead_block_that_a_trace_function_names_is_found()
    {
        nint cell = MakeCell(_sound.List, _sound.Dead);
        AssertMessage($"at 0x{cell:x} by its trace function is 0x{_sound.Dead:x}, a slot of Node whose block has died");
        Cell.Word(cell, 1) = 0;
        _sound.Heap.Verify();
    }

    [Fact]
    public void Addresses_that_a_trace_function_takes_for_what_may_be_one_are_no_fault()
    {
        nint unused = _sound.Leaf + (nint)SoundTracedHeap.SpanOf(_sound.Leaf)->Span.SlotSize;
        MakeCell(Inside(_sound.List), Inside(_sound.Dead), Inside(unused), Inside(_sound.FreePage));
        _sound.Heap.Verify();
    }

    private static nint Inside(nint block) => (nint)(Cell.InteriorTag + block + 5);

    private void SetThird(TracedRoots<Node> roots, nint block)
    {
        using TracedScope scope = _sound.Heap.Enter();
        roots.Set(scope, 3, new TracedRef<Node>(block));
    }

    private nint MakeCell(params ReadOnlySpan<nint> words)
    {
        using TracedScope scope = _sound.Heap.Enter();
        TracedRef<byte> cell = Cell.Make(scope, words.Length);
        for (int i = 0; i < words.Length; i++)
        {
            Cell.Word(cell.Address, i) = words[i];
        }

        scope.Keep(cell);
        return cell.Address;
    }

    private void AssertMessage(string fact) =>
        Assert.Contains(fact, Assert.Throws<HeapCorruptionException>(_sound.Heap.Verify).Plain(), StringComparison.Ordinal);
}
