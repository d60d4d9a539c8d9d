using System.Reflection;
using System.Text;

namespace SpanHeap.Tests.Face;

/// <summary>Renders an assembly's public API as text, one member a line, sorted.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    public static string Render(Assembly assembly)
    {
        StringBuilder text = new();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(static t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').Append(Name(type)).Append(Bases(type)).Append('\n');
            foreach (string member in type.GetMembers(Declared).Select(Member).OfType<string>().Order(StringComparer.Ordinal))
            {
                text.Append("    ").Append(member).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Kind(Type type) => type switch
    {
        { IsEnum: true } => "enum",
        { IsInterface: true } => "interface",
        { IsValueType: true } => type.IsByRefLike ? "ref struct" : "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsSealed: true } => "sealed class",
        _ => "class",
    };

    private static string Bases(Type type)
    {
        IEnumerable<Type> bases = type.IsEnum || type.IsInterface ? [] : type.GetInterfaces();
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType))
        {
            bases = type.IsEnum ? [Enum.GetUnderlyingType(type)] : bases.Except(parent.GetInterfaces()).Prepend(parent);
        }

        string list = string.Join(", ", bases.Select(Name).Order(StringComparer.Ordinal));
        return list.Length == 0 ? "" : " : " + list;
    }

    // Null for what no user sees, and for accessors, which show in their property.
    private static string? Member(MemberInfo member) => member switch
    {
        FieldInfo field when field.IsPublic && field.IsLiteral => $"{field.Name} = {Convert.ToInt64(field.GetRawConstantValue(), null)}",
        FieldInfo field when field.IsPublic && !field.IsSpecialName => $"field {Static(field.IsStatic)}{Name(field.FieldType)} {field.Name}",
        ConstructorInfo { IsPublic: true } made => $"new({Parameters(made)})",
        EventInfo raised when raised.AddMethod!.IsPublic => $"event {Name(raised.EventHandlerType!)} {raised.Name}",
        PropertyInfo property when Visible(property.GetMethod) || Visible(property.SetMethod) => Property(property),
        MethodInfo method when Visible(method) && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal)) => Method(method),
        _ => null,
    };

    private static string Property(PropertyInfo property)
    {
        string set = property.SetMethod is { } setter && Visible(setter)
            ? setter.ReturnParameter.GetRequiredCustomModifiers().Length > 0 ? " init;" : " set;"
            : "";
        MethodInfo any = property.GetMethod ?? property.SetMethod!;
        return $"{Static(any.IsStatic)}{Name(property.PropertyType)} {property.Name} {{{(Visible(property.GetMethod) ? " get;" : "")}{set} }}";
    }

    private static string Method(MethodInfo method)
    {
        string generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";
        return $"{Static(method.IsStatic)}{Name(method.ReturnType)} {method.Name}{generic}({Parameters(method)})";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(static p =>
        (p.IsOut ? "out " : p.IsIn ? "in " : p.ParameterType.IsByRef ? "ref " : "") + Name(p.ParameterType) + " " + p.Name));

    private static bool Visible(MethodInfo? method) => method != null && (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly);

    private static string Static(bool isStatic) => isStatic ? "static " : "";

    private static string Name(Type type)
    {
        if (type.IsByRef)
        {
            return Name(type.GetElementType()!);
        }

        if (type.IsPointer)
        {
            return Name(type.GetElementType()!) + "*";
        }

        if (type.IsFunctionPointer)
        {
            return $"delegate*<{string.Join(", ", type.GetFunctionPointerParameterTypes().Append(type.GetFunctionPointerReturnType()).Select(Name))}>";
        }

        string name = type.IsGenericParameter ? type.Name : type.FullName ?? $"{type.Namespace}.{type.Name}";
        return type.IsGenericType
            ? $"{type.Namespace}.{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
            : name;
    }
}
