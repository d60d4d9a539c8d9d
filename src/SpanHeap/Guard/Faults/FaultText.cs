using System.Globalization;
using System.Runtime.InteropServices;

namespace SpanHeap.Guard.Faults;

/// <summary>
/// The templates from which the fault handler composes its line: text in which some places stand for a word of the handler's frame, in decimal or
/// hexadecimal. A line consists of one access, one place and one state, in this order.
/// </summary>
/// <remarks>In memory a template is ASCII text that ends with 0. A byte of 1 or 2, followed by the number of a word, marks a place to fill in.</remarks>
internal static unsafe class FaultText
{
    public const int End = 0;
    public const int Hexadecimal = 1;
    public const int Decimal = 2;

    private static readonly string[] s_accesses = [$"SpanHeap: read at {Hex(FaultFrame.Address)}, ", $"SpanHeap: write at {Hex(FaultFrame.Address)}, "];

    private static readonly string[] s_places =
    [
        $"{Number(FaultFrame.Offset)} bytes before the start of a ",
        $"{Number(FaultFrame.Offset)} bytes into a ",
        $"{Number(FaultFrame.Offset)} bytes past the end of a ",
    ];

    private static readonly string[] s_states =
    [
        "",
        $"live {Block} (allocated by thread {Number(FaultFrame.AllocThread)}, {Event}){Access}\n",
        $"freed {Block} (allocated by thread {Number(FaultFrame.AllocThread)}, freed by thread {Number(FaultFrame.FreeThread)}, {Event}){Access}\n",
        $"swept {Block} (swept by thread {Number(FaultFrame.FreeThread)}, {Event}){Access}\n",
    ];

    // A number has 20 characters at most, of which two are in the template already.
    private static int Longest(string template) => template.Length + (18 * template.Count(static character => character is (char)Hexadecimal or (char)Decimal));

    private static string Block => $"block of {Number(FaultFrame.ByteCount)} bytes at {Hex(FaultFrame.Block)}";

    private static string Access => $", by the system's thread {Number(FaultFrame.Thread)} at the instruction {Hex(FaultFrame.Instruction)}";

    private static string Event => $"event {Number(FaultFrame.Sequence)}";

    /// <summary>Bytes of the longest line there can be.</summary>
    public static int LongestLine => s_accesses.Max(Longest) + s_places.Max(Longest) + s_states.Max(Longest);

    /// <summary>Writes the addresses of the templates to the handler's data. They are never freed.</summary>
    public static void Place(nint* data)
    {
        Place(s_accesses, data + FaultData.Accesses);
        Place(s_places, data + FaultData.Places);
        Place(s_states, data + FaultData.States);
    }

    private static void Place(string[] templates, nint* addresses)
    {
        for (int i = 0; i < templates.Length; i++)
        {
            byte* text = (byte*)NativeMemory.AllocZeroed((nuint)templates[i].Length + 1);
            for (int at = 0; at < templates[i].Length; at++)
            {
                text[at] = (byte)templates[i][at];
            }

            addresses[i] = (nint)text;
        }
    }

    private static string Hex(int word) => string.Create(CultureInfo.InvariantCulture, $"{(char)Hexadecimal}{(char)word}");

    private static string Number(int word) => string.Create(CultureInfo.InvariantCulture, $"{(char)Decimal}{(char)word}");
}
