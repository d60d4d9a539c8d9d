/*
 * Loops of Compare/Workloads in C: same sizes, same order, same touches. They are, with their numbers:
 *
 *   pair SIZE               allocate, write a word, read it, free
 *   batch COUNT SIZE        allocate so many, writing to each, then read and free them in the same order
 *   replace LIVE MIN MAX    so many are live; free a random one and allocate another of a random size in its place
 *   zeroed SIZE             allocate zeroed, look at both ends, write to every cache line, free
 *   aligned SIZE            pair with blocks that begin at a cache line
 *   growth LAST             a buffer grows from 16 bytes by a quarter at a time to the last size; an operation is one step
 *   hand-over COUNT SIZE    hand_over.c
 */
#include "baseline.h"

#include <stdlib.h>
#include <string.h>

#include "allocator.h"
#include "touches.h"

enum {
    OperationsPerPass = 2000000,
    /* Also how many steps the plan of replace has. */
    ReplacementsPerPass = 300000,
    FirstOfGrowth = 16,
};

struct place {
    unsigned char *block;
    uint32_t size;
};

struct step {
    uint32_t place;
    uint32_t size;
};

static size_t block_size;
static long batch_count;
static uint32_t last_of_growth;
static int **batch_blocks;
static struct place *places;
static struct step *plan;
static const struct step *next_step;

static void pair(long rounds)
{
    size_t size = block_size;
    int64_t sum = 0;
    for (long i = 0; i < rounds; i++) {
        volatile int *block = malloc(size);
        *block = (int)i;
        sum += *block;
        free((void *)block);
    }
    if (sum != rounds * (rounds - INT64_C(1)) / 2)
        fail("pair: the words read back sum up to %lld", (long long)sum);
}

static void batch(long rounds)
{
    size_t size = block_size;
    long count = batch_count;
    int **blocks = batch_blocks;
    int64_t sum = 0;
    for (long round = 0; round < rounds; round++) {
        for (long i = 0; i < count; i++) {
            int *block = malloc(size);
            *block = (int)i;
            blocks[i] = block;
        }
        for (long i = 0; i < count; i++) {
            sum += *blocks[i];
            free(blocks[i]);
        }
    }
    if (sum != count * (count - INT64_C(1)) / 2 * rounds)
        wrong_contents("batch: the words read back sum up to %lld", (long long)sum);
}

static inline void fill_place(uint32_t place, uint32_t size)
{
    unsigned char *block = malloc(size);
    write_lines(block, size, place);
    places[place] = (struct place){block, size};
}

static void replace(long rounds)
{
    while (rounds > 0) {
        if (next_step == plan + ReplacementsPerPass)
            next_step = plan;
        long left = plan + ReplacementsPerPass - next_step;
        const struct step *end = next_step + (rounds < left ? rounds : left);
        rounds -= end - next_step;
        for (const struct step *step = next_step; step != end; step++) {
            struct place old = places[step->place];
            if (difference(old.block, old.size, step->place))
                wrong_contents("replace: the block of %u bytes at %p was overwritten while it was live", old.size, (void *)old.block);
            free(old.block);
            fill_place(step->place, step->size);
        }
        next_step = end;
    }
}

static void zeroed(long rounds)
{
    uint32_t size = (uint32_t)block_size;
    for (long i = 0; i < rounds; i++) {
        unsigned char *block = calloc(1, size);
        if (difference(block, size, 0))
            wrong_contents("zeroed: the block of %u bytes at %p is not zero", size, (void *)block);
        write_lines(block, size, 0xA5A5A5A5);
        free(block);
    }
}

static void aligned(long rounds)
{
    size_t size = block_size;
    uintptr_t misaligned = 0;
    for (long i = 0; i < rounds; i++) {
        volatile int *block = aligned_alloc(CacheLine, size);
        misaligned |= (uintptr_t)block & (CacheLine - 1);
        *block = (int)i;
        free((void *)block);
    }
    if (misaligned != 0)
        fail("aligned: a block does not begin at a cache line");
}

static inline uint32_t grown(uint32_t size)
{
    uint32_t larger = size + size / 4;
    return size == 0 ? FirstOfGrowth : larger < last_of_growth ? larger : last_of_growth;
}

static void growth(long rounds)
{
    uint32_t last = last_of_growth;
    for (long round = 0; round < rounds; round++) {
        unsigned char *buffer = NULL;
        for (uint32_t size = 0; size != last;) {
            uint32_t larger = grown(size);
            buffer = realloc(buffer, larger);
            if (difference(buffer, size, (uint32_t)round))
                wrong_contents("growth: the buffer has lost what its first %u bytes held", size);
            write_lines(buffer, 2 * sizeof(uint32_t), (uint32_t)round);
            memcpy(buffer + larger - sizeof(uint32_t), &(uint32_t){(uint32_t)round}, sizeof(uint32_t));
            size = larger;
        }
        free(buffer);
    }
}

/* A number below the bound: Measurement/SplitMix.cs, so that both sides do the same. */
static uint32_t below(uint32_t bound)
{
    static uint64_t state = 1;
    uint64_t mixed = state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    mixed ^= mixed >> 31;
    return (uint32_t)(((mixed >> 32) * bound) >> 32);
}

static struct workload replace_loop(uint32_t live, uint32_t min, uint32_t max)
{
    next_step = plan = own_memory(ReplacementsPerPass * sizeof *plan);
    for (int i = 0; i < ReplacementsPerPass; i++) {
        plan[i].place = below(live);
        plan[i].size = min + below(max - min + 1);
    }
    places = own_memory(live * sizeof *places);
    for (uint32_t i = 0; i < live; i++)
        fill_place(i, plan[i % ReplacementsPerPass].size);
    return (struct workload){1, ReplacementsPerPass, replace};
}

static struct workload growth_loop(void)
{
    int steps = 0;
    for (uint32_t size = 0; size != last_of_growth; size = grown(size))
        steps++;
    return (struct workload){steps, OperationsPerPass / steps, growth};
}

/* The next of the numbers that follow a loop's name. */
static uint32_t number(char ***words, uint32_t least)
{
    char *word = **words, *end = NULL;
    unsigned long value = word != NULL ? strtoul(word, &end, 10) : 0;
    if (word == NULL || *end != '\0' || value < least || value > INT32_MAX)
        fail("'%s' is not a number of at least %u", word != NULL ? word : "", least);
    ++*words;
    return (uint32_t)value;
}

struct workload find_loop(char **words)
{
    const char *name = *words++;
    const uint32_t least = 2 * sizeof(uint32_t);
    if (strcmp(name, "replace") == 0) {
        uint32_t live = number(&words, 1), min = number(&words, least), max = number(&words, min);
        return replace_loop(live, min, max);
    }
    if (strcmp(name, "growth") == 0) {
        last_of_growth = number(&words, FirstOfGrowth);
        return growth_loop();
    }
    bool hand_over = strcmp(name, "hand-over") == 0;
    if (hand_over || strcmp(name, "batch") == 0) {
        batch_count = number(&words, 1);
        block_size = number(&words, least);
        batch_blocks = own_memory((size_t)batch_count * sizeof *batch_blocks);
        return hand_over ? hand_over_loop((size_t)batch_count, block_size)
                         : (struct workload){(double)batch_count, OperationsPerPass / batch_count, batch};
    }
    block_size = number(&words, least);
    if (strcmp(name, "pair") == 0)
        return (struct workload){1, OperationsPerPass, pair};
    if (strcmp(name, "zeroed") == 0)
        return (struct workload){1, OperationsPerPass, zeroed};
    if (strcmp(name, "aligned") == 0)
        return (struct workload){1, OperationsPerPass, aligned};
    fail("'%s' is not a loop", name);
}
