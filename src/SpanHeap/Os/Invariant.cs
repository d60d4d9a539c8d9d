using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace SpanHeap.Os;

/// <summary>
/// What the heap's own code relies on. It is verified in Debug builds and where <c>INTERLEAVING</c> is defined, whose tests look at it in every order
/// of threads; what is shipped does not compute it.
/// </summary>
internal static class Invariant
{
    /// <summary>Fails unless something holds that a caller, or the code above, has to see to. No user of the heap can make it fail.</summary>
    /// <param name="holds">Whether it holds.</param>
    /// <param name="what">What must hold, as a sentence.</param>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public static void Assert([DoesNotReturnIf(false)] bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"The heap's own code is wrong: {what}");
        }
    }
}
