using System.Reflection;
using System.Runtime.InteropServices;

namespace SpanHeap.Tests.Face.Contract;

public sealed class SignatureTests
{
    [Fact]
    public void SpanMemory_has_exactly_the_public_methods_of_NativeMemory() => Assert.Equal(Signatures(typeof(NativeMemory)), Signatures(typeof(SpanMemory)));

    [Fact]
    public void These_are_twelve() => Assert.Equal(12, Signatures(typeof(SpanMemory)).Length);

    [Fact]
    public void SpanMemory_has_no_other_public_members_and_is_static_like_NativeMemory()
    {
        Assert.Equal(typeof(NativeMemory).Attributes & (TypeAttributes.Abstract | TypeAttributes.Sealed), typeof(SpanMemory).Attributes & (TypeAttributes.Abstract | TypeAttributes.Sealed));
        Assert.DoesNotContain(typeof(SpanMemory).GetMembers(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly), static member => member is not MethodInfo);
    }

    private static string[] Signatures(Type type) =>
        [.. type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly).Select(Signature).Order(StringComparer.Ordinal)];

    private static string Signature(MethodInfo method)
    {
        string parameters = string.Join(", ", method.GetParameters().Select(static p => $"{p.ParameterType} {p.Name}{(p.HasDefaultValue ? " = " + p.DefaultValue : "")}"));
        return $"{(method.IsStatic ? "static " : "")}{method.ReturnType} {method.Name}({parameters})";
    }
}
