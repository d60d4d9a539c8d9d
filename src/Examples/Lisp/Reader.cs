using System.Globalization;
using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>Makes cells from a text. They live as long as the scope, unless the caller keeps them.</summary>
internal ref struct Reader(string text, Symbols symbols)
{
    // The reader is recursive; this limits its depth.
    private const int DeepestNesting = 500;

    private int _at;
    private int _depth;

    /// <summary>Reads the next expression; false at the end of the text.</summary>
    public bool TryRead(in TracedScope scope, out TracedRef<Cell> expression)
    {
        SkipBlanks();
        expression = default;
        if (_at == text.Length)
        {
            return false;
        }

        expression = Read(in scope);
        return true;
    }

    private TracedRef<Cell> Read(in TracedScope scope)
    {
        SkipBlanks();
        if (_at == text.Length)
        {
            throw new LispException("The text ends within an expression.");
        }

        switch (text[_at])
        {
            case '(':
                _at++;
                return ReadList(in scope);
            case ')':
                throw new LispException($"At {_at} a list ends that did not begin.");
            case '\'':
                _at++;
                GoDeeper();
                TracedRef<Cell> quoted = Read(in scope);
                _depth--;
                return scope.Cons(symbols.Intern(in scope, "quote"), scope.Cons(quoted, default));
            default:
                return ReadAtom(in scope);
        }
    }

    private TracedRef<Cell> ReadList(in TracedScope scope)
    {
        GoDeeper();
        TracedRef<Cell> first = scope.Null<Cell>();
        TracedRef<Cell> last = scope.Null<Cell>();
        for (SkipBlanks(); _at == text.Length || text[_at] != ')'; SkipBlanks())
        {
            TracedRef<Cell> pair = scope.Cons(Read(in scope), default);
            if (last.IsNull)
            {
                first = pair;
            }
            else
            {
                last.Second = pair;
            }

            last = pair;
        }

        _at++;
        _depth--;
        return first;
    }

    private TracedRef<Cell> ReadAtom(in TracedScope scope)
    {
        int start = _at;
        while (_at < text.Length && !char.IsWhiteSpace(text[_at]) && text[_at] is not ('(' or ')' or '\'' or ';'))
        {
            _at++;
        }

        ReadOnlySpan<char> atom = text.AsSpan(start, _at - start);
        if (long.TryParse(atom, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
        {
            return scope.Number(number);
        }

        return atom is "nil" ? default : symbols.Intern(in scope, atom.ToString());
    }

    private void GoDeeper()
    {
        if (++_depth > DeepestNesting)
        {
            throw new LispException($"Expressions are nested more than {DeepestNesting} deep.");
        }
    }

    private void SkipBlanks()
    {
        for (; _at < text.Length && (char.IsWhiteSpace(text[_at]) || text[_at] == ';'); _at++)
        {
            if (text[_at] == ';')
            {
                _at = text.IndexOf('\n', _at) is >= 0 and int end ? end : text.Length - 1;
            }
        }
    }
}
