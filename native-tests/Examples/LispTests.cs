using SpanHeap.Examples.Lisp;
using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Examples;

/// <summary>Programs in the example's Lisp, whose heap is traced memory.</summary>
public sealed class LispTests
{
    private const string Fibonacci = "(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (fib 12)";
    private const string Closures = """
        (define (counter) (let ((n 0)) (lambda () (set! n (+ n 1)))))
        (define a (counter)) (define b (counter))
        (a) (a) (b) (list (a) (b))
        """;
    private const string Sort = """
        (define (filter keep list) (if (null? list) nil
          (if (keep (car list)) (cons (car list) (filter keep (cdr list))) (filter keep (cdr list)))))
        (define (append a b) (if (null? a) b (cons (car a) (append (cdr a) b))))
        (define (sort list) (if (null? list) nil
          (let ((pivot (car list)))
            (append (sort (filter (lambda (x) (< x pivot)) (cdr list)))
                    (cons pivot (sort (filter (lambda (x) (if (< x pivot) nil t)) (cdr list))))))))
        (sort '(5 3 9 1 4 1 8 2 7 6))
        """;
    private const string Rings = """
        (define (ring n) (let ((first (cons n nil)))
          (define (grow last n) (if (= n 0) (begin (set-cdr! last first) first) (begin (set-cdr! last (cons n nil)) (grow (cdr last) (- n 1)))))
          (grow first n)))
        (define (many n kept) (if (= n 0) (car (cdr kept)) (many (- n 1) (ring 7))))
        (many 200 nil)
        """;
    private const string Deep = "(define (count n) (if (= n 0) 0 (+ 1 (count (- n 1))))) (count 3000)";
    private const string Loop = "(define (loop n sum) (if (= n 0) sum (loop (- n 1) (+ sum n)))) (loop 3000 0)";

    public static TheoryData<string, string> Programs => new()
    {
        { "42 ; a comment", "42" },
        { "", "nil" },
        { "'(1 (2 x) . y)", "(1 (2 x) . y)" },
        { "(list (quotient 17 5) (remainder 17 5) (* 2 3 4) (- 5) (- 5 2 1) (+))", "(3 2 24 -5 2 0)" },
        { "(eq? 'a 'a)", "t" },
        { "1 nil", "nil" },
        { "(if nil 1)", "nil" },
        { Fibonacci, "144" },
        { Closures, "(3 2)" },
        { Sort, "(1 1 2 3 4 5 6 7 8 9)" },
        { Rings, "7" },
        { Deep, "3000" },
        { Loop, "4501500" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_gives_its_value(string program, string value)
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using Interpreter interpreter = new(heap);
        Assert.Equal(value, interpreter.Run(program));
        heap.Verify();
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void It_gives_the_same_with_a_collection_every_hundred_steps(string program, string value)
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using Interpreter interpreter = new(heap, new InterpreterOptions { StepsPerSlice = 100, CollectsAfterEachSlice = true });
        Assert.Equal(value, interpreter.Run(program));
        heap.CollectAndSweep();
    }

    [Fact]
    public void A_collection_at_each_step_changes_nothing()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using Interpreter interpreter = new(heap, new InterpreterOptions { StepsPerSlice = 1, CollectsAfterEachSlice = true });
        Assert.Equal("(1 1 2 3 4 5 6 7 8 9)", interpreter.Run(Sort));
    }

    [Fact]
    public void A_program_that_makes_much_garbage_stays_within_the_heaps_limit()
    {
        const int Limit = 4 << 20;
        using TracedHeap heap = new(new TracedHeapOptions { MemoryLimit = Limit });
        using Interpreter interpreter = new(heap, new InterpreterOptions { StepsPerSlice = 1000 });
        Assert.Equal("20000100000", interpreter.Run(Loop.Replace("3000", "200000", StringComparison.Ordinal)));
        Assert.InRange(heap.LastCollection!.Number, 5, long.MaxValue);
        Assert.Equal(CollectionReason.MemoryLimit, heap.LastCollection.Reason);
        Assert.InRange((heap.Native.GetStatistics().PagesInUse - heap.Core.Limit.GuardedPages) * 8192, 0, Limit);
    }

    [Fact]
    public void A_program_that_keeps_more_than_the_limit_is_refused_and_the_next_one_runs()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MemoryLimit = 4 << 20 });
        using Interpreter interpreter = new(heap, new InterpreterOptions { StepsPerSlice = 1000 });
        Assert.Throws<OutOfMemoryException>(() => interpreter.Run("(define (keep list) (keep (cons 1 list))) (keep nil)"));
        heap.Verify();
        Assert.Equal("144", interpreter.Run(Fibonacci));
    }

    [Theory]
    [InlineData("(1 2", "ends within")]
    [InlineData(")", "did not begin")]
    [InlineData("(x)", "x has no value")]
    [InlineData("(1 2)", "1 is called and is no function")]
    [InlineData("(car 1)", "car wants a pair")]
    [InlineData("(+ 1 'a)", "wants numbers")]
    [InlineData("(quotient 1 0)", "by 0")]
    [InlineData("((lambda (a) a))", "too many or too few")]
    [InlineData("(if)", "too few parts")]
    [InlineData("(if 1)", "too few parts")]
    [InlineData("(let)", "too few parts")]
    [InlineData("(define 1 2)", "Only a symbol")]
    [InlineData("(set! never 2)", "never has no value")]
    public void What_is_wrong_is_said_and_the_next_program_runs(string program, string error)
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using Interpreter interpreter = new(heap);
        Assert.Contains(error, Assert.Throws<LispException>(() => interpreter.Run(program)).Message, StringComparison.Ordinal);
        heap.Verify();
        Assert.Equal("3", interpreter.Run("(+ 1 2)"));
    }

    [Theory]
    [InlineData('\'')]
    [InlineData('(')]
    public void What_is_nested_without_end_is_refused(char opening)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using Interpreter interpreter = new(heap);
        Assert.Contains("nested", Assert.Throws<LispException>(() => interpreter.Run(new string(opening, 100_000))).Message, StringComparison.Ordinal);
    }

    // In scopes that cannot be entered the interpreter can neither go on nor clear up.
    [Fact]
    public void What_a_failed_run_could_not_clear_is_not_seen_by_the_next()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 16 });
        using Interpreter interpreter = new(heap, new InterpreterOptions { StepsPerSlice = 100 });
        using StressWorker worker = new();
        worker.Do(() => heap.Enter());
        heap.CollectionHeldUp += (_, _) =>
        {
            // Longer than a collection that was held up is put off. The next that is due throws this before it begins.
            Thread.Sleep(100);
            heap.Parts.Collector.Background.Keep(new NotSupportedException("again"));
            throw new NotSupportedException("first");
        };

        Assert.Equal("again", Assert.Throws<NotSupportedException>(() => interpreter.Run(Deep)).Message);
        worker.Dispose();
        Assert.Equal("3", interpreter.Run("(+ 1 2)"));
        heap.Verify();
    }

    [Fact]
    public void A_disposed_interpreter_leaves_nothing_in_the_heap()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Interpreter interpreter = new(heap);
        interpreter.Run(Sort);
        interpreter.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }
}
