namespace SpanHeap.Consumers.Measurements;

/// <summary>Measures what a library costs with memory of its own and with that of a heap. A process measures one thing, once.</summary>
/// <param name="name">The name of the row, by which it is asked for.</param>
/// <param name="figures">What is measured.</param>
internal abstract class Measurement(string name, params Figure[] figures)
{
    /// <summary>Gets the name of the row.</summary>
    public string Name => name;

    /// <summary>Gets what is measured. Each figure has a line of the table.</summary>
    public IReadOnlyList<Figure> Figures => figures;

    /// <summary>Gets whether there is anything to compare the heap with.</summary>
    public virtual bool HasOwn => true;

    /// <summary>Gets why this machine cannot measure it; null if it can.</summary>
    public virtual string? Missing => null;

    /// <summary>Does the work and measures it.</summary>
    /// <param name="heap">The heap that the library is to use; null to leave it its own memory.</param>
    /// <param name="scale">How much work there is.</param>
    /// <returns>A value for each figure, in their order.</returns>
    public abstract double[] Run(NativeHeap? heap, Scale scale);
}
