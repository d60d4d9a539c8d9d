using SpanHeap.Os;

namespace SpanHeap.Tests.Os;

/// <summary>The order of locks, and which thread holds one. Checked in Debug builds and in the build with points, never in Release builds.</summary>
public sealed class LockOrderTests
{
    [Fact]
    public void A_lock_is_waited_for_under_locks_of_earlier_ranks_alone_so_that_no_threads_wait_in_a_circle()
    {
        foreach (LockRank rank in Enum.GetValues<LockRank>())
        {
            Assert.Equal(0u, LockOrder.MayBeHeld(rank) >> (int)rank);
            Assert.Equal(0u, LockOrder.MayBeHeld(rank) & (1u << (int)LockRank.Alone));
        }
    }

    [Fact]
    public void A_lock_has_one_word_with_a_rank_and_without() => Assert.Equal(sizeof(int), System.Runtime.CompilerServices.Unsafe.SizeOf<NativeLock>());

#if DEBUG || INTERLEAVING
    private NativeLock _registry = new(LockRank.CacheRegistry);
    private NativeLock _cache = new(LockRank.ThreadCache);
    private NativeLock _otherCache = new(LockRank.ThreadCache);
    private NativeLock _pages = new(LockRank.PageHeap);
    private NativeLock _alone;

    [Fact]
    public void Locks_in_their_order_are_taken_and_left_in_any_order()
    {
        _cache.Enter();
        _pages.Enter();
        _cache.Exit();
        _pages.AssertHeld();
        _pages.Exit();
        LockOrder.AssertNoneHeld();
    }

    [Fact]
    public void A_lock_that_comes_before_one_that_is_held_is_refused_and_both_are_named()
    {
        _pages.Enter();
        string refusal = Refusal(() => _cache.Enter());
        _pages.Exit();
        Assert.Contains(nameof(LockRank.ThreadCache), refusal, StringComparison.Ordinal);
        Assert.Contains(nameof(LockRank.PageHeap), refusal, StringComparison.Ordinal);
        Assert.False(_cache.IsHeld);
    }

    [Fact]
    public void The_locks_of_two_thread_caches_are_never_held_together()
    {
        _cache.Enter();
        string refusal = Refusal(() => _otherCache.Enter());
        _cache.Exit();
        Assert.Contains(nameof(LockRank.ThreadCache), refusal, StringComparison.Ordinal);
        Assert.False(_otherCache.IsHeld);
    }

    [Fact]
    public void A_thread_that_would_wait_for_itself_gets_an_exception()
    {
        _pages.Enter();
        Refusal(() => _pages.Enter());
        _pages.Exit();
        Assert.False(_pages.IsHeld);
    }

    [Fact]
    public void A_lock_without_a_rank_is_taken_alone()
    {
        _alone.Enter();
        Refusal(() => _pages.Enter());
        _alone.Exit();
        _pages.Enter();
        Refusal(() => _alone.Enter());
        _pages.Exit();
    }

    [Fact]
    public void A_thread_that_does_not_wait_may_try_in_any_order_and_what_it_gets_counts()
    {
        _pages.Enter();
        Assert.True(_registry.TryEnter());
        _pages.Exit();
        Refusal(() => _cache.Enter());
        _registry.Exit();
        _cache.Enter();
        _cache.Exit();
    }

    [Fact]
    public void A_method_that_wants_a_lock_held_finds_out_that_no_thread_holds_it()
    {
        string refusal = Refusal(() => _cache.AssertHeld());
        Assert.Contains(nameof(LockRank.ThreadCache), refusal, StringComparison.Ordinal);
        _cache.Enter();
        _cache.AssertHeld();
        _cache.Exit();
    }

    [Fact]
    public void Another_thread_s_lock_is_not_held()
    {
        _cache.Enter();
        string? refusal = null;
        Thread other = new(() => refusal = Refusal(() => _cache.AssertHeld()));
        other.Start();
        other.Join();
        _cache.Exit();
        Assert.NotNull(refusal);
    }

    [Fact]
    public void A_lock_that_is_not_held_is_not_left()
    {
        Refusal(() => _cache.Exit());
        Assert.False(_cache.IsHeld);
    }

    [Fact]
    public void The_system_is_asked_for_nothing_under_a_lock()
    {
        _pages.Enter();
        string refusal = Refusal(static () => Ask(new OsMemory()));
        _pages.Exit();
        Assert.Contains(nameof(LockRank.PageHeap), refusal, StringComparison.Ordinal);
        Ask(new OsMemory());
    }

    private static unsafe void Ask(OsMemory os) => os.Free(os.Allocate(OsCall.AllocateMetadata, 64, zeroed: true));

    private static string Refusal(Action action) => Assert.Throws<InvalidOperationException>(action).Message;
#endif
}
