using System.Runtime.CompilerServices;

namespace SpanHeap.Tests.Tracing;

/// <summary>A block whose layout and properties are generated.</summary>
[Traced]
internal partial struct Branch
{
    public byte Tag;
    public Gc<Branch> Left;
    public long Key;
    public Gc<Branch> Right;
    public Ends Ends;
    private Gc<Branch> _hidden;

    public void Hide(scoped in GcScope scope, GcRef<Branch> other) => _hidden.Set(scope, other);

    public readonly GcRef<Branch> Hidden(in GcScope scope) => _hidden.Get(scope);
}

/// <summary>Held by value: of the blocks of a struct that it is in it does not know the type.</summary>
[Traced]
internal partial struct Ends
{
    public int Count;
    public Few<byte> All;
}

[Traced]
[InlineArray(3)]
internal partial struct Few<T>
    where T : unmanaged
{
    private Gc<T> _first;
}

[Traced]
internal partial struct Couple<TFirst, TSecond>
    where TFirst : unmanaged, ITraced<TFirst>
    where TSecond : unmanaged
{
    public TFirst First;
    public TSecond Second;
    public Gc<Couple<TFirst, TSecond>> Next;
}

/// <summary>Larger than what the system keeps unmapped at address 0.</summary>
[Traced]
internal partial struct Broad
{
    public Room Room;
    public Gc<Branch> Last;
    public long Number;
}

[InlineArray(1000)]
internal struct Room
{
    private long _first;
}

/// <summary>Larger than the runtime makes an array of.</summary>
[Traced]
internal partial struct Vast
{
    public Gc<Vast> First;
    public VastRoom Room;
    public Gc<Branch> Last;
}

[InlineArray(8192)]
internal struct VastRoom
{
    private long _first;
}

/// <summary>The same, of nothing but references.</summary>
[Traced]
[InlineArray(9000)]
internal partial struct VastRow
{
    private Gc<Branch> _first;
}
