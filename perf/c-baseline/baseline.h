/* What the parts of the baseline share. */
#ifndef BASELINE_H
#define BASELINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

struct workload {
    const char *name;
    /* What one pass counts: allocations with their frees, or the steps of a trace. */
    double operations;
    void (*pass)(void);
};

/* pair-SIZE, batch-64 or random; ends the program when there is none of this name. */
struct workload find_loop(const char *name);

/* A trace in the flat form that `perf -- export-trace` writes. */
struct workload load_trace(const char *path);

/* Zeroed memory that does not come from the allocator that is measured. */
void *own_memory(size_t bytes);

noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
