using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Flow;

/// <summary>What is known at one place of a function: the origin of each reference, and which scopes may be open.</summary>
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

    /// <summary>Scopes of the function itself that have been entered, and may not have ended.</summary>
    public IReadOnlyCollection<ISymbol> Open => _open;

    public FlowState Copy() => new(this);

    public void Enter(ISymbol scope) => _open.Add(scope);

    public void Leave(ISymbol scope) => _open.Remove(scope);

    public void Set(object key, Origin origin) => _origins[key] = origin;

    public bool TryGet(object key, out Origin origin) => _origins.TryGetValue(key, out origin);

    /// <summary>No reference with such an origin may be used any more.</summary>
    public void End(ISymbol scope, Func<Origin, bool> isOf)
    {
        foreach (KeyValuePair<object, Origin> one in _origins.Where(one => one.Value.Ended == null && isOf(one.Value)).ToArray())
        {
            _origins[one.Key] = new Origin(one.Value.Sources, scope);
        }
    }

    /// <summary>Adds what may be the case if control comes from elsewhere, too.</summary>
    /// <returns>Whether that is anything new.</returns>
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
