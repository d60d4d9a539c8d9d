using System.Security.Cryptography;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace SpanHeap.Consumers;

/// <summary>Draws a picture and makes a small one of it.</summary>
internal static class ImageProgram
{
    private const int Width = 1500;
    private const int Height = 1000;

    public static void Run()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "ImageSharp" });
        Configuration configuration = Configuration.Default.Clone();
        string own = Thumbnail(configuration);
        configuration.MemoryAllocator = new ImageHeapAllocator(heap);
        string ours = Thumbnail(configuration);
        Console.WriteLine(ours == own ? "the same picture" : "another picture");
        heap.Verify();
        Console.WriteLine($"{heap.GetStatistics().LiveBlocks} blocks after dispose");
    }

    /// <summary>Draws a picture.</summary>
    public static Image<Rgba32> Draw(Configuration configuration, int width, int height)
    {
        Image<Rgba32> image = new(configuration, width, height);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                image[x, y] = new Rgba32((byte)x, (byte)y, (byte)(x * y), byte.MaxValue);
            }
        }

        return image;
    }

    private static string Thumbnail(Configuration configuration)
    {
        using Image<Rgba32> image = Draw(configuration, Width, Height);
        image.Mutate(static picture => picture.Resize(Width / 10, Height / 10).GaussianBlur(2));
        using MemoryStream stream = new();
        image.SaveAsPng(stream);
        return Convert.ToHexString(SHA256.HashData(stream.ToArray()));
    }
}
