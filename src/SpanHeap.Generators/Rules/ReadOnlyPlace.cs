using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Determines whether the compiler takes a place for one that must not be written.</summary>
internal static class ReadOnlyPlace
{
    /// <param name="place">The place.</param>
    /// <param name="within">The method that names it.</param>
    public static bool Is(IOperation place, ISymbol within) => place switch
    {
        IParameterReferenceOperation { Parameter.RefKind: RefKind.In or RefKind.RefReadOnlyParameter } => true,
        ILocalReferenceOperation { Local.RefKind: RefKind.RefReadOnly } => true,
        IInvocationOperation { TargetMethod.ReturnsByRefReadonly: true } => true,
        IPropertyReferenceOperation { Property.ReturnsByRefReadonly: true } => true,
        IInstanceReferenceOperation => within is IMethodSymbol { IsReadOnly: true, ContainingType.IsValueType: true },
        IFieldReferenceOperation field => IsField(field, within),
        _ => false,
    };

    // A constructor may write the fields of its own type, whatever they say. What a field refers to is another place than the field.
    private static bool IsField(IFieldReferenceOperation field, ISymbol within) => field.Field.RefKind switch
    {
        RefKind.None => (field.Field.IsReadOnly && within is not IMethodSymbol { MethodKind: MethodKind.Constructor or MethodKind.StaticConstructor })
            || (field.Instance is { Type.IsValueType: true } outer && Is(outer, within)),
        RefKind.RefReadOnly => true,
        _ => false,
    };
}
