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
    public void Parked_blocks_are_out_of_reach_until_the_base_slides_down_again()
    {
        ClassStack stack = Filled(10);
        stack.Slide(6);
        Assert.Equal((4, 6, 6), (stack.Count, stack.Parked, stack.Floor));
        Assert.Equal([10, 9, 8, 7], PopAll(ref stack));

        stack.Slide(-2);
        Assert.Equal([6, 5], PopAll(ref stack));
        Assert.Equal((4, (nint)1), ((int)stack.Parked, *stack.Oldest));
    }

    [Fact]
    public void A_stack_whose_base_has_moved_up_ends_where_its_magazine_does()
    {
        ClassStack stack = Filled(10);
        stack.Slide(10);
        stack.SetCapacity(Magazine.Capacity);
        int pushed = 0;
        while (ClassStack.TryPush(&stack, (void*)7))
        {
            pushed++;
        }

        Assert.Equal(Magazine.Capacity - 10, pushed);
        Assert.True(stack.Top == stack.End);
    }

    [Fact]
    public void A_stack_moves_down_to_the_places_that_parked_blocks_have_left()
    {
        ClassStack stack = Filled(10);
        stack.Slide(6);
        stack.Parked = 0;
        stack.MoveDown();
        Assert.Equal((4, 0), (stack.Count, stack.Floor));
        Assert.True(stack.Remove() == _magazine);
        Assert.Equal([7, 8, 9, 10], new Span<nint>(Magazine.Blocks(_magazine), 4).ToArray());
    }

    [Fact]
    public void Those_of_the_oldest_that_stay_come_before_the_newer_ones()
    {
        ClassStack stack = Filled(6);
        stack.Base[0] = 3;
        stack.RemoveOldest(4, staying: 1);
        Assert.Equal([6, 5, 3], PopAll(ref stack));
    }

    [Fact]
    public void A_magazine_is_found_under_its_blocks_and_they_fill_it()
    {
        Assert.True(Magazine.Under(Magazine.Blocks(_magazine)) == _magazine);
        Assert.Equal((nint)_magazine + sizeof(Magazine), (nint)(Magazine.Blocks(_magazine) + Magazine.Capacity));
    }

    // With the numbers from 1 on.
    private ClassStack Filled(int count)
    {
        ClassStack stack = default;
        stack.Install(_magazine, 0, count);
        for (int i = 1; i <= count; i++)
        {
            ClassStack.TryPush(&stack, (void*)i);
        }

        return stack;
    }

    private static List<nint> PopAll(ref ClassStack stack)
    {
        List<nint> popped = [];
        fixed (ClassStack* place = &stack)
        {
            while (ClassStack.TryPop(place, out void* block))
            {
                popped.Add((nint)block);
            }
        }

        return popped;
    }
}
