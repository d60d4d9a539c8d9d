/* What the parts of the baseline share. */
#ifndef BASELINE_H
#define BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

struct workload {
    /* What one round counts: allocations with their frees, or the steps of a trace. */
    double operations;
    /* How many rounds are timed at a time. */
    long rounds_per_pass;
    void (*run)(long rounds);
};

/* The loop that the words name, the last of which is NULL; ends the program when there is none. loops.c lists them. */
struct workload find_loop(char **words);

/* One thread allocates a batch, another frees it, and so on in turn. */
struct workload hand_over_loop(size_t count, size_t size);

/*
 * A trace in the flat form that `perf -- export-trace` writes. What is timed does what C# does with the cache lines of a
 * block, which depends on where it lies. What is counted must not: its touches depend on the size alone, and an
 * operation is an allocation with its free.
 */
struct workload load_trace(const char *path, bool counted);

/* Zeroed memory that does not come from the allocator that is measured. */
void *own_memory(size_t bytes);

noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
