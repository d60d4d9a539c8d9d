using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Layouts;

/// <summary>Writes the properties that references to a struct get for its fields.</summary>
/// <remarks>
/// The properties are in a class beside the struct, so only what that class can name gets one: no private field, no private struct, and no field
/// that refers to one. References to blocks are read and written as a whole, everything else through a <c>ref</c>.
/// </remarks>
internal static class PropertyWriter
{

    public static void Write(SourceText text, INamedTypeSymbol type)
    {
        List<IFieldSymbol> fields = [.. TypeShape.FieldsOf(type).Where(static field => HasProperty(field))];
        if (Reach.Of(type) is not { } visibility || fields.Count == 0 || TypeShape.InlineLength(type) != null)
        {
            return;
        }

        if (!type.ContainingNamespace.IsGlobalNamespace)
        {
            text.Open($"namespace {Names.OfNamespace(type.ContainingNamespace)}");
        }

        IReadOnlyList<ITypeParameterSymbol> parameters = Names.Parameters(type);
        string block = Names.Free("block", name => parameters.Any(one => one.Name == name) || fields.Any(one => one.Name == name));
        text.Line($"/// <summary>The fields of {type.Name}, as properties of references to it.</summary>");
        Marks.WriteObsolete(text, type);
        text.Open($"{visibility} static class {Names.OfProperties(type)}");
        text.Open($"extension{Names.List(parameters)}(global::SpanHeap.Traced.TracedRef<{Names.Full(type)}> {block}){Constraints.Of(parameters)}");
        foreach (IFieldSymbol field in fields)
        {
            WriteProperty(text, field, block);
        }

        text.Close();
        text.Close();
        if (!type.ContainingNamespace.IsGlobalNamespace)
        {
            text.Close();
        }
    }

    private static void WriteProperty(SourceText text, IFieldSymbol field, string block)
    {
        const string Access = "global::SpanHeap.Traced.TracedAccess";
        string name = Names.Escape(field.Name);
        string property = Names.Escape(PropertyNames.Of(field));
        string visibility = VisibilityOf(field)!;
        text.Line($"/// <summary>The field {field.Name}.</summary>");
        Marks.WriteObsolete(text, field);
        if (!KnownTypes.IsSlot(field.Type))
        {
            string kind = field.Type is IPointerTypeSymbol or IFunctionPointerTypeSymbol ? "unsafe ref" : "ref";
            text.Line($"{visibility} {kind}{(field.IsReadOnly ? " readonly" : "")} {Names.Full(field.Type)} {property} => ref {Access}.Open({block}).{name};");
            return;
        }

        string target = Names.Full(KnownTypes.TargetOf(field));
        (string read, string write) = KnownTypes.SaidTargetOf(field) == null
            ? ("", "")
            : ($".As<{target}>()", $".As<{Names.Full(((INamedTypeSymbol)field.Type).TypeArguments[0])}>()");
        text.Open($"{visibility} global::SpanHeap.Traced.TracedRef<{target}> {property}");
        text.Line($"get => {Access}.Read(in {Access}.Open({block}).{name}){read};");
        if (!field.IsReadOnly)
        {
            text.Line($"set => {Access}.Write({block}, ref {block}.Value.{name}, value{write});");
        }

        text.Close();
    }

    private static bool HasProperty(IFieldSymbol field) =>
        !field.IsImplicitlyDeclared && !field.IsFixedSizeBuffer && !PropertyNames.IsAccessor(field) && VisibilityOf(field) != null;

    // The compiler checks the accessibility of field types, but not that of types named by an attribute.
    private static string? VisibilityOf(IFieldSymbol field)
    {
        string? visibility = field.DeclaredAccessibility switch
        {
            Accessibility.Public => "public",
            Accessibility.Internal => "internal",
            _ => null,
        };
        return KnownTypes.IsSlot(field.Type) ? Reach.Narrower(visibility, Reach.Of(KnownTypes.TargetOf(field))) : visibility;
    }
}
