namespace SpanHeap.Examples.Lisp;

/// <summary>What is to be done with a value when it is known.</summary>
internal enum FrameKind
{
    /// <summary>Choose between the expressions in First.</summary>
    If,

    /// <summary>Drop it, and evaluate those in First.</summary>
    Sequence,

    /// <summary>Give it to the symbol in First.</summary>
    Define,

    /// <summary>Give it to the variable in First.</summary>
    Assign,

    /// <summary>Put it before the list in Third; First are the parts of the call that are not known yet.</summary>
    Call,
}

/// <summary>One entry of the stack, while a scope is open.</summary>
internal readonly ref struct Frame(FrameKind kind, GcRef<Cell> first, GcRef<Cell> environment, GcRef<Cell> third)
{
    public FrameKind Kind { get; } = kind;

    public GcRef<Cell> First { get; } = first;

    public GcRef<Cell> Environment { get; } = environment;

    public GcRef<Cell> Third { get; } = third;
}

/// <summary>The interpreter's stack. Its references lie in a root array, so that collections find them between two slices.</summary>
internal sealed class CallStack(NativeHeap heap, int deepest) : IDisposable
{
    private const int ReferencesPerFrame = 3;

    private FrameKind[] _kinds = new FrameKind[64];
    private RootArray<Cell> _references = heap.CreateRootArray<Cell>(64 * ReferencesPerFrame);

    public int Count { get; private set; }

    public void Push(scoped in GcScope scope, Frame frame)
    {
        if (Count == _kinds.Length)
            Grow(in scope);
        int at = Count * ReferencesPerFrame;
        _kinds[Count++] = frame.Kind;
        _references.Set(in scope, at, frame.First);
        _references.Set(in scope, at + 1, frame.Environment);
        _references.Set(in scope, at + 2, frame.Third);
    }

    public Frame Pop(in GcScope scope)
    {
        int at = --Count * ReferencesPerFrame;
        Frame top = new(
            _kinds[Count], _references.Get(in scope, at), _references.Get(in scope, at + 1), _references.Get(in scope, at + 2));

        // What is popped is not to be kept alive by where it was.
        _references.Clear(in scope, at, ReferencesPerFrame);
        return top;
    }

    public void Clear(scoped in GcScope scope)
    {
        _references.Clear(in scope, 0, Count * ReferencesPerFrame);
        Count = 0;
    }

    public void Dispose() => _references.Dispose();

    private void Grow(scoped in GcScope scope)
    {
        if (Count >= deepest)
            throw new LispException($"The program calls itself more than {deepest} deep.");
        RootArray<Cell> larger = heap.CreateRootArray<Cell>(Count * 2 * ReferencesPerFrame);
        for (int i = 0; i < Count * ReferencesPerFrame; i++)
            larger.Set(in scope, i, _references.Get(in scope, i));
        _references.Dispose();
        _references = larger;
        Array.Resize(ref _kinds, Count * 2);
    }
}
