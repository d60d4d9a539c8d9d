return SpanHeap.Perf.Instructions.Counter.CounterProgram.Run(args);
