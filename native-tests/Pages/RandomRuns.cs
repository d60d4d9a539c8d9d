namespace SpanHeap.Tests.Pages;

/// <summary>Bits as page heaps have them: runs of all lengths, now and then a whole row of ones or zeros.</summary>
internal static unsafe class RandomRuns
{
    public static void Fill(Random random, ulong* bits, bool[] model)
    {
        int longest = 1 << random.Next(0, 11);
        bool value = random.Next(2) == 0;
        for (int i = 0; i < model.Length; value = !value)
        {
            for (int left = random.Next(1, longest + 1); left > 0 && i < model.Length; left--)
            {
                model[i++] = value;
            }
        }

        for (int i = 0; i < model.Length; i++)
        {
            ulong bit = 1UL << (i % 64);
            bits[i / 64] = model[i] ? bits[i / 64] | bit : bits[i / 64] & ~bit;
        }
    }
}
