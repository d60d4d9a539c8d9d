using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SpanHeap.Tests.Architecture;

/// <summary>Counts the lines of methods and types in sources. Comments and attributes above a declaration do not count.</summary>
internal static class SourceSizes
{
    /// <summary>All methods, constructors, operators, accessors and local functions that have a body, in the order of the sources.</summary>
    public static IEnumerable<SourceSize> OfMethods(IReadOnlyDictionary<string, string> files) =>
        from file in files
        from node in Parse(file).DescendantNodes()
        where HasBody(node)
        select new SourceSize($"{NameOf(node.Ancestors().OfType<BaseTypeDeclarationSyntax>().First())}.{Identifier(node)}", Lines(node));

    /// <summary>All types. The parts of a partial type count together, in whichever files of <paramref name="files"/> they are.</summary>
    public static IEnumerable<SourceSize> OfTypes(IReadOnlyDictionary<string, string> files) =>
        from file in files
        from type in Parse(file).DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
        group Lines(type) by NameOf(type) into parts
        select new SourceSize(parts.Key, parts.Sum());

    private static SyntaxNode Parse(KeyValuePair<string, string> file) => CSharpSyntaxTree.ParseText(file.Value, path: file.Key).GetRoot();

    private static bool HasBody(SyntaxNode node) => node switch
    {
        BaseMethodDeclarationSyntax method => method.Body != null || method.ExpressionBody != null,
        LocalFunctionStatementSyntax => true,
        AccessorDeclarationSyntax accessor => accessor.Body != null || accessor.ExpressionBody != null,
        // A table is data, and no method.
        PropertyDeclarationSyntax property => property.ExpressionBody is { Expression: not CollectionExpressionSyntax },
        IndexerDeclarationSyntax indexer => indexer.ExpressionBody != null,
        _ => false,
    };

    private static string Identifier(SyntaxNode node) => node switch
    {
        MethodDeclarationSyntax method => method.Identifier.Text,
        ConstructorDeclarationSyntax made => made.Identifier.Text,
        LocalFunctionStatementSyntax local => local.Identifier.Text,
        AccessorDeclarationSyntax accessor => accessor.Keyword.Text,
        PropertyDeclarationSyntax property => property.Identifier.Text,
        IndexerDeclarationSyntax => "this",
        OperatorDeclarationSyntax one => $"operator {one.OperatorToken.Text}",
        _ => node.Kind().ToString(),
    };

    private static string NameOf(BaseTypeDeclarationSyntax type)
    {
        string name = type.Identifier.Text + (type is TypeDeclarationSyntax { TypeParameterList.Parameters: { Count: > 0 } parameters } ? $"`{parameters.Count}" : "");
        return type.Parent switch
        {
            BaseTypeDeclarationSyntax outer => $"{NameOf(outer)}.{name}",
            BaseNamespaceDeclarationSyntax space => $"{space.Name}.{name}",
            _ => name,
        };
    }

    private static int Lines(SyntaxNode declaration)
    {
        SyntaxToken signature = declaration.ChildNodesAndTokens().First(static child => !child.IsKind(SyntaxKind.AttributeList)) is var first && first.IsToken
            ? first.AsToken()
            : first.AsNode()!.GetFirstToken();
        FileLinePositionSpan span = declaration.SyntaxTree.GetLineSpan(new(signature.SpanStart, declaration.Span.End - signature.SpanStart));
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }
}
