using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.CleanUps;

/// <summary>What clean-ups have written, in order. Thread safe.</summary>
internal sealed class CleanUpLog
{
    private readonly List<string> _lines = [];

    public List<string> Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public void Add(string line)
    {
        lock (_lines)
        {
            _lines.Add(line);
        }
    }

    /// <summary>Makes a node that is kept, and a clean-up of it that writes a line.</summary>
    public TracedHandle<Node> Register(TracedHeap heap, string line)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<Node> node = scope.New<Node>();
        Register(scope, node, line);
        return scope.Keep(node);
    }

    /// <summary>Registers a clean-up that writes a line.</summary>
    public TracedCleanUp Register(in TracedScope scope, TracedRef<Node> node, string line) =>
        scope.OnDead(node, static state => state.Log.Add(state.Line), (Log: this, Line: line));
}
