using System.Reflection;
using System.Runtime.InteropServices;

namespace SpanHeap.Tests.Face.Contract;

public sealed class SignatureTests
{
    // What NativeMemory lacks; NativeHeap has it, too.
    private static readonly string[] s_further = ["GoodSize", "TryAlignedAlloc", "TryAlloc", "TryRealloc"];

    [Fact]
    public void SpanMemory_has_exactly_the_public_methods_of_NativeMemory_and_those_that_it_lacks() =>
        Assert.Equal(Signatures(typeof(NativeMemory)), Signatures(typeof(SpanMemory)).Where(static each => !s_further.Any(name => each.Contains($" {name}(", StringComparison.Ordinal))));

    [Fact]
    public void These_are_twelve() => Assert.Equal(12, Signatures(typeof(SpanMemory)).Length - s_further.Length);

    [Fact]
    public void Its_typed_methods_are_those_of_NativeHeap() => Assert.Equal(TypedSignatures(typeof(NativeHeap)), TypedSignatures(typeof(SpanMemory)));

    [Fact]
    public void SpanMemory_has_no_public_members_but_methods_and_is_static_like_NativeMemory()
    {
        Assert.Equal(typeof(NativeMemory).Attributes & (TypeAttributes.Abstract | TypeAttributes.Sealed), typeof(SpanMemory).Attributes & (TypeAttributes.Abstract | TypeAttributes.Sealed));
        Assert.DoesNotContain(typeof(SpanMemory).GetMembers(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly), static member => member is not MethodInfo);
    }

    private static string[] Signatures(Type type) =>
        [.. Methods(type).Where(static method => !method.IsGenericMethod).Select(Signature).Order(StringComparer.Ordinal)];

    private static string[] TypedSignatures(Type type) =>
        [.. Methods(type).Where(static method => method.IsGenericMethod).Select(Signature).Select(static each => each.Replace("static ", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static MethodInfo[] Methods(Type type) => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly);

    private static string Signature(MethodInfo method)
    {
        string parameters = string.Join(", ", method.GetParameters().Select(static p => $"{p.ParameterType} {p.Name}{(p.HasDefaultValue ? " = " + p.DefaultValue : "")}"));
        return $"{(method.IsStatic ? "static " : "")}{method.ReturnType} {method.Name}({parameters})";
    }
}
