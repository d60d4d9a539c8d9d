using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace SpanHeap.Generators.Layouts;

/// <summary>Writes the attributes that generated members need because of what they name.</summary>
internal static class Marks
{
    /// <summary>Marks a member as obsolete if its original is: only obsolete members may name what the compiler refuses to others.</summary>
    public static void WriteObsolete(SourceText text, ISymbol original)
    {
        if (ObsoleteOf(original) is not { } obsolete)
        {
            return;
        }

        IEnumerable<string> arguments = obsolete.ConstructorArguments.Select(static one => one.ToCSharpString())
            .Concat(obsolete.NamedArguments.Select(static one => $"{one.Key} = {one.Value.ToCSharpString()}"));
        text.Line($"[global::System.Obsolete({string.Join(", ", arguments)})]");
    }

    /// <summary>Whether the compiler refuses a symbol to everything that is not obsolete as well.</summary>
    public static bool IsObsolete(ISymbol symbol) => ObsoleteOf(symbol) != null;

    private static AttributeData? ObsoleteOf(ISymbol symbol) =>
        symbol.GetAttributes().FirstOrDefault(static one => one.AttributeClass?.ToDisplayString() == "System.ObsoleteAttribute");
}
