using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SpanHeap.Generators.Layouts;

/// <summary>Writes for each <c>[Traced]</c> struct its layout, and properties for its fields.</summary>
/// <remarks>
/// What is wrong with a struct the rules say (<see cref="Rules"/>); here it only goes without. The text itself is what steps of the
/// pipeline are compared by, so that nothing is written anew that has not changed.
/// </remarks>
[Generator]
public sealed class TracedGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        context.RegisterSourceOutput(Files(context), static (output, file) => output.AddSource(file.Name, file.Text));
    }

    /// <summary>What is written for a project.</summary>
    internal static IncrementalValuesProvider<(string Name, string Text)> Files(IncrementalGeneratorInitializationContext context) => context.SyntaxProvider
        .ForAttributeWithMetadataName(KnownTypes.TracedAttribute, static (node, _) => node is TypeDeclarationSyntax, static (found, _) => Write(found))
        .Where(static file => file.Text.Length != 0);

    private static (string Name, string Text) Write(GeneratorAttributeSyntaxContext found)
    {
        if (found.TargetSymbol is not INamedTypeSymbol { TypeKind: TypeKind.Struct } type || type.IsRefLikeType
            || TypeShape.FirstThatIsClosed(type) != null || TypeShape.FirstManaged(type) != null || Overlap.Find(type) != null || Packing.Find(type) != null || Cycle.Find(type) != null
            || TypeShape.FieldsOf(type).Any(static field => field.IsImplicitlyDeclared && TypeShape.HasReferences(field.Type)))
        {
            return ("", "");
        }

        SourceText text = new();
        LayoutWriter.Write(text, type);
        if (((CSharpParseOptions)found.SemanticModel.SyntaxTree.Options).LanguageVersion >= LanguageVersion.CSharp14)
        {
            PropertyWriter.Write(text, type);
        }

        return (Names.OfFile(type), text.ToString());
    }
}
