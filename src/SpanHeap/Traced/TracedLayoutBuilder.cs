using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced;

/// <summary>Builds the layout of a struct from the places of its fields in a value: for generated code.</summary>
/// <typeparam name="TSelf">The struct.</typeparam>
/// <remarks>For use by one thread. Nothing is read from the value, so it may be any value.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly ref struct TracedLayoutBuilder<TSelf>
    where TSelf : unmanaged
{
    private readonly ref byte _start;
    // The largest element of which the runtime can make an array; a larger value has a place of its own.
    private const int LargestElement = 65_535;

    private readonly List<int> _offsets = [];

    /// <summary>Gets a place for a value of the struct, to be measured but neither read nor written. It may be the same place each time.</summary>
    [SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "Generated code alone asks for it, and names the type.")]
    public static ref TSelf Place => ref Unsafe.SizeOf<TSelf>() <= LargestElement
        ? ref InArray()
        : ref Places.Large;

    /// <summary>Begins a layout that is measured in a value.</summary>
    /// <param name="value">Any value of the struct.</param>
    public TracedLayoutBuilder(ref TSelf value) => _start = ref Unsafe.As<TSelf, byte>(ref value);

    /// <summary>Adds a field that is a reference.</summary>
    /// <typeparam name="T">The type of the block that the field refers to.</typeparam>
    /// <param name="field">The field of the value.</param>
    public void AddReference<T>(scoped ref readonly Traced<T> field)
        where T : unmanaged => _offsets.Add(OffsetOf(in field));

    /// <summary>Adds a field that is a traced struct, whose references belong to the block as well.</summary>
    /// <typeparam name="T">The type of the field.</typeparam>
    /// <param name="field">The field of the value.</param>
    /// <exception cref="InvalidOperationException">The layout of <typeparamref name="T"/> was never made, or is one of arrays or custom.</exception>
    public void AddNested<T>(scoped ref readonly T field)
        where T : unmanaged, ITraced<T>
    {
        if (!SpanClasses.TryAddOffsets(T.Layout.Number, OffsetOf(in field), _offsets))
        {
            throw new InvalidOperationException(
                $"{typeof(T).Name} is a field of {typeof(TSelf).Name}: its layout must be one that TracedLayout.OfFields made, or TracedLayout.NoPointers.");
        }
    }

    /// <summary>Adds a field of a type parameter. It must have no references, because nothing says where they would lie.</summary>
    /// <typeparam name="T">The type of the field.</typeparam>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> has references.</exception>
    [SuppressMessage("Performance", "CA1822:Mark members as static", Justification = "Called as its neighbours are.")]
    public void AddPlain<T>()
        where T : unmanaged
    {
        if (ReferenceSearch.HasAny<T>())
        {
            throw new InvalidOperationException(
                $"{typeof(T).Name} has references (Traced<T>), which no collection would find in {typeof(TSelf).Name}: constrain its type parameter to ITraced, so that its layout is known.");
        }
    }

    /// <summary>Makes the layout of the fields that were added.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A reference does not lie at a multiple of 8.</exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public TracedLayout ToLayout() => TracedLayout.OfFields(Unsafe.SizeOf<TSelf>(), [.. _offsets]);

    // In a method of its own: a larger type has no array type, so the code that makes an array could not be compiled for it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ref TSelf InArray() => ref (new TSelf[1])[0];

    // Kept for good, as layouts are, and never touched. In a class of its own, which is initialized on first use.
    private static unsafe class Places
    {
        private static readonly void* s_large = System.Runtime.InteropServices.NativeMemory.Alloc((nuint)Unsafe.SizeOf<TSelf>());

        public static ref TSelf Large => ref Unsafe.AsRef<TSelf>(s_large);
    }

    private int OffsetOf<T>(scoped ref readonly T field)
        where T : unmanaged =>
        (int)Unsafe.ByteOffset(in _start, in Unsafe.As<T, byte>(ref Unsafe.AsRef(in field)));
}
