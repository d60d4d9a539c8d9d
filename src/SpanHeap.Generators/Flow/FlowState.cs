using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Flow;

/// <summary>What is known at one point of a function: the origin of each reference, and which scopes may be open.</summary>
internal sealed class FlowState
{
    private readonly Dictionary<object, Origin> _origins;
    private readonly HashSet<ISymbol> _open;

    public FlowState()
    {
        _origins = new Dictionary<object, Origin>(FlowKey.Comparer);
        _open = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
    }

    private FlowState(FlowState other)
    {
        _origins = new Dictionary<object, Origin>(other._origins, FlowKey.Comparer);
        _open = new HashSet<ISymbol>(other._open, SymbolEqualityComparer.Default);
    }

    /// <summary>Scopes that the function itself has entered, and that may not have ended.</summary>
    public IReadOnlyCollection<ISymbol> Open => _open;

    public FlowState Copy() => new(this);

    public void Enter(ISymbol scope) => _open.Add(scope);

    public void Leave(ISymbol scope) => _open.Remove(scope);

    public void Set(object key, Origin origin) => _origins[key] = origin;

    public bool TryGet(object key, out Origin origin) => _origins.TryGetValue(key, out origin);

    /// <summary>Notes that references with given origins may no longer be used.</summary>
    public void End(ISymbol scope, Func<Origin, bool> isOf)
    {
        foreach (KeyValuePair<object, Origin> one in _origins.Where(one => one.Value.Ended == null && isOf(one.Value)).ToArray())
        {
            _origins[one.Key] = new Origin(one.Value.Sources, scope);
        }
    }

    /// <summary>Adds what may hold if control comes from elsewhere as well.</summary>
    /// <returns>Whether that added anything.</returns>
    public bool Join(FlowState other)
    {
        bool isNew = false;
        foreach (KeyValuePair<object, Origin> one in other._origins)
        {
            Origin joined = _origins.TryGetValue(one.Key, out Origin known) ? known.Join(one.Value) : one.Value;
            if (!_origins.ContainsKey(one.Key) || !joined.Equals(known))
            {
                _origins[one.Key] = joined;
                isNew = true;
            }
        }

        foreach (ISymbol scope in other._open)
        {
            isNew |= _open.Add(scope);
        }

        return isNew;
    }
}
