using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace SpanHeap.Layouts;

/// <summary>Whether values of a type have references in them: asked once for each type that nobody looks into.</summary>
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

    /// <summary>Whether there are any.</summary>
    public static bool HasAny<T>()
        where T : unmanaged => Of<T>.Found;

    [DoesNotReturn]
    private static void Throw(Type type) => throw new InvalidOperationException(
        $"{type.Name} has references (Gc<T>), which nobody would find in an array of plain values: use GcScope.NewArray or GcScope.NewElements.");

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "Of a type whose fields were trimmed away nothing is found, and nothing is refused that is right.")]
    private static bool IsIn(Type type)
    {
        if (type.IsPrimitive || type.IsEnum || type.IsPointer || type.IsFunctionPointer)
        {
            return false;
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Gc<>))
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
