using SpanHeap.Tests.Traced.Layouts;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>Blocks of each kind with one reference to a node, for tests of what a store has to do besides storing.</summary>
internal static class Holder
{
    private const int Small = 300;
    private const int Large = 20_000;

    public static TheoryData<HolderPlace, HeapChecks> Places()
    {
        TheoryData<HolderPlace, HeapChecks> data = [];
        foreach (HolderPlace place in Enum.GetValues<HolderPlace>())
        {
            data.Add(place, HeapChecks.Standard);
            data.Add(place, HeapChecks.Full);
        }

        return data;
    }

    // The small ones with others before them: the block's first byte lies on another card than its field, or on the same.
    public static TracedRef<byte> Make(in TracedScope scope, HolderPlace place)
    {
        scope.New<Node>();
        scope.New<WideNode>();
        return place switch
        {
            HolderPlace.Field => scope.New<Node>().As<byte>(),
            HolderPlace.WideField => scope.New<WideNode>().As<byte>(),
            HolderPlace.VastField => scope.New<VastNode>().As<byte>(),
            HolderPlace.Property => scope.New<Branch>().As<byte>(),
            HolderPlace.Reference => scope.NewArray<Node>(Small).As<byte>(),
            HolderPlace.LargeReference => scope.NewArray<Node>(Large).As<byte>(),
            HolderPlace.Element => scope.NewElements<Node>(Small).As<byte>(),
            HolderPlace.LargeElement => scope.NewElements<Node>(Large).As<byte>(),
            HolderPlace.Dictionary => scope.New<TracedRefDictionary<int, Node>>().As<byte>(),
            HolderPlace.WeakDictionary => scope.New<TracedWeakDictionary<byte, Node>>().As<byte>(),
            _ => scope.New<TracedRefList<Node>>().As<byte>(),
        };
    }

    public static void Store(in TracedScope scope, HolderPlace place, TracedRef<byte> holder, TracedRef<Node> value)
    {
        switch (place)
        {
            case HolderPlace.Field:
                holder.As<Node>().Value.Right.Set(scope, value);
                break;
            case HolderPlace.WideField:
                holder.As<WideNode>().Value.Last.Set(scope, value);
                break;
            case HolderPlace.VastField:
                holder.As<VastNode>().Value.Next.Set(scope, value.As<VastNode>());
                break;
            case HolderPlace.Property:
                TracedAccess.Write(holder.As<Branch>(), ref holder.As<Branch>().Value.Right, value.As<Branch>());
                break;
            case HolderPlace.Reference:
                holder.As<TracedArray<Node>>().Value[Small - 1].Set(scope, value);
                break;
            case HolderPlace.LargeReference:
                holder.As<TracedArray<Node>>().Value[Large - 1].Set(scope, value);
                break;
            case HolderPlace.Element:
                holder.As<TracedElements<Node>>().Value[Small - 1].Right.Set(scope, value);
                break;
            case HolderPlace.LargeElement:
                holder.As<TracedElements<Node>>().Value[Large - 1].Right.Set(scope, value);
                break;
            case HolderPlace.Dictionary:
                holder.As<TracedRefDictionary<int, Node>>().Value.Set(scope, 1, value);
                break;
            case HolderPlace.WeakDictionary:
                holder.As<TracedWeakDictionary<byte, Node>>().Value.Set(scope, holder, value);
                break;
            default:
                holder.As<TracedRefList<Node>>().Value.Add(scope, value);
                break;
        }
    }

    public static TracedRef<Node> Load(in TracedScope scope, HolderPlace place, TracedRef<byte> holder) => place switch
    {
        HolderPlace.Field => holder.As<Node>().Value.Right.Get(scope),
        HolderPlace.WideField => holder.As<WideNode>().Value.Last.Get(scope),
        HolderPlace.VastField => holder.As<VastNode>().Value.Next.Get(scope).As<Node>(),
        HolderPlace.Property => holder.As<Branch>().Value.Right.Get(scope).As<Node>(),
        HolderPlace.Reference => holder.As<TracedArray<Node>>().Value[Small - 1].Get(scope),
        HolderPlace.LargeReference => holder.As<TracedArray<Node>>().Value[Large - 1].Get(scope),
        HolderPlace.Element => holder.As<TracedElements<Node>>().Value[Small - 1].Right.Get(scope),
        HolderPlace.LargeElement => holder.As<TracedElements<Node>>().Value[Large - 1].Right.Get(scope),
        HolderPlace.Dictionary => holder.As<TracedRefDictionary<int, Node>>().Value.Get(scope, 1),
        HolderPlace.WeakDictionary => holder.As<TracedWeakDictionary<byte, Node>>().Value.Get(scope, holder),
        _ => holder.As<TracedRefList<Node>>().Value[0].Get(scope),
    };

    /// <summary>Makes the reference refer to nothing, or takes it out.</summary>
    public static void Erase(in TracedScope scope, HolderPlace place, TracedRef<byte> holder)
    {
        switch (place)
        {
            case HolderPlace.Dictionary:
                holder.As<TracedRefDictionary<int, Node>>().Value.Remove(scope, 1);
                break;
            case HolderPlace.WeakDictionary:
                holder.As<TracedWeakDictionary<byte, Node>>().Value.Remove(scope, holder);
                break;
            case HolderPlace.List:
                holder.As<TracedRefList<Node>>().Value.Clear(scope);
                break;
            default:
                Store(scope, place, holder, scope.Null<Node>());
                break;
        }
    }
}
