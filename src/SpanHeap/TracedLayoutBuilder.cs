using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Layouts;

namespace SpanHeap;

/// <summary>Makes the layout of a struct from where its fields lie in a value of it: for generated code.</summary>
/// <typeparam name="TSelf">The struct.</typeparam>
/// <remarks>Of one thread. Nothing is read from the value, which so may be anything.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly ref struct TracedLayoutBuilder<TSelf>
    where TSelf : unmanaged
{
    private readonly ref byte _start;
    // What the runtime makes an array of; a larger value has a place of its own.
    private const int LargestElement = 65_535;

    private readonly List<int> _offsets = [];

    /// <summary>A place for a value of the struct, to be measured and neither read nor written. May be the same each time.</summary>
    [SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "Generated code alone asks for it, and names the type.")]
    public static ref TSelf Place => ref Unsafe.SizeOf<TSelf>() <= LargestElement
        ? ref InArray()
        : ref Places.Large;

    /// <param name="value">Any value of the struct.</param>
    public TracedLayoutBuilder(ref TSelf value) => _start = ref Unsafe.As<TSelf, byte>(ref value);

    /// <summary>A field is a reference.</summary>
    /// <typeparam name="T">What it refers to.</typeparam>
    /// <param name="field">The field of the value.</param>
    public void AddReference<T>(scoped ref readonly Gc<T> field)
        where T : unmanaged => _offsets.Add(OffsetOf(in field));

    /// <summary>A field is a traced struct, whose references are the block's, too.</summary>
    /// <typeparam name="T">The type of the field.</typeparam>
    /// <param name="field">The field of the value.</param>
    /// <exception cref="InvalidOperationException">The layout of <typeparamref name="T"/> is none, one of arrays, or custom.</exception>
    public void AddNested<T>(scoped ref readonly T field)
        where T : unmanaged, ITraced<T>
    {
        if (!TracedKinds.TryAddOffsets(T.Layout.Number, OffsetOf(in field), _offsets))
        {
            throw new InvalidOperationException(
                $"{typeof(T).Name} is a field of {typeof(TSelf).Name}: its layout must be one that TracedLayout.OfFields made, or TracedLayout.NoPointers.");
        }
    }

    /// <summary>A field is of a type that only who uses the struct knows, and must have no references: it says nothing of where they would lie.</summary>
    /// <typeparam name="T">The type of the field.</typeparam>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> has references.</exception>
    [SuppressMessage("Performance", "CA1822:Mark members as static", Justification = "Called as its neighbours are.")]
    public void AddPlain<T>()
        where T : unmanaged
    {
        if (ReferenceSearch.HasAny<T>())
        {
            throw new InvalidOperationException(
                $"{typeof(T).Name} has references (Gc<T>), which nobody would find in {typeof(TSelf).Name}: constrain its type parameter to ITraced, so that its layout is known.");
        }
    }

    /// <summary>The layout of what was added.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A reference does not lie at a multiple of 8.</exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public TracedLayout ToLayout() => TracedLayout.OfFields(Unsafe.SizeOf<TSelf>(), [.. _offsets]);

    // A method of its own: of a larger type there is no array, and so no code that makes one.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ref TSelf InArray() => ref (new TSelf[1])[0];

    // Kept for ever, as layouts are, and never touched. In a class of its own, which is made when it is asked for.
    private static unsafe class Places
    {
        private static readonly void* s_large = System.Runtime.InteropServices.NativeMemory.Alloc((nuint)Unsafe.SizeOf<TSelf>());

        public static ref TSelf Large => ref Unsafe.AsRef<TSelf>(s_large);
    }

    private int OffsetOf<T>(scoped ref readonly T field)
        where T : unmanaged =>
        (int)Unsafe.ByteOffset(in _start, in Unsafe.As<T, byte>(ref Unsafe.AsRef(in field)));
}
