using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Flow;

/// <summary>What operations do to what is known.</summary>
internal interface IFlowVisitor
{
    /// <summary>A statement, or a part of one that the compiler keeps in a temporary.</summary>
    void Visit(IOperation operation, FlowState state);

    /// <summary>What a block ends with: a condition, or what is returned.</summary>
    void VisitBranch(IOperation value, bool isReturned, FlowState state);
}
