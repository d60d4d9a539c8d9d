/*
 * The C side of `perf -- c-baseline`: what C programs get from malloc. It calls plain malloc and free; which allocator
 * that is, LD_PRELOAD says. Usage: baseline pair-SIZE|batch-64|random, or baseline trace FILE.
 *
 * After warm-up it says so in a line of JSON, and answers each line it reads with the time of one round.
 */
#define _GNU_SOURCE
#include "baseline.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Nothing is compiled at run time here: what warms up are caches, page tables and the allocator's lists. */
static const double WarmUpSeconds = 1;
static const double RoundSeconds = 0.04;

/* stdio would take its buffers from the allocator that is measured. */
static char input_buffer[4096];
static char output_buffer[4096];

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void *own_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        fail("no memory for %zu bytes of the baseline's own", bytes);
    return memory;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double time_passes(const struct workload *workload, long passes)
{
    double start = now();
    for (long i = 0; i < passes; i++)
        workload->pass();
    return now() - start;
}

/* Returns the best time of a pass. */
static double warm_up(const struct workload *workload)
{
    double start = now();
    double best = time_passes(workload, 1);
    while (now() - start < WarmUpSeconds) {
        double time = time_passes(workload, 1);
        if (time < best)
            best = time;
    }
    return best;
}

/* The file that malloc comes from, so that a library that was not preloaded is noticed. */
static const char *origin_of_malloc(void)
{
    Dl_info info;
    void *address = dlsym(RTLD_DEFAULT, "malloc");
    return address != NULL && dladdr(address, &info) != 0 ? info.dli_fname : "";
}

int main(int count, char **arguments)
{
    setvbuf(stdin, input_buffer, _IOFBF, sizeof input_buffer);
    setvbuf(stdout, output_buffer, _IOLBF, sizeof output_buffer);

    struct workload workload;
    if (count == 3 && strcmp(arguments[1], "trace") == 0)
        workload = load_trace(arguments[2]);
    else if (count == 2)
        workload = find_loop(arguments[1]);
    else
        fail("usage: %s pair-SIZE|batch-64|random, or %s trace FILE", arguments[0], arguments[0]);

    double best = warm_up(&workload);
    long passes = (long)(RoundSeconds / best) + 1;
    printf("{\"Workload\":\"%s\",\"Malloc\":\"%s\"}\n", workload.name, origin_of_malloc());

    char question[64];
    while (fgets(question, sizeof question, stdin) != NULL) {
        /* Others had the caches of the processor meanwhile. */
        workload.pass();
        double nanoseconds = time_passes(&workload, passes) * 1e9;
        printf("{\"Workload\":\"%s\",\"NsPerOp\":%.4f}\n", workload.name, nanoseconds / (workload.operations * (double)passes));
    }
    return 0;
}
