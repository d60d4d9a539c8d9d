namespace SpanHeap.Tests.Consumers;

/// <summary>Each state of Lua gets a heap of its own.</summary>
public sealed class LuaTests
{
    [ConsumerFact]
    public void Of_fifty_states_one_fills_its_heap_and_the_others_finish() => Assert.Equal(
        """
        49 states finished
        state 25: not enough memory
        state 25 goes on: 55
        0 blocks after close

        """, ConsumerPrograms.Run("lua"));
}
