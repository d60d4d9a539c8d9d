using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Layouts;

/// <summary>
/// The process's layouts and span classes, by number. Both are made once and kept for good: page entries name span classes, and generic code keeps numbers in
/// constants.
/// </summary>
internal static unsafe class SpanClasses
{
    /// <summary>Number 0 means no span class, so that a zeroed entry names none.</summary>
    public const uint None = 0;

    public const int Capacity = (int)PageEntry.LastSpanClass + 1;

    /// <summary>The layout of blocks without references.</summary>
    public const int NoPointers = 0;

    /// <summary>The layout of arrays of references.</summary>
    public const int References = 1;

    /// <summary>The layout of blocks of which the program says whether they live.</summary>
    public const int Collectable = 2;

    /// <summary>The layout of arrays of weak entries. No span classes are reserved for it: the dictionaries that have them need others as well.</summary>
    public const int WeakEntries = 3;

    // The library's own layouts have their numbers from the start, and numbers are reserved for their span classes: whatever a program registers, arrays
    // and strings can be made.
    private const int OwnLayouts = 3;
    private static readonly int s_ownSpanClasses = OwnLayouts * (SizeClasses.LastShared + 1);

    private static readonly Lock s_lock = new();

    // Entries are written before s_count names them and never changed.
    private static readonly SpanClassInfo* s_spanClasses = (SpanClassInfo*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(SpanClassInfo));

    // [layout * (classes + 1) + class]: the span class, or None before there is one. Written under the lock, by release; read by any thread.
    private static readonly ushort* s_spanClassOf = (ushort*)NativeMemory.AllocZeroed((nuint)Capacity * SizeClasses.Capacity, sizeof(ushort));

    // Index: a layout's number. Guarded by the lock.
    private static readonly List<SpanClassInfo> s_layouts =
    [
        new() { Form = TracedForm.NoPointers, Layout = NoPointers },
        new() { Form = TracedForm.References, Layout = References, ElementBytes = (uint)sizeof(nint) },
        new() { Form = TracedForm.Collectable, Layout = Collectable },
        new() { Form = TracedForm.WeakEntries, Layout = WeakEntries, ElementBytes = (uint)sizeof(WeakEntry) },
    ];

    // How many of the reserved span classes have been made. Guarded by the lock.
    private static int s_ownSpanClassesMade;
    private static int s_count = 1;

    /// <summary>The number of span classes, including number 0.</summary>
    public static int Count => Volatile.Read(ref s_count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SpanClassInfo* Info(uint spanClass) => s_spanClasses + spanClass;

    /// <summary>Gives a layout a number: that of an equal one, if there is one.</summary>
    /// <exception cref="InvalidOperationException">There are too many already.</exception>
    public static int AddLayout(SpanClassInfo layout)
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
                    $"The process has registered {Capacity} layouts of traced blocks, which is the maximum. Equal layouts count " +
                    "once: register each once, or one with a trace function (TracedLayout.Custom) for many.");
            }

            layout.Layout = s_layouts.Count;
            s_layouts.Add(layout);
            return layout.Layout;
        }
    }

    /// <summary>Gets the kind of a layout's blocks in a size class (<see cref="SizeClasses.None"/> for large blocks).</summary>
    /// <exception cref="InvalidOperationException">There are too many already.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(int layout, uint sizeClass)
    {
        uint spanClass = Volatile.Read(ref s_spanClassOf[((uint)layout * SizeClasses.Capacity) + sizeClass]);
        return spanClass != None ? spanClass : Add(layout, sizeClass);
    }

    /// <summary>Gets the kind of the blocks of a type, whose size is always the same.</summary>
    /// <exception cref="InvalidOperationException">
    /// The layout was never made, is one of arrays, or has references beyond the end of the type.
    /// </exception>
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

        uint spanClass = Of(layout, ClassFor(byteCount));
        TracedNames.Note(spanClass, type);
        return spanClass;
    }

    /// <summary>Gets the layout of arrays whose elements are of a type.</summary>
    /// <exception cref="InvalidOperationException">
    /// The type's layout was never made, is one of arrays or custom, or has references beyond the end of the type.
    /// </exception>
    public static int AddElementsOf(int layout, int byteCount, string type)
    {
        SpanClassInfo elements = default;
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
            // A copy of its own, because it is freed if an equal layout is already known.
            nuint bytes = (nuint)((elements.PatternWords + 63) / 64) * sizeof(ulong);
            ulong* own = (ulong*)NativeMemory.Alloc(bytes);
            NativeMemory.Copy(elements.AllPointers, own, bytes);
            elements.AllPointers = own;
        }

        return AddLayout(elements);
    }

    /// <summary>Gets the size in bytes of the elements of a layout of arrays.</summary>
    /// <exception cref="ArgumentException">The layout was never made, or is not one of elements.</exception>
    public static int ElementBytesOf(int layout)
    {
        SpanClassInfo* spanClass = layout < 0 ? null : Info(Of(layout, SizeClasses.None));
        if (spanClass == null || spanClass->Form != TracedForm.Elements)
        {
            throw new ArgumentException("The layout must be made by TracedLayout.OfElements.", nameof(layout));
        }

        return (int)spanClass->ElementBytes;
    }

    /// <summary>
    /// Adds the offsets of the references of a struct that has a layout and begins at an offset; false if the layout is not one of fields.
    /// </summary>
    public static bool TryAddOffsets(int layout, int start, List<int> offsets)
    {
        SpanClassInfo nested = default;
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

    /// <summary>Requires that a layout is not one of arrays and has its references within a number of bytes.</summary>
    /// <exception cref="ArgumentException">The layout was never made, or is one of arrays.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is too small.</exception>
    public static void RequireSingle(int layout, long byteCount)
    {
        SpanClassInfo* spanClass = layout < 0 ? null : Info(Of(layout, ClassFor(byteCount)));
        if (spanClass == null || spanClass->Form is TracedForm.References or TracedForm.Elements or TracedForm.WeakEntries)
        {
            throw new ArgumentException("The layout must be made by TracedLayout.OfFields or TracedLayout.Custom, or be TracedLayout.NoPointers.", nameof(layout));
        }

        if ((long)spanClass->PatternWords * sizeof(nint) > byteCount)
        {
            throw new ArgumentOutOfRangeException(
                nameof(byteCount), byteCount, $"The layout has references in the first {spanClass->PatternWords * sizeof(nint)} bytes of a block.");
        }
    }

    /// <summary>Gets the class of blocks of a size; <see cref="SizeClasses.None"/> for large blocks.</summary>
    public static uint ClassFor(long byteCount) =>
        byteCount <= SizeClasses.MaxSharedSize ? SizeClasses.OfShared((nuint)Math.Max(byteCount, SpanClassInfo.Granule)) : (uint)SizeClasses.None;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Add(int layout, uint sizeClass)
    {
        lock (s_lock)
        {
            ushort* place = s_spanClassOf + ((uint)layout * SizeClasses.Capacity) + sizeClass;
            if (*place != None)
            {
                return *place;
            }

            bool isOwn = layout < OwnLayouts;
            int kept = isOwn ? 0 : s_ownSpanClasses - s_ownSpanClassesMade;
            if (s_count + kept >= Capacity)
            {
                throw new InvalidOperationException(
                    $"The process has {Capacity - 1 - s_ownSpanClasses} combinations of layout and size class of traced blocks, which is the maximum. " +
                    "Make blocks of fewer layouts, or of each layout in fewer sizes.");
            }

            SpanClassInfo made = s_layouts[layout];
            made.SizeClass = (byte)sizeClass;
            made.SlotBytes = sizeClass != SizeClasses.None ? (ushort)SizeClasses.Info(sizeClass).Size : (ushort)0;
            int spanClass = s_count;
            s_spanClasses[spanClass] = made;

            // Counted before it can be used: a walk over all span classes must not miss one that has spans.
            s_ownSpanClassesMade += isOwn ? 1 : 0;
            Volatile.Write(ref s_count, spanClass + 1);
            Volatile.Write(ref *place, (ushort)spanClass);
            return (uint)spanClass;
        }
    }

    private static bool AreSame(in SpanClassInfo left, in SpanClassInfo right)
    {
        if (left.Form != right.Form || left.PatternWords != right.PatternWords || left.FirstPointers != right.FirstPointers
            || left.ElementBytes != right.ElementBytes || left.Trace != right.Trace)
        {
            return false;
        }

        int words = left.PatternWords <= SpanClassInfo.WordsInline ? 0 : (left.PatternWords + 63) / 64;
        return new Span<ulong>(left.AllPointers, words).SequenceEqual(new Span<ulong>(right.AllPointers, words));
    }
}
