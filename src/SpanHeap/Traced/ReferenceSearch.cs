using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace SpanHeap.Traced;

/// <summary>Finds whether values of a type contain references; asked once for each type whose values no collection looks into.</summary>
internal static class ReferenceSearch
{
    /// <exception cref="InvalidOperationException">The type has references.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RequireNone<T>()
        where T : unmanaged
    {
        if (Of<T>.Found)
        {
            Throw(typeof(T));
        }
    }

    /// <summary>Whether the type has references.</summary>
    public static bool HasAny<T>()
        where T : unmanaged => Of<T>.Found;

    [DoesNotReturn]
    private static void Throw(Type type) => throw new InvalidOperationException(
        $"{type.Name} has references (Traced<T>), which no collection would find in an array of plain values: use TracedScope.NewArray or TracedScope.NewElements.");

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "Of a type whose fields were trimmed away nothing is found, and nothing is refused that is right.")]
    private static bool IsIn(Type type)
    {
        if (type.IsPrimitive || type.IsEnum || type.IsPointer || type.IsFunctionPointer)
        {
            return false;
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Traced<>))
        {
            return true;
        }

        return type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Any(static field => IsIn(field.FieldType));
    }

    private static class Of<T>
        where T : unmanaged
    {
        public static readonly bool Found = IsIn(typeof(T));
    }
}
