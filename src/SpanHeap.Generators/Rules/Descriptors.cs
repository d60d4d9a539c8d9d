using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Rules;

/// <summary>The rules; Diagnostics.md has the reason and the cure of each.</summary>
internal static class Descriptors
{
    public static readonly DiagnosticDescriptor Untraced = Make(
        "SPAN001", "Reference in a type that is not traced", "'{0}' is or has a Gc<T>, which no collection finds in '{1}': make that a [Traced] struct, or keep a GcHandle<T>");

    public static readonly DiagnosticDescriptor Managed = Make(
        "SPAN002", "Managed reference in a traced struct", "'{0}' is or may be a managed reference, which the garbage collector does not find in the traced struct '{1}'");

    public static readonly DiagnosticDescriptor Closed = Make(
        "SPAN003", "Traced struct that nothing can be added to", "'{0}' must be partial, and no file-local type: the layout of '{1}' is generated into it");

    public static readonly DiagnosticDescriptor Overlapping = Make(
        "SPAN004", "Reference that is overlapped, or lies at no multiple of 8", "'{0}' is or has a Gc<T>: it must lie at a multiple of 8, and no other field over it");

    public static readonly DiagnosticDescriptor Unloadable = Make(
        "SPAN005", "Structs that the runtime cannot load", "The runtime cannot load '{1}': the type of '{0}' refers back to it, or to itself. Make that reference a Gc<byte> with [RefersTo<T>].");

    public static readonly DiagnosticDescriptor SlotCopied = Make(
        "SPAN006", "Reference copied, or its address taken", "A Gc<T> stays where it is: read it by Get, write it by Set, hand it on by ref");

    public static readonly DiagnosticDescriptor StructCopied = Make(
        "SPAN007", "Traced struct copied", "'{0}' has references (Gc<T>) and is not copied: use it through a GcRef<T> or by ref, and write its fields one by one");

    public static readonly DiagnosticDescriptor AddressStored = Make(
        "SPAN008", "Address of a block stored where no collection looks", "The address does not keep the block alive: store a GcHandle<T> in '{0}'");

    public static readonly DiagnosticDescriptor Escaping = Make(
        "SPAN009", "Reference used beyond its scope", "The reference is good until the scope '{0}' ends or yields: keep the block in a GcHandle<T>, and get the reference again");

    public static readonly DiagnosticDescriptor ScopeCopied = Make(
        "SPAN010", "Scope copied", "'{0}' is the same scope as '{1}', and ends with it: use that one, or enter another");

    public static readonly DiagnosticDescriptor ScopeOpen = Make(
        "SPAN011", "Scope that nobody ends", "No collection happens while a scope is open: get it in a using");

    public static readonly DiagnosticDescriptor Waiting = Make(
        "SPAN012", "Wait within a scope", "'{0}' may wait, and the scope '{1}' keeps all collections waiting meanwhile: end the scope before");

    public static readonly DiagnosticDescriptor HandleLost = Make(
        "SPAN013", "Handle that nobody disposes", "'{0}' keeps what it names alive until it is disposed, which nobody can do after this method: dispose it, or hand it on");

    private static DiagnosticDescriptor Make(string id, string title, string message) =>
        new(id, title, message, "SpanHeap", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
