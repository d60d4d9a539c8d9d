using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using SpanHeap.Generators.Layouts;

namespace SpanHeap.Generators.Rules;

/// <summary>Explains errors about the properties of references for which the compiler does not say what to do instead.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class HiddenAnalyzer() : Rule(Descriptors.Hidden, Descriptors.NoVariable)
{
    private protected override void Register(AnalysisContext context)
    {
        context.RegisterSyntaxNodeAction(CheckMember, SyntaxKind.SimpleMemberAccessExpression);
        context.RegisterSyntaxNodeAction(
            CheckTarget, SyntaxKind.SimpleAssignmentExpression, SyntaxKind.CoalesceAssignmentExpression);
    }

    // A member of the reference itself, where the program means the field of the same name.
    private static void CheckMember(SyntaxNodeAnalysisContext context)
    {
        var access = (MemberAccessExpressionSyntax)context.Node;
        if (!PropertyNames.IsHidden(access.Name.Identifier.ValueText)
            || context.SemanticModel.GetTypeInfo(access.Expression, context.CancellationToken).Type is not INamedTypeSymbol reference || !KnownTypes.IsReference(reference)
            || reference.TypeArguments[0] is not INamedTypeSymbol block
            || block.GetMembers(access.Name.Identifier.ValueText).OfType<IFieldSymbol>().FirstOrDefault(static one => !one.IsStatic) is not { } field)
        {
            return;
        }

        if (IsMeantAsField(context, access, field))
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.Hidden, access.Name.GetLocation(), field.Name, block.Name, $"{access.Expression}.{PropertyNames.Of(field)}"));
        }
    }

    // Whether the member does not fit, but the field would.
    private static bool IsMeantAsField(SyntaxNodeAnalysisContext context, MemberAccessExpressionSyntax access, IFieldSymbol field)
    {
        ITypeSymbol? member = context.SemanticModel.GetTypeInfo(access, context.CancellationToken).Type;
        if (member == null || SymbolEqualityComparer.Default.Equals(member, field.Type))
        {
            return false;
        }

        bool Fits(ExpressionSyntax other) => !context.SemanticModel.ClassifyConversion(other, member).IsImplicit;

        return access.Parent switch
        {
            AssignmentExpressionSyntax assignment when assignment.Left == access => Fits(assignment.Right),
            AssignmentExpressionSyntax assignment => context.SemanticModel.GetTypeInfo(assignment.Left).Type is { } target && !context.SemanticModel.ClassifyConversion(access, target).IsImplicit,
            BinaryExpressionSyntax both => context.SemanticModel.GetSymbolInfo(both, context.CancellationToken).Symbol == null,
            PrefixUnaryExpressionSyntax or PostfixUnaryExpressionSyntax => context.SemanticModel.GetSymbolInfo(access.Parent, context.CancellationToken).Symbol == null,
            EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax { Type: var type } } } =>
                !type.IsVar && context.SemanticModel.GetTypeInfo(type).Type is { } declared && !context.SemanticModel.ClassifyConversion(access, declared).IsImplicit,
            _ => false,
        };
    }

    // A property of a reference that comes from a property or a method: the members of a struct can be set only in a variable.
    private static void CheckTarget(SyntaxNodeAnalysisContext context)
    {
        var assignment = (AssignmentExpressionSyntax)context.Node;
        if (assignment.Left is not MemberAccessExpressionSyntax { Expression: (MemberAccessExpressionSyntax or InvocationExpressionSyntax) and var instance } target
            || context.SemanticModel.GetTypeInfo(instance, context.CancellationToken).Type is not INamedTypeSymbol reference || !KnownTypes.IsReference(reference)
            || !IsProperty(context.SemanticModel.GetSymbolInfo(instance, context.CancellationToken)) || !IsReferenceProperty(context, target))
        {
            return;
        }

        string local = $"TracedRef<{reference.TypeArguments[0].Name}> {char.ToLowerInvariant(NameOf(instance)[0])}{NameOf(instance).Substring(1)}";
        context.ReportDiagnostic(Diagnostic.Create(Descriptors.NoVariable, instance.GetLocation(), instance, local));
    }

    private static bool IsProperty(SymbolInfo info) => info.Symbol is IPropertySymbol { RefKind: RefKind.None } or IMethodSymbol { RefKind: RefKind.None };

    // All other properties return the field by ref, which can always be set.
    private static bool IsReferenceProperty(SyntaxNodeAnalysisContext context, MemberAccessExpressionSyntax target) =>
        context.SemanticModel.GetTypeInfo(target, context.CancellationToken).Type is INamedTypeSymbol type && KnownTypes.IsReference(type);

    private static string NameOf(ExpressionSyntax expression) => expression switch
    {
        MemberAccessExpressionSyntax access => access.Name.Identifier.ValueText,
        InvocationExpressionSyntax call => NameOf(call.Expression),
        SimpleNameSyntax name => name.Identifier.ValueText,
        _ => "reference",
    };
}
