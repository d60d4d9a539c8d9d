using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Flow;

/// <summary>Applies the effects of operations to a state.</summary>
internal interface IFlowVisitor
{
    /// <summary>Visits a statement, or a part of one that the compiler keeps in a temporary.</summary>
    void Visit(IOperation operation, FlowState state);

    /// <summary>Visits what a block ends with: a condition, or a value that is returned.</summary>
    void VisitBranch(IOperation value, bool isReturned, FlowState state);
}
