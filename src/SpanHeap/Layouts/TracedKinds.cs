using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Layouts;

/// <summary>
/// The process's layouts and kinds, by number. Both are made once and never go: page entries name kinds, and generic code keeps
/// numbers in constants.
/// </summary>
internal static unsafe class TracedKinds
{
    /// <summary>Number 0 is no kind, so that an entry of zeros names none.</summary>
    public const uint None = 0;

    public const int Capacity = (int)PageEntry.LastTracedKind + 1;

    /// <summary>The layout of blocks without references.</summary>
    public const int NoPointers = 0;

    /// <summary>The layout of arrays of references.</summary>
    public const int References = 1;

    /// <summary>The layout of blocks that live as the program says.</summary>
    public const int Collectable = 2;

    // The library's own layouts have their numbers from the start, and their kinds are kept for them: whatever a program registers, arrays
    // and strings can be made.
    private const int OwnLayouts = 3;
    private static readonly int s_ownKinds = OwnLayouts * (SizeClasses.LastShared + 1);

    private static readonly Lock s_lock = new();

    // Entries are written before s_count names them and never changed.
    private static readonly TracedKind* s_kinds = (TracedKind*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(TracedKind));

    // [layout * (classes + 1) + class]: the kind, or None before there is one. Written under the lock, by release; read by anybody.
    private static readonly ushort* s_kindOf = (ushort*)NativeMemory.AllocZeroed((nuint)Capacity * SizeClasses.Capacity, sizeof(ushort));

    // Index: a layout's number. Guarded by the lock.
    private static readonly List<TracedKind> s_layouts =
    [
        new() { Form = TracedForm.NoPointers, Layout = NoPointers },
        new() { Form = TracedForm.References, Layout = References, ElementBytes = (uint)sizeof(nint) },
        new() { Form = TracedForm.Collectable, Layout = Collectable },
    ];

    // How many of the kinds that are kept have been made. Guarded by the lock.
    private static int s_ownKindsMade;
    private static int s_count = 1;

    /// <summary>Kinds there are, number 0 included.</summary>
    public static int Count => Volatile.Read(ref s_count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TracedKind* Info(uint kind) => s_kinds + kind;

    /// <summary>Gives a layout a number: that of an equal one, if there is one.</summary>
    /// <exception cref="InvalidOperationException">There are too many.</exception>
    public static int AddLayout(TracedKind layout)
    {
        lock (s_lock)
        {
            for (int known = 0; known < s_layouts.Count; known++)
            {
                if (AreSame(s_layouts[known], layout))
                {
                    if (layout.AllPointers != null)
                    {
                        NativeMemory.Free(layout.AllPointers);
                    }

                    return known;
                }
            }

            if (s_layouts.Count == Capacity)
            {
                throw new InvalidOperationException(
                    $"The process has registered {Capacity} layouts of traced blocks, which is all that there can be. Layouts that are equal count " +
                    "once: register each once, or one with a trace function (TracedLayout.Custom) for many.");
            }

            layout.Layout = s_layouts.Count;
            s_layouts.Add(layout);
            return layout.Layout;
        }
    }

    /// <summary>The kind of a layout's blocks in a size class (<see cref="SizeClasses.None"/> for large ones).</summary>
    /// <exception cref="InvalidOperationException">There are too many.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(int layout, uint sizeClass)
    {
        uint kind = Volatile.Read(ref s_kindOf[((uint)layout * SizeClasses.Capacity) + sizeClass]);
        return kind != None ? kind : Add(layout, sizeClass);
    }

    /// <summary>The kind of blocks of one type, whose size is always the same.</summary>
    /// <exception cref="InvalidOperationException">The layout is none, is one of arrays, or has references behind the type's end.</exception>
    public static uint OfType(int layout, int byteCount, string type)
    {
        TracedForm form = TracedForm.References;
        int words = 0;
        lock (s_lock)
        {
            if (layout >= 0)
            {
                form = s_layouts[layout].Form;
                words = s_layouts[layout].PatternWords;
            }
        }

        if (form is not (TracedForm.NoPointers or TracedForm.Fields or TracedForm.Custom) || words * sizeof(nint) > byteCount)
        {
            throw new InvalidOperationException(
                $"The layout of {type} must be one that TracedLayout.OfFields made for its {byteCount} bytes, or TracedLayout.NoPointers.");
        }

        uint kind = Of(layout, ClassFor(byteCount));
        TracedNames.Note(kind, type);
        return kind;
    }

    /// <summary>The layout of arrays whose elements are blocks of a type.</summary>
    /// <exception cref="InvalidOperationException">The type's layout is none, is one of arrays or custom, or has references behind the type's end.</exception>
    public static int AddElementsOf(int layout, int byteCount, string type)
    {
        TracedKind elements = default;
        elements.Form = TracedForm.Custom;
        lock (s_lock)
        {
            elements = layout >= 0 ? s_layouts[layout] : elements;
        }

        if (elements.Form == TracedForm.NoPointers)
        {
            return layout;
        }

        if (elements.Form != TracedForm.Fields || elements.PatternWords * sizeof(nint) > byteCount || byteCount % sizeof(nint) != 0)
        {
            throw new InvalidOperationException(
                $"The layout of {type} must be one that TracedLayout.OfFields made for its {byteCount} bytes, a multiple of {sizeof(nint)}, or TracedLayout.NoPointers.");
        }

        elements.Form = TracedForm.Elements;
        elements.ElementBytes = (uint)byteCount;
        if (elements.AllPointers != null)
        {
            // A copy of its own: an equal layout that is known already makes this one go.
            nuint bytes = (nuint)((elements.PatternWords + 63) / 64) * sizeof(ulong);
            ulong* own = (ulong*)NativeMemory.Alloc(bytes);
            NativeMemory.Copy(elements.AllPointers, own, bytes);
            elements.AllPointers = own;
        }

        return AddLayout(elements);
    }

    /// <summary>The size of the elements of a layout of arrays.</summary>
    /// <exception cref="ArgumentException">The layout is none, or not of elements.</exception>
    public static int ElementBytesOf(int layout)
    {
        TracedKind* kind = layout < 0 ? null : Info(Of(layout, SizeClasses.None));
        if (kind == null || kind->Form != TracedForm.Elements)
        {
            throw new ArgumentException("The layout must be made by TracedLayout.OfElements.", nameof(layout));
        }

        return (int)kind->ElementBytes;
    }

    /// <summary>Adds where the references lie of a struct that has this layout and begins at an offset; false if no layout of fields.</summary>
    public static bool TryAddOffsets(int layout, int start, List<int> offsets)
    {
        TracedKind nested = default;
        nested.Form = TracedForm.Custom;
        lock (s_lock)
        {
            nested = layout >= 0 ? s_layouts[layout] : nested;
        }

        for (int word = 0; word < nested.PatternWords; word++)
        {
            ulong bits = nested.AllPointers != null ? nested.AllPointers[word / 64] : nested.FirstPointers;
            if ((bits >> (word % 64) & 1) != 0)
            {
                offsets.Add(start + (word * sizeof(nint)));
            }
        }

        return nested.Form is TracedForm.Fields or TracedForm.NoPointers;
    }

    /// <summary>A layout must be one of blocks of any size, and have its references within so many bytes.</summary>
    /// <exception cref="ArgumentException">The layout is none, or is one of arrays.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is too small.</exception>
    public static void RequireSingle(int layout, long byteCount)
    {
        TracedKind* kind = layout < 0 ? null : Info(Of(layout, ClassFor(byteCount)));
        if (kind == null || kind->Form is TracedForm.References or TracedForm.Elements)
        {
            throw new ArgumentException("The layout must be made by TracedLayout.OfFields or TracedLayout.Custom, or be TracedLayout.NoPointers.", nameof(layout));
        }

        if ((long)kind->PatternWords * sizeof(nint) > byteCount)
        {
            throw new ArgumentOutOfRangeException(
                nameof(byteCount), byteCount, $"The layout has references in the first {kind->PatternWords * sizeof(nint)} bytes of a block.");
        }
    }

    /// <summary>The class of blocks of a size; <see cref="SizeClasses.None"/> for large ones.</summary>
    public static uint ClassFor(long byteCount) =>
        byteCount <= SizeClasses.MaxSharedSize ? SizeClasses.OfShared((nuint)Math.Max(byteCount, TracedBits.Granule)) : (uint)SizeClasses.None;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Add(int layout, uint sizeClass)
    {
        lock (s_lock)
        {
            ushort* place = s_kindOf + ((uint)layout * SizeClasses.Capacity) + sizeClass;
            if (*place != None)
            {
                return *place;
            }

            bool isOwn = layout < OwnLayouts;
            int kept = isOwn ? 0 : s_ownKinds - s_ownKindsMade;
            if (s_count + kept >= Capacity)
            {
                throw new InvalidOperationException(
                    $"The process has {Capacity - 1 - s_ownKinds} combinations of layout and size class of traced blocks, which is all that there can be. " +
                    "Make blocks of fewer layouts, or of each layout in fewer sizes.");
            }

            TracedKind made = s_layouts[layout];
            made.SizeClass = (byte)sizeClass;
            made.SlotBytes = sizeClass != SizeClasses.None ? (ushort)SizeClasses.Info(sizeClass).Size : (ushort)0;
            int kind = s_count;
            s_kinds[kind] = made;

            // Counted before it can be used: who walks all kinds must not miss one that has spans.
            s_ownKindsMade += isOwn ? 1 : 0;
            Volatile.Write(ref s_count, kind + 1);
            Volatile.Write(ref *place, (ushort)kind);
            return (uint)kind;
        }
    }

    private static bool AreSame(in TracedKind left, in TracedKind right)
    {
        if (left.Form != right.Form || left.PatternWords != right.PatternWords || left.FirstPointers != right.FirstPointers
            || left.ElementBytes != right.ElementBytes || left.Trace != right.Trace)
        {
            return false;
        }

        int words = left.PatternWords <= TracedKind.WordsInline ? 0 : (left.PatternWords + 63) / 64;
        return new Span<ulong>(left.AllPointers, words).SequenceEqual(new Span<ulong>(right.AllPointers, words));
    }
}
