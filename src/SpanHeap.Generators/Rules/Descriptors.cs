using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Rules;

/// <summary>The rules; Diagnostics.md has the reason and the remedy for each.</summary>
internal static class Descriptors
{
    public static readonly DiagnosticDescriptor Untraced = Make(
        "SPAN001", "Reference in a type that is not traced", "'{0}' is or contains a Traced<T>, which no collection finds in '{1}': make '{1}' a [Traced] struct, or keep a TracedHandle<T>");

    public static readonly DiagnosticDescriptor Managed = Make(
        "SPAN002", "Managed reference in a traced struct", "'{0}' is or may be a managed reference, which the garbage collector does not find in the traced struct '{1}'");

    public static readonly DiagnosticDescriptor Closed = Make(
        "SPAN003", "Traced struct that cannot be extended", "'{0}' must be partial and not file-local: the layout of '{1}' is generated into it");

    public static readonly DiagnosticDescriptor Overlapping = Make(
        "SPAN004", "Reference that is overlapped or misaligned", "'{0}' is or contains a Traced<T>: it must lie at a multiple of 8, and no other field may overlap it");

    public static readonly DiagnosticDescriptor Unloadable = Make(
        "SPAN005", "Structs that the runtime cannot load", "The runtime cannot load '{1}': the type of '{0}' refers back to it, or to itself. Make that reference a Traced<byte> with [RefersTo<T>].");

    public static readonly DiagnosticDescriptor SlotCopied = Make(
        "SPAN006", "Reference copied, or its address taken", "A Traced<T> must not be copied: read it with Get, write it with Set, and pass it by ref");

    public static readonly DiagnosticDescriptor StructCopied = Make(
        "SPAN007", "Traced struct copied", "'{0}' must not be copied, because it contains references (Traced<T>) or its contents follow it in memory: use it through a TracedRef<T> or by ref, and write its fields one by one");

    public static readonly DiagnosticDescriptor AddressStored = Make(
        "SPAN008", "Address of a block stored where no collection looks", "The address does not keep the block alive: store a TracedHandle<T> in '{0}'");

    public static readonly DiagnosticDescriptor Escaping = Make(
        "SPAN009", "Reference used beyond its scope", "'{0}' is valid until the scope '{1}' ends or yields: keep the block in a TracedHandle<T>, and get the reference again");

    public static readonly DiagnosticDescriptor ScopeCopied = Make(
        "SPAN010", "Scope copied", "'{0}' is the same scope as '{1}', and ends with it: use that one, or enter another");

    public static readonly DiagnosticDescriptor ScopeOpen = Make(
        "SPAN011", "Scope that is never ended", "No collection happens while the scope of '{0}' is open, and some path does not end it: write 'using TracedScope scope = {0};'");

    public static readonly DiagnosticDescriptor Waiting = Make(
        "SPAN012", "Wait within a scope", "'{0}' may wait, and the scope '{1}' keeps all collections waiting meanwhile: end the scope first");

    public static readonly DiagnosticDescriptor HandleLost = Make(
        "SPAN013", "Handle that is never disposed", "The handle of '{0}' lasts until it is disposed, which nothing can do after this: dispose it, or keep it in a field");

    public static readonly DiagnosticDescriptor LocalTooWide = Make(
        "SPAN014", "Local that is assumed to outlive its references", "'{0}' is declared without a reference of the scope '{1}', so the compiler refuses to assign one: write 'scoped' before its type{2}");

    public static readonly DiagnosticDescriptor ScopeLimited = Make(
        "SPAN015", "References of a scope parameter that cannot leave the method", "References of '{0}' cannot leave the method as '{0}' is declared: declare it as '{1}'");

    public static readonly DiagnosticDescriptor RefStruct = Make(
        "SPAN016", "Traced ref struct", "'{0}' is a ref struct, which cannot lie in a block: make it a plain struct, or remove [Traced]");

    public static readonly DiagnosticDescriptor Hidden = Make(
        "SPAN017", "Field that a member of TracedRef hides", "'{0}' is a member of TracedRef itself: the property for the field of that name in '{1}' is '{2}'");

    public static readonly DiagnosticDescriptor NoVariable = Make(
        "SPAN018", "Property set on a reference that is not a variable", "'{0}' is not a variable, so its properties cannot be set: put it into a local first, '{1} = {0};'");

    private static DiagnosticDescriptor Make(string id, string title, string message) =>
        new(id, title, message, "SpanHeap", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
