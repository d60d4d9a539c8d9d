using SpanHeap;
using SpanHeap.Examples.Lisp;
using SpanHeap.Traced;

// Runs the files that are named, or what the user types.
using TracedHeap heap = new(new TracedHeapOptions { Name = "Lisp" });
using Interpreter interpreter = new(heap);
if (args.Length > 0)
{
    foreach (string file in args)
    {
        Console.WriteLine(interpreter.Run(File.ReadAllText(file)));
    }

    return;
}

Console.Write("> ");
while (Console.ReadLine() is { } line)
{
    try
    {
        Console.WriteLine(interpreter.Run(line));
    }
    catch (LispException wrong)
    {
        Console.WriteLine(wrong.Message);
    }

    Console.Write("> ");
}
