using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace SpanHeap.Generators.Layouts;

/// <summary>Writes the layout of each <c>[Traced]</c> struct, and properties for its fields.</summary>
/// <remarks>
/// The rules (<see cref="Rules"/>) report what is wrong with a struct; this only generates nothing for it. Steps of the pipeline are compared by
/// the text itself, so that only what has changed is written again.
/// </remarks>
[Generator]
public sealed class TracedGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        context.RegisterSourceOutput(Files(context), static (output, file) => output.AddSource(file.Name, file.Text));
    }

    /// <summary>The files that are written for a project.</summary>
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
