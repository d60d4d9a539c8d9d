/*
 * The C side of `perf -- c-baseline` and `perf -- instructions`: what C programs get from malloc. It calls plain malloc and
 * free; which allocator that is, LD_PRELOAD says.
 *
 *   baseline time LOOP...           after warm-up it says so in a line of JSON, and answers each line it reads with the
 *                                   time of one round
 *   baseline count ROUNDS LOOP...   so many rounds, to be counted from outside, and a line of JSON
 *
 * LOOP is a name with numbers that loops.c lists, or trace FILE.
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

#ifdef EMPTY_ALLOCATOR
unsigned char the_block[256 << 20] __attribute__((aligned(4096)));
#endif

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
        workload->run(workload->rounds_per_pass);
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

static struct workload find_workload(char **words, bool counted)
{
    return strcmp(words[0], "trace") == 0 && words[1] != NULL ? load_trace(words[1], counted) : find_loop(words);
}

static void serve(const struct workload *workload)
{
    double best = warm_up(workload);
    long passes = (long)(RoundSeconds / best) + 1;
    printf("{\"Malloc\":\"%s\"}\n", origin_of_malloc());

    char question[64];
    while (fgets(question, sizeof question, stdin) != NULL) {
        /* Others had the caches of the processor meanwhile. */
        workload->run(workload->rounds_per_pass);
        double nanoseconds = time_passes(workload, passes) * 1e9;
        printf("{\"NsPerOp\":%.4f}\n", nanoseconds / (workload->operations * (double)workload->rounds_per_pass * (double)passes));
    }
}

int main(int count, char **arguments)
{
    setvbuf(stdin, input_buffer, _IOFBF, sizeof input_buffer);
    setvbuf(stdout, output_buffer, _IOLBF, sizeof output_buffer);

    if (count > 2 && strcmp(arguments[1], "time") == 0) {
        struct workload workload = find_workload(arguments + 2, false);
        serve(&workload);
    } else if (count > 3 && strcmp(arguments[1], "count") == 0) {
        struct workload workload = find_workload(arguments + 3, true);
        long rounds = strtol(arguments[2], NULL, 10);
        workload.run(rounds);
        printf("{\"Malloc\":\"%s\",\"Pairs\":%.1f}\n", origin_of_malloc(), workload.operations * (double)rounds);
    } else {
        fail("usage: %s time LOOP..., or %s count ROUNDS LOOP...; LOOP is a loop with its numbers, or trace FILE", arguments[0], arguments[0]);
    }
    return 0;
}
