using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Layouts;

/// <summary>Writes the part of a struct that says where its references lie.</summary>
internal static class LayoutWriter
{
    private const string Layout = "Layout";

    public static void Write(SourceText text, INamedTypeSymbol type)
    {
        // A layout that the program has written stays its own.
        if (KnownTypes.HasLayout(type))
        {
            return;
        }

        if (!type.ContainingNamespace.IsGlobalNamespace)
        {
            text.Open($"namespace {Names.OfNamespace(type.ContainingNamespace)}");
        }

        IReadOnlyList<INamedTypeSymbol> chain = Names.Chain(type);
        foreach (INamedTypeSymbol around in chain.Take(chain.Count - 1))
        {
            text.Open(Declaration(around));
        }

        string self = Names.Full(type);
        text.Open($"{Declaration(type)} : global::SpanHeap.Traced.ITraced<{self}>");
        string make = Names.Free("MakeTracedLayout", name => type.GetMembers(name).Any());
        WriteProperty(text, type, self, make);
        text.Line("");
        WriteMaker(text, type, self, make);
        foreach (INamedTypeSymbol _ in chain)
        {
            text.Close();
        }

        if (!type.ContainingNamespace.IsGlobalNamespace)
        {
            text.Close();
        }
    }

    private static void WriteProperty(SourceText text, INamedTypeSymbol type, string self, string make)
    {
        text.Line("/// <summary>Gets the layout, which says where the references of a value lie.</summary>");
        text.Line(type.GetMembers(Layout).Any()
            ? $"static global::SpanHeap.Traced.TracedLayout global::SpanHeap.Traced.ITraced<{self}>.{Layout} {{ get; }} = {make}();"
            : $"public static global::SpanHeap.Traced.TracedLayout {Layout} {{ get; }} = {make}();");
    }

    // The offsets are measured in a value in memory, whatever its size and however the runtime laid it out.
    private static void WriteMaker(SourceText text, INamedTypeSymbol type, string self, string make)
    {
        if (TypeShape.FieldsOf(type).Any(Marks.IsObsolete))
        {
            text.Line("[global::System.Obsolete]");
        }

        text.Open($"private static global::SpanHeap.Traced.TracedLayout {make}()");
        text.Line($"ref {self} value = ref global::SpanHeap.Traced.TracedLayoutBuilder<{self}>.Place;");
        text.Line($"global::SpanHeap.Traced.TracedLayoutBuilder<{self}> layout = new(ref value);");
        int? length = TypeShape.InlineLength(type);
        foreach (IFieldSymbol field in TypeShape.FieldsOf(type))
        {
            if (length == null)
            {
                Add(text, field.Type, $"value.{Names.Escape(field.Name)}");
            }
            else if (Add(field.Type, "value[index]") is { } line)
            {
                text.Open($"for (int index = 0; index < {length}; index++)");
                text.Line(line);
                text.Close();
                text.Line("");
            }
        }

        text.Line("return layout.ToLayout();");
        text.Close();
    }

    private static void Add(SourceText text, ITypeSymbol type, string place)
    {
        if (Add(type, place) is { } line)
        {
            text.Line(line);
        }
    }

    private static string? Add(ITypeSymbol type, string place)
    {
        if (KnownTypes.IsSlot(type))
        {
            return $"layout.AddReference(in {place});";
        }

        if (KnownTypes.IsTraced(type))
        {
            return $"layout.AddNested(in {place});";
        }

        // The library does not take a nullable value, but it takes the value in it.
        if (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
        {
            return MayHaveReferences(nullable.TypeArguments[0]) ? $"layout.AddPlain<{Names.Full(nullable.TypeArguments[0])}>();" : null;
        }

        return MayHaveReferences(type) ? $"layout.AddPlain<{Names.Full(type)}>();" : null;
    }

    // If it contains a type parameter, only the code that uses the struct knows.
    private static bool MayHaveReferences(ITypeSymbol type) => type switch
    {
        ITypeParameterSymbol => true,
        INamedTypeSymbol { TypeKind: TypeKind.Struct } named =>
            TypeShape.HasReferences(named) || named.TypeArguments.Any(MayHaveReferences) || (named.ContainingType != null && MayHaveReferences(named.ContainingType)),
        _ => false,
    };

    private static string Declaration(INamedTypeSymbol type)
    {
        string kind = type.TypeKind switch
        {
            TypeKind.Struct => type.IsRecord ? "record struct" : "struct",
            TypeKind.Interface => "interface",
            _ => type.IsRecord ? "record" : "class",
        };
        return $"partial {kind} {Names.Escape(type.Name)}{Names.List(type.TypeParameters)}";
    }
}
