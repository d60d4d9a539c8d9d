namespace SpanHeap.Tests.Traced;

/// <summary>Where a block has a reference.</summary>
public enum HolderPlace
{
    /// <summary>A field of a small block.</summary>
    Field,

    /// <summary>A field of a block that reaches over several cards.</summary>
    WideField,

    /// <summary>The last field of a block with a span of its own.</summary>
    VastField,

    /// <summary>A field that a generated property writes.</summary>
    Property,

    /// <summary>An element of an array of references.</summary>
    Reference,

    /// <summary>An element of an array with a span of its own.</summary>
    LargeReference,

    /// <summary>A field of a struct in an array.</summary>
    Element,

    /// <summary>The same in an array with a span of its own.</summary>
    LargeElement,

    /// <summary>A value of a dictionary.</summary>
    Dictionary,

    /// <summary>A value of a dictionary with weak keys, whose key is the dictionary itself.</summary>
    WeakDictionary,

    /// <summary>An entry of a list.</summary>
    List,
}
