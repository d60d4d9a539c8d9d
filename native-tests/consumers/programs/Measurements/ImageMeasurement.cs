using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace SpanHeap.Consumers.Measurements;

/// <summary>A service makes eight thumbnails of large pictures at once every now and then, and later none.</summary>
internal sealed class ImageMeasurement()
    : Measurement("image", Figure.WithRatio("CPU time", "ms", "1.15"), Figure.WithRatio("resident later", "MiB", "0.4"))
{
    private const int Width = 3000;
    private const int Height = 2000;
    private const int SmallPart = 20;
    private const int ThumbnailPart = 10;
    private const int AtOnce = 8;
    private const int Batches = 8;

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(12);

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        Configuration configuration = Configuration.Default.Clone();
        if (heap != null)
        {
            configuration.MemoryAllocator = new ImageHeapAllocator(heap);
        }

        byte[] small = Jpeg(configuration, Width / SmallPart, Height / SmallPart);
        byte[] large = Jpeg(configuration, scale.Of(Width), scale.Of(Height));

        // The garbage of drawing must not be resident later.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        TimeSpan cpu = Cpu.TimeOf(() => MakeThumbnail(configuration, small), () => Serve(configuration, large, scale.Of(s_interval)), scale);
        Thread.Sleep(scale.Of(s_rest));
        return [cpu.TotalMilliseconds, Resident.MiB];
    }

    private static void Serve(Configuration configuration, byte[] picture, TimeSpan interval)
    {
        for (int i = 0; i < Batches; i++)
        {
            Thread[] threads = [.. Enumerable.Range(0, AtOnce).Select(_ => new Thread(() => MakeThumbnail(configuration, picture)))];
            Array.ForEach(threads, static thread => thread.Start());
            Array.ForEach(threads, static thread => thread.Join());
            Thread.Sleep(interval);
        }
    }

    private static void MakeThumbnail(Configuration configuration, byte[] picture)
    {
        using Image<Rgba32> image = Image.Load<Rgba32>(configuration, picture);
        image.Mutate(static context => context.Resize(context.GetCurrentSize() / ThumbnailPart));
        using MemoryStream stream = new();
        image.SaveAsJpeg(stream);
    }

    private static byte[] Jpeg(Configuration configuration, int width, int height)
    {
        using Image<Rgba32> image = ImageProgram.Draw(configuration, width, height);
        using MemoryStream stream = new();
        image.SaveAsJpeg(stream);
        return stream.ToArray();
    }
}
