using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>What to do with a value once it is known.</summary>
internal enum FrameKind
{
    /// <summary>Choose between the expressions in First.</summary>
    If,

    /// <summary>Drop it, and evaluate the expressions in First.</summary>
    Sequence,

    /// <summary>Define the symbol in First as it.</summary>
    Define,

    /// <summary>Assign it to the variable in First.</summary>
    Assign,

    /// <summary>Put it before the list in Third; First holds the parts of the call that are not known yet.</summary>
    Call,
}

/// <summary>One entry of the stack, while a scope is open.</summary>
internal readonly ref struct Frame(FrameKind kind, TracedRef<Cell> first, TracedRef<Cell> environment, TracedRef<Cell> third)
{
    public FrameKind Kind { get; } = kind;

    public TracedRef<Cell> First { get; } = first;

    public TracedRef<Cell> Environment { get; } = environment;

    public TracedRef<Cell> Third { get; } = third;
}

/// <summary>The interpreter's stack. Its references are in a root array, so that collections between two slices find them.</summary>
internal sealed class CallStack(TracedHeap heap, int deepest) : IDisposable
{
    private const int ReferencesPerFrame = 3;

    private FrameKind[] _kinds = new FrameKind[64];
    private TracedRoots<Cell> _references = heap.CreateRoots<Cell>(64 * ReferencesPerFrame);

    public int Count { get; private set; }

    public void Push(scoped in TracedScope scope, Frame frame)
    {
        if (Count == _kinds.Length)
        {
            Grow(in scope);
        }

        int at = Count * ReferencesPerFrame;
        _kinds[Count++] = frame.Kind;
        _references.Set(in scope, at, frame.First);
        _references.Set(in scope, at + 1, frame.Environment);
        _references.Set(in scope, at + 2, frame.Third);
    }

    public Frame Pop(in TracedScope scope)
    {
        int at = --Count * ReferencesPerFrame;
        Frame top = new(
            _kinds[Count], _references.Get(in scope, at), _references.Get(in scope, at + 1), _references.Get(in scope, at + 2));

        // Popped values must not be kept alive by their old place.
        _references.Clear(in scope, at, ReferencesPerFrame);
        return top;
    }

    public void Clear(scoped in TracedScope scope)
    {
        _references.Clear(in scope, 0, Count * ReferencesPerFrame);
        Count = 0;
    }

    public void Dispose() => _references.Dispose();

    private void Grow(scoped in TracedScope scope)
    {
        if (Count >= deepest)
        {
            throw new LispException($"The program calls itself more than {deepest} deep.");
        }

        TracedRoots<Cell> larger = heap.CreateRoots<Cell>(Count * 2 * ReferencesPerFrame);
        for (int i = 0; i < Count * ReferencesPerFrame; i++)
        {
            larger.Set(in scope, i, _references.Get(in scope, i));
        }

        _references.Dispose();
        _references = larger;
        Array.Resize(ref _kinds, Count * 2);
    }
}
