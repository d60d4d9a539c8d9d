using System.Runtime.CompilerServices;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Layouts;

/// <summary>A block whose layout and properties are generated.</summary>
[Traced]
internal partial struct Branch
{
    public byte Tag;
    public Traced<Branch> Left;
    public long Key;
    public Traced<Branch> Right;
    public Ends Ends;
    private Traced<Branch> _hidden;

    public void Hide(scoped in TracedScope scope, TracedRef<Branch> other) => _hidden.Set(scope, other);

    public readonly TracedRef<Branch> Hidden(in TracedScope scope) => _hidden.Get(scope);
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
    private Traced<T> _first;
}

[Traced]
internal partial struct Couple<TFirst, TSecond>
    where TFirst : unmanaged, ITraced<TFirst>
    where TSecond : unmanaged
{
    public TFirst First;
    public TSecond Second;
    public Traced<Couple<TFirst, TSecond>> Next;
}

/// <summary>Larger than what the system keeps unmapped at address 0.</summary>
[Traced]
internal partial struct Broad
{
    public Room Room;
    public Traced<Branch> Last;
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
    public Traced<Vast> First;
    public VastRoom Room;
    public Traced<Branch> Last;
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
    private Traced<Branch> _first;
}
