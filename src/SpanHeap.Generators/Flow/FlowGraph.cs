using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace SpanHeap.Generators.Flow;

/// <summary>Follows all paths through a function until nothing new is found.</summary>
/// <param name="graph">The function.</param>
/// <param name="visitor">What a block's operations do to a state.</param>
/// <remarks>
/// A <c>finally</c> is followed once for each path into it, so that the state of one path does not leave by another. A <c>catch</c> may begin after
/// each statement of its <c>try</c>.
/// </remarks>
internal sealed class FlowGraph(ControlFlowGraph graph, IFlowVisitor visitor)
{
    // More than any hand-written method needs; a method that needs more is not checked.
    private const int MostVisits = 20_000;

    private int _visits;

    /// <summary>Follows the whole function.</summary>
    /// <returns>The state at its end; null if it never ends.</returns>
    public FlowState? Run(FlowState entry)
    {
        Pass pass = new(this, 0, graph.Blocks.Length - 1);
        pass.Follow(entry);
        return pass.StateOf(graph.Blocks.Length - 1);
    }

    // The state after all that is done on the way out of a try; null if control does not get out.
    private FlowState? Past(ControlFlowBranch branch, FlowState state)
    {
        FlowState? after = state;
        foreach (ControlFlowRegion region in branch.FinallyRegions)
        {
            after = after == null ? null : new Pass(this, region.FirstBlockOrdinal, region.LastBlockOrdinal).Follow(after);
        }

        return after;
    }

    /// <summary>A part of the function, followed from its first block.</summary>
    private sealed class Pass(FlowGraph flow, int first, int last)
    {
        private readonly FlowState?[] _states = new FlowState?[last - first + 1];
        private readonly Queue<int> _waiting = new();

        public FlowState? StateOf(int block) => _states[block - first];

        /// <returns>The state at the end of a <c>finally</c>.</returns>
        public FlowState? Follow(FlowState entry)
        {
            FlowState? end = null;
            Reach(first, entry);
            while (_waiting.Count != 0 && flow._visits++ < MostVisits)
            {
                BasicBlock block = flow.Block(_waiting.Dequeue());
                FlowState state = StateOf(block.Ordinal)!.Copy();
                Visit(block, state);
                foreach (ControlFlowBranch? branch in new[] { block.ConditionalSuccessor, block.FallThroughSuccessor })
                {
                    if (branch is { Semantics: ControlFlowBranchSemantics.StructuredExceptionHandling })
                    {
                        end ??= state.Copy();
                        end.Join(state);
                    }
                    else if (branch?.Destination is { } next && flow.Past(branch, state) is { } after)
                    {
                        Reach(next.Ordinal, after);
                    }
                }
            }

            return end;
        }

        private void Visit(BasicBlock block, FlowState state)
        {
            Catch(block, state);
            foreach (IOperation operation in block.Operations)
            {
                flow.Visitor.Visit(operation, state);
                Catch(block, state);
            }

            if (block.BranchValue is { } value)
            {
                flow.Visitor.VisitBranch(value, block.FallThroughSuccessor?.Semantics == ControlFlowBranchSemantics.Return, state);
            }
        }

        private void Catch(BasicBlock block, FlowState state)
        {
            for (ControlFlowRegion? region = block.EnclosingRegion; region != null; region = region.EnclosingRegion)
            {
                if (region.Kind == ControlFlowRegionKind.Try && region.EnclosingRegion is { Kind: ControlFlowRegionKind.TryAndCatch } both)
                {
                    foreach (ControlFlowRegion handler in both.NestedRegions.Where(one => one != region))
                    {
                        Reach(handler.FirstBlockOrdinal, state);
                    }
                }
            }
        }

        // A catch around a finally is not part of it.
        private void Reach(int block, FlowState state)
        {
            if (block < first || block > last)
            {
                return;
            }

            ref FlowState? known = ref _states[block - first];
            bool isNew = known == null;
            known ??= state.Copy();
            if (known.Join(state) || isNew)
            {
                _waiting.Enqueue(block);
            }
        }
    }

    private IFlowVisitor Visitor => visitor;

    private BasicBlock Block(int ordinal) => graph.Blocks[ordinal];
}
