namespace SpanHeap.Guard.Records;

/// <summary>Keeps the stacks of the process, and gives each a number, so that the record of a block has room for two. A stack that is kept is never removed.</summary>
/// <remarks>
/// Thread safe, and without a lock for a stack that was seen before, if <see cref="FrameChain"/> recognizes it. A chain of addresses is known by
/// its hash alone. Two chains with the same hash would share a number; with as many chains as are kept, the probability of that is one in 10^11.
/// The same frames have several chains, because the runtime compiles their methods again, so a stack whose chain is new is compared as text.
/// </remarks>
internal static class StackDepot
{
    /// <summary>The number of stacks that are kept. Those that come later have the number 0.</summary>
    public const int Capacity = 16_384;

    // Twice as many places as chains, so that a search soon finds a free one.
    private const int MaxChains = 2 * Capacity;
    private const int Places = 2 * MaxChains;

    // By a chain's hash, then on to the next place: the hash, 0 for free, and the number. The number is written first, the hash last, by
    // release, under the lock; read by any thread.
    private static readonly ulong[] s_chains = new ulong[Places];
    private static readonly int[] s_numbers = new int[Places];

    // Guarded by the lock: the stacks from number 1 on, the numbers of their texts, and the lines, which many stacks share.
    private static readonly List<string[]> s_stacks = [];
    private static readonly Dictionary<string[], int> s_byText = new(new SameLines());
    private static readonly Dictionary<string, string> s_lines = new(StringComparer.Ordinal);
    private static readonly Lock s_lock = new();
    private static int s_chainCount;

    /// <summary>Gets the number of the calling stack, without the frames of SpanHeap at its top; 0 when it cannot be kept.</summary>
    /// <remarks>Call it without a <see cref="Os.NativeLock"/>: a stack that is new allocates managed memory. It never throws.</remarks>
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
            // Describing a stack takes locks of .NET. An interrupt is kept for a wait of the program.
            string[] stack = [];
            Os.Uninterrupted.Do(0, _ => stack = StackText.Capture());
            return Keep(chain, stack);
        }
        catch (OutOfMemoryException)
        {
            return 0;
        }
    }

    /// <summary>Gets the stack of a number, one frame a line, as a stack trace is printed; null when no stack has the number.</summary>
    public static string? Describe(int id) => TryGet(id) is { } lines ? string.Join('\n', lines) : null;

    /// <summary>Gets the lines of a stack, which must not be changed; null when no stack has the number. Allocates nothing.</summary>
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
        // Another thread may have noted the same stack meanwhile.
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

    // Finds the place of a chain, or the free one where it would be. It ends, because half of the places stay free.
    private static int Find(ulong chain)
    {
        int place = (int)(chain % Places);
        while (Volatile.Read(ref s_chains[place]) is var there && there != 0 && there != chain)
        {
            place = (place + 1) % Places;
        }

        return place;
    }

    // A wait could be interrupted, or run other code meanwhile. The lock is held for microseconds, and never while a stack is walked.
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
