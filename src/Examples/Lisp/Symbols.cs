using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>The symbols by name. Each is one cell, kept by a handle, so that two symbols are equal if their cells are the same.</summary>
internal sealed class Symbols : IDisposable
{
    private readonly Dictionary<string, TracedHandle<Cell>> _byName = [];
    private readonly List<string> _names = [];

    public TracedRef<Cell> Intern(in TracedScope scope, string name)
    {
        if (!_byName.TryGetValue(name, out TracedHandle<Cell> handle))
        {
            TracedRef<Cell> symbol = scope.New<Cell>();
            symbol.Kind = CellKind.Symbol;
            symbol.Number = _names.Count;
            handle = scope.Keep(symbol);
            _byName.Add(name, handle);
            _names.Add(name);
        }

        return handle.Get(in scope);
    }

    public string NameOf(TracedRef<Cell> symbol) => _names[(int)symbol.Number];

    public void Dispose()
    {
        foreach (TracedHandle<Cell> symbol in _byName.Values)
        {
            symbol.Dispose();
        }
    }
}
