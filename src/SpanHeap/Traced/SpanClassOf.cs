using System.Diagnostics.CodeAnalysis;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced;

/// <summary>The kind of the blocks of a type: a number that is a constant to the JIT.</summary>
/// <remarks>
/// A refused layout has the span class None. A caller that asks for a slot of that span class takes the slow path, which throws the right exception; here it
/// would be a <see cref="TypeInitializationException"/>.
/// </remarks>
internal static unsafe class SpanClassOf<T>
    where T : unmanaged, ITraced<T>
{
    public static readonly uint Number = Find();

    /// <summary>Looks again: throws what went wrong, or finds a span class after all.</summary>
    /// <exception cref="InvalidOperationException">The layout is refused, or could not be registered.</exception>
    public static uint FindAgain()
    {
        int layout;
        try
        {
            layout = T.Layout.Number;
        }
        catch (TypeInitializationException failure) when (failure.InnerException is InvalidOperationException reason)
        {
            throw new InvalidOperationException($"{typeof(T).Name} has no layout: {reason.Message}", failure);
        }

        return SpanClasses.OfType(layout, sizeof(T), typeof(T).Name);
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It comes again where it can be seen.")]
    private static uint Find()
    {
        try
        {
            return SpanClasses.OfType(T.Layout.Number, sizeof(T), typeof(T).Name);
        }
        catch (Exception)
        {
            return SpanClasses.None;
        }
    }
}
