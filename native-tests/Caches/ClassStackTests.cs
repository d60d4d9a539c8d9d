using System.Runtime.InteropServices;
using SpanHeap.Caches;

namespace SpanHeap.Tests.Caches;

public sealed unsafe class ClassStackTests : IDisposable
{
    private readonly Magazine* _magazine = (Magazine*)NativeMemory.AllocZeroed(Magazine.Size);

    public void Dispose() => NativeMemory.Free(_magazine);

    [Fact]
    public void A_closed_stack_pops_nothing_and_takes_nothing()
    {
        ClassStack stack = default;
        Assert.False(stack.IsOpen);
        Assert.False(ClassStack.TryPop(&stack, out void* block));
        Assert.True(block == null);
        Assert.False(ClassStack.TryPush(&stack, (void*)16));
        Assert.Equal(0, stack.Count);
        Assert.True(stack.Remove() == null);
    }

    [Fact]
    public void What_was_pushed_last_is_popped_first()
    {
        ClassStack stack = default;
        stack.Install(_magazine, 0, 10);
        for (int i = 1; i <= 10; i++)
        {
            Assert.True(ClassStack.TryPush(&stack, (void*)i));
        }

        for (int i = 10; i >= 1; i--)
        {
            Assert.True(ClassStack.TryPop(&stack, out void* block));
            Assert.Equal(i, (nint)block);
        }

        Assert.False(ClassStack.TryPop(&stack, out _));
    }

    [Fact]
    public void A_stack_holds_its_capacity_and_no_more()
    {
        ClassStack stack = default;
        stack.Install(_magazine, 0, 3);
        Assert.True(ClassStack.TryPush(&stack, (void*)1) && ClassStack.TryPush(&stack, (void*)2) && ClassStack.TryPush(&stack, (void*)3));
        Assert.False(ClassStack.TryPush(&stack, (void*)4));
        stack.SetCapacity(4);
        Assert.True(ClassStack.TryPush(&stack, (void*)4));
        Assert.Equal(4, stack.Count);
    }

    [Fact]
    public void A_capacity_below_what_it_holds_loses_nothing()
    {
        ClassStack stack = default;
        stack.Install(_magazine, 5, 1);
        Assert.Equal(5, stack.Count);
        Assert.False(ClassStack.TryPush(&stack, (void*)1));
        Assert.True(ClassStack.TryPop(&stack, out _));
        Assert.Equal(4, stack.Count);
    }

    [Fact]
    public void A_removed_magazine_knows_its_count_and_the_stack_is_closed()
    {
        ClassStack stack = default;
        stack.Install(_magazine, 0, 10);
        ClassStack.TryPush(&stack, (void*)7);
        ClassStack.TryPush(&stack, (void*)8);
        Assert.True(stack.Remove() == _magazine);
        Assert.Equal(2, _magazine->Count);
        Assert.Equal([7, 8], new Span<nint>(Magazine.Blocks(_magazine), 2).ToArray());
        Assert.False(stack.IsOpen);
        Assert.False(ClassStack.TryPush(&stack, (void*)9));
    }

    [Fact]
    public void A_magazine_is_found_under_its_blocks_and_they_fill_it()
    {
        Assert.True(Magazine.Under(Magazine.Blocks(_magazine)) == _magazine);
        Assert.Equal((nint)_magazine + sizeof(Magazine), (nint)(Magazine.Blocks(_magazine) + Magazine.Capacity));
    }
}
