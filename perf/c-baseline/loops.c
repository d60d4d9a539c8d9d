/* Compare/Workloads/Pair.cs, Batch.cs and Replace.cs in C: same sizes, same order, same touches. */
#include "baseline.h"

#include <stdlib.h>
#include <string.h>

enum {
    PairsPerPass = 2000000,

    BatchCount = 1000,
    BatchSize = 64,
    BatchesPerPass = 1000,

    RandomLive = 10000,
    RandomSteps = 300000,
    RandomMinSize = 16,
    RandomMaxSize = 512,

    CacheLine = 64,
};

struct place {
    unsigned char *block;
    uint32_t size;
};

struct step {
    uint32_t place;
    uint32_t size;
};

static size_t pair_size;
static int **batch_blocks;
static struct place *random_places;
static struct step *random_plan;

/* Allocate, write a word, read it, free. */
static void pair(void)
{
    int64_t sum = 0;
    for (int i = 0; i < PairsPerPass; i++) {
        volatile int *block = malloc(pair_size);
        *block = i;
        sum += *block;
        free((void *)block);
    }
    if (sum != PairsPerPass * (PairsPerPass - INT64_C(1)) / 2)
        fail("pair: the words read back sum up to %lld", (long long)sum);
}

/* Allocate so many blocks, writing to each, then read and free them in the same order. */
static void batch(void)
{
    int64_t sum = 0;
    for (int round = 0; round < BatchesPerPass; round++) {
        for (int i = 0; i < BatchCount; i++) {
            int *block = malloc(BatchSize);
            *block = i;
            batch_blocks[i] = block;
        }
        for (int i = 0; i < BatchCount; i++) {
            sum += *batch_blocks[i];
            free(batch_blocks[i]);
        }
    }
    if (sum != BatchCount * (BatchCount - INT64_C(1)) / 2 * BatchesPerPass)
        fail("batch: the words read back sum up to %lld", (long long)sum);
}

/* The tag at both ends, which hold a word each for there is no smaller block, and a byte of it in each cache line between. */
static inline void write_lines(unsigned char *block, uint32_t size, uint32_t tag)
{
    memcpy(block, &tag, sizeof tag);
    for (uint32_t at = CacheLine; at < size; at += CacheLine)
        block[at] = (unsigned char)tag;
    memcpy(block + size - sizeof tag, &tag, sizeof tag);
}

static inline int holds(const unsigned char *block, uint32_t size, uint32_t tag)
{
    uint32_t first, last;
    memcpy(&first, block, sizeof first);
    memcpy(&last, block + size - sizeof last, sizeof last);
    return first == tag && last == tag;
}

static inline void fill_place(uint32_t place, uint32_t size)
{
    unsigned char *block = malloc(size);
    write_lines(block, size, place);
    random_places[place] = (struct place){block, size};
}

/* Each step frees a random block of those that are live and allocates another in its place. */
static void replace(void)
{
    for (const struct step *step = random_plan; step != random_plan + RandomSteps; step++) {
        struct place old = random_places[step->place];
        if (!holds(old.block, old.size, step->place))
            fail("random: the block of %u bytes at %p was overwritten while it was live", old.size, (void *)old.block);
        free(old.block);
        fill_place(step->place, step->size);
    }
}

/* A number below the bound, of xorshift64. */
static uint32_t below(uint32_t bound)
{
    static uint64_t state = 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(((state >> 32) * bound) >> 32);
}

static void prepare_replace(void)
{
    random_plan = own_memory(RandomSteps * sizeof *random_plan);
    for (int i = 0; i < RandomSteps; i++)
        random_plan[i] = (struct step){below(RandomLive), RandomMinSize + below(RandomMaxSize - RandomMinSize + 1)};
    random_places = own_memory(RandomLive * sizeof *random_places);
    for (uint32_t i = 0; i < RandomLive; i++)
        fill_place(i, random_plan[i].size);
}

struct workload find_loop(const char *name)
{
    static const char PairPrefix[] = "pair-";
    if (strncmp(name, PairPrefix, sizeof PairPrefix - 1) == 0) {
        pair_size = strtoul(name + sizeof PairPrefix - 1, NULL, 10);
        if (pair_size < sizeof(int))
            fail("%s: the size must be a number of at least %zu", name, sizeof(int));
        return (struct workload){name, PairsPerPass, pair};
    }
    if (strcmp(name, "batch-64") == 0) {
        batch_blocks = own_memory(BatchCount * sizeof *batch_blocks);
        return (struct workload){name, BatchesPerPass * BatchCount, batch};
    }
    if (strcmp(name, "random") == 0) {
        prepare_replace();
        return (struct workload){name, RandomSteps, replace};
    }
    fail("'%s' is not a loop", name);
}
