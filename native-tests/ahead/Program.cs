using System.Runtime.CompilerServices;
using SpanHeap.Tests.Ahead;

// With arguments it is what perf counts under valgrind.
if (args.Length > 0)
{
    return SpanHeap.Perf.Instructions.Counter.CounterProgram.Run(args);
}

// Each check throws when it fails. The last line says how many passed.
(string Name, Action Run)[] checks =
[
    (nameof(ManualChecks.Blocks_of_all_sizes_hold_what_is_written), ManualChecks.Blocks_of_all_sizes_hold_what_is_written),
    (nameof(ManualChecks.Zeroed_blocks_are_zero_when_they_serve_again), ManualChecks.Zeroed_blocks_are_zero_when_they_serve_again),
    (nameof(ManualChecks.Aligned_blocks_are_aligned), ManualChecks.Aligned_blocks_are_aligned),
    (nameof(ManualChecks.Resized_blocks_keep_their_contents), ManualChecks.Resized_blocks_keep_their_contents),
    (nameof(ManualChecks.Blocks_are_freed_by_other_threads), ManualChecks.Blocks_are_freed_by_other_threads),
    (nameof(ManualChecks.Threads_that_end_leave_their_caches), ManualChecks.Threads_that_end_leave_their_caches),
    (nameof(ManualChecks.Threads_with_small_stacks_keep_their_caches_apart), ManualChecks.Threads_with_small_stacks_keep_their_caches_apart),
    (nameof(ManualChecks.Memory_goes_back), ManualChecks.Memory_goes_back),
    (nameof(ManualChecks.A_limit_refuses_and_serves_again), ManualChecks.A_limit_refuses_and_serves_again),
    (nameof(ManualChecks.Foreign_pointers_are_refused), ManualChecks.Foreign_pointers_are_refused),
    (nameof(ManualChecks.Full_checks_find_a_double_free), ManualChecks.Full_checks_find_a_double_free),
    (nameof(ManualChecks.Any_address_is_looked_up), ManualChecks.Any_address_is_looked_up),
    (nameof(BufferChecks.Buffers_lists_and_writers_hold_what_they_are_given), BufferChecks.Buffers_lists_and_writers_hold_what_they_are_given),
    (nameof(HookChecks.Native_code_allocates_and_frees), HookChecks.Native_code_allocates_and_frees),
    (nameof(HookChecks.A_heap_with_hooks_is_not_disposed), HookChecks.A_heap_with_hooks_is_not_disposed),
    (nameof(TracedChecks.What_nothing_reaches_goes), TracedChecks.What_nothing_reaches_goes),
    (nameof(TracedChecks.Collections_of_blocks_hold_what_they_are_given), TracedChecks.Collections_of_blocks_hold_what_they_are_given),
    (nameof(TracedChecks.Dictionaries_find_values_and_references_by_numbers_and_by_text), TracedChecks.Dictionaries_find_values_and_references_by_numbers_and_by_text),
    (nameof(TracedChecks.Weak_handles_and_clean_ups_tell_of_the_dead), TracedChecks.Weak_handles_and_clean_ups_tell_of_the_dead),
];

foreach ((string name, Action run) in checks)
{
    run();
    Console.WriteLine($"passed: {name}");
}

string how = RuntimeFeature.IsDynamicCodeCompiled ? "compiled as it runs" : "compiled ahead";
Console.WriteLine($"{checks.Length} checks passed on {System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}, {how}");
return 0;
