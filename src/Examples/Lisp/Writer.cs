using System.Globalization;
using System.Text;
using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>Writes values in the form in which they are read.</summary>
internal static class Writer
{
    // A value that refers to itself would have no end.
    private const int DeepestNesting = 200;
    private const int LongestText = 1 << 16;

    public static string Write(TracedRef<Cell> value, Symbols symbols)
    {
        StringBuilder text = new();
        Write(text, value, symbols, 0);
        return text.ToString();
    }

    private static void Write(StringBuilder text, TracedRef<Cell> value, Symbols symbols, int depth)
    {
        if (value.IsNull)
        {
            text.Append("nil");
            return;
        }

        switch (value.Kind)
        {
            case CellKind.Number:
                text.Append(CultureInfo.InvariantCulture, $"{value.Number}");
                break;
            case CellKind.Symbol:
                text.Append(symbols.NameOf(value));
                break;
            case CellKind.Pair when depth < DeepestNesting:
                WriteList(text, value, symbols, depth + 1);
                break;
            case CellKind.Pair:
                text.Append("...");
                break;
            default:
                text.Append("#function");
                break;
        }
    }

    private static void WriteList(StringBuilder text, TracedRef<Cell> list, Symbols symbols, int depth)
    {
        char before = '(';
        for (; list.Is(CellKind.Pair) && text.Length < LongestText; list = list.Second)
        {
            text.Append(before);
            Write(text, list.First, symbols, depth);
            before = ' ';
        }

        if (!list.IsNull)
        {
            text.Append(" . ");
            Write(text, list.Is(CellKind.Pair) ? default : list, symbols, depth);
        }

        text.Append(')');
    }
}
