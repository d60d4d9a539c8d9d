namespace SpanHeap.Guarding;

/// <summary>Gives stacks numbers, so that a record of a block has room for two of them. For the whole process; a stack once kept stays.</summary>
/// <remarks>
/// Thread safe, and lock free for a stack that was seen before where <see cref="FrameChain"/> can tell. A chain of addresses is known by
/// its hash alone: two chains that share one would share a number too, which is as likely as one in 10^11 with as many chains as are kept.
/// The same frames have several chains as the runtime compiles their methods again, so what a chain is first seen for is compared as text.
/// </remarks>
internal static class StackDepot
{
    /// <summary>How many are kept. Those that come later have the number 0.</summary>
    public const int Capacity = 16_384;

    // Twice as many places as chains, so that a search soon finds a free one.
    private const int MaxChains = 2 * Capacity;
    private const int Places = 2 * MaxChains;

    // By a chain's hash, then on to the next place: the hash, 0 for free, and the number. The number is written first, the hash last, by
    // release, under the lock; read by anybody.
    private static readonly ulong[] s_chains = new ulong[Places];
    private static readonly int[] s_numbers = new int[Places];

    // Guarded by the lock: the stacks from number 1 on, the numbers of their texts, and the lines, which many stacks share.
    private static readonly List<string[]> s_stacks = [];
    private static readonly Dictionary<string[], int> s_byText = new(new SameLines());
    private static readonly Dictionary<string, string> s_lines = new(StringComparer.Ordinal);
    private static readonly Lock s_lock = new();
    private static int s_chainCount;

    /// <summary>The number of the calling stack, without the frames of SpanHeap at its top; 0 when it cannot be kept.</summary>
    /// <remarks>Not under a <see cref="Os.NativeLock"/>: a stack that is new allocates managed memory. Never throws.</remarks>
    public static int Capture()
    {
        ulong chain = FrameChain.TryHash();
        int place = chain != 0 ? Find(chain) : -1;
        if (place >= 0 && s_chains[place] == chain)
        {
            return s_numbers[place];
        }

        // With no room for another stack, chains that are new are not worth their text.
        if (Volatile.Read(ref s_chainCount) >= MaxChains)
        {
            return 0;
        }

        try
        {
            // Describing a stack takes locks of .NET's. An interrupt is kept for a wait of the program's.
            string[] stack = [];
            Os.Uninterrupted.Do(0, _ => stack = StackText.Capture());
            return Keep(chain, stack);
        }
        catch (OutOfMemoryException)
        {
            return 0;
        }
    }

    /// <summary>The stack of a number, a frame a line, as a stack trace is printed; null for a number of none.</summary>
    public static string? Describe(int id) => TryGet(id) is { } lines ? string.Join('\n', lines) : null;

    /// <summary>The lines of a stack, not to be changed; null for a number of none. Allocates nothing.</summary>
    public static string[]? TryGet(int id)
    {
        Enter();
        try
        {
            return id > 0 && id <= s_stacks.Count ? s_stacks[id - 1] : null;
        }
        finally
        {
            s_lock.Exit();
        }
    }

    private static int Keep(ulong chain, string[] stack)
    {
        Enter();
        try
        {
            if (!s_byText.TryGetValue(stack, out int number) && s_stacks.Count < Capacity)
            {
                for (int i = 0; i < stack.Length; i++)
                {
                    stack[i] = Shared(stack[i]);
                }

                s_stacks.Add(stack);
                number = s_stacks.Count;
                s_byText.Add(stack, number);
            }

            NoteChain(chain, number);
            return number;
        }
        finally
        {
            s_lock.Exit();
        }
    }

    private static void NoteChain(ulong chain, int number)
    {
        // Another thread may have noted the same meanwhile.
        if (chain != 0 && s_chainCount < MaxChains && Find(chain) is var place && s_chains[place] == 0)
        {
            s_numbers[place] = number;
            Volatile.Write(ref s_chains[place], chain);
            Volatile.Write(ref s_chainCount, s_chainCount + 1);
        }
    }

    private static string Shared(string line)
    {
        if (!s_lines.TryGetValue(line, out string? kept))
        {
            kept = line;
            s_lines.Add(line, line);
        }

        return kept;
    }

    // The place of a chain, or the free one where it would be. Ends: half of the places stay free.
    private static int Find(ulong chain)
    {
        int place = (int)(chain % Places);
        while (Volatile.Read(ref s_chains[place]) is var there && there != 0 && there != chain)
        {
            place = (place + 1) % Places;
        }

        return place;
    }

    // Not by waiting: that could be interrupted, or run other code meanwhile. Held for microseconds, and never while a stack is walked.
    private static void Enter()
    {
        while (!s_lock.TryEnter())
        {
            Thread.Yield();
        }
    }

    private sealed class SameLines : IEqualityComparer<string[]>
    {
        public bool Equals(string[]? x, string[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(string[] lines)
        {
            HashCode hash = default;
            foreach (string line in lines)
            {
                hash.Add(line, StringComparer.Ordinal);
            }

            return hash.ToHashCode();
        }
    }
}
