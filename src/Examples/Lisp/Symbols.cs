namespace SpanHeap.Examples.Lisp;

/// <summary>The symbols by name: one cell each, kept by a handle, so that two are the same if their cells are.</summary>
internal sealed class Symbols : IDisposable
{
    private readonly Dictionary<string, GcHandle<Cell>> _byName = [];
    private readonly List<string> _names = [];

    public GcRef<Cell> Intern(in GcScope scope, string name)
    {
        if (!_byName.TryGetValue(name, out GcHandle<Cell> handle))
        {
            GcRef<Cell> symbol = scope.New<Cell>();
            symbol.Kind = CellKind.Symbol;
            symbol.Number = _names.Count;
            handle = scope.Keep(symbol);
            _byName.Add(name, handle);
            _names.Add(name);
        }

        return handle.Get(in scope);
    }

    public string NameOf(GcRef<Cell> symbol) => _names[(int)symbol.Number];

    public void Dispose()
    {
        foreach (GcHandle<Cell> symbol in _byName.Values)
            symbol.Dispose();
    }
}
