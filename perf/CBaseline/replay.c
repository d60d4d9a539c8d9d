/* Replays a trace: the same steps as Replay/Replayer.cs, and for time the same touches as Measurement/BlockContents.cs. */
#include "baseline.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocator.h"
#include "touches.h"

static const char Magic[8] = "SHTRACE1";

/* The flat form, little-endian: this, then the steps. */
struct header {
    char magic[8];
    uint32_t slots;
    uint32_t steps;
};

struct step {
    /* The slot, shifted left by one; the lowest bit is set in a free. */
    uint32_t slot_and_kind;
    uint32_t size;
};

static const struct step *first_step;
static const struct step *end_of_steps;
static unsigned char **slots;

static uint64_t tag(const unsigned char *block, uint32_t slot)
{
    return (uint64_t)(uintptr_t)block + ((uint64_t)slot << 40);
}

/* Every cache line is written once; four at a time, as a program that fills its block comes along faster than one at a time. */
static inline void write_contents(unsigned char *block, uint32_t size, uint32_t slot)
{
    if (size < sizeof(uint64_t)) {
        if (size != 0)
            *block = (unsigned char)slot;
        return;
    }

    uint64_t value = tag(block, slot);
    memcpy(block, &value, sizeof value);
    unsigned char *end = block + size;
    unsigned char *line = (unsigned char *)((uintptr_t)block & ~(uintptr_t)(CacheLine - 1)) + CacheLine;
    for (; line + 3 * CacheLine < end; line += 4 * CacheLine) {
        line[0] = (unsigned char)slot;
        line[CacheLine] = (unsigned char)slot;
        line[2 * CacheLine] = (unsigned char)slot;
        line[3 * CacheLine] = (unsigned char)slot;
    }
    for (; line < end; line += CacheLine)
        *line = (unsigned char)slot;
}

static inline void check_contents(const unsigned char *block, uint32_t size, uint32_t slot)
{
    uint64_t value;
    if (size >= sizeof value) {
        memcpy(&value, block, sizeof value);
        if (value != tag(block, slot))
            wrong_contents("the block of %u bytes at %p was overwritten while it was live", size, (const void *)block);
    } else if (size != 0 && *block != (unsigned char)slot) {
        wrong_contents("the block of %u bytes at %p was overwritten while it was live", size, (const void *)block);
    }
}

static inline void check_lines(const unsigned char *block, uint32_t size, uint32_t slot)
{
    if (difference(block, size, slot))
        wrong_contents("the block of %u bytes at %p was overwritten while it was live", size, (const void *)block);
}

/* Inlined into its two callers, so that neither calls through a pointer. */
static inline __attribute__((always_inline)) void replay(
    long rounds, void (*write)(unsigned char *, uint32_t, uint32_t), void (*check)(const unsigned char *, uint32_t, uint32_t))
{
    for (; rounds > 0; rounds--) {
        for (const struct step *step = first_step; step != end_of_steps; step++) {
            uint32_t slot = step->slot_and_kind >> 1;
            uint32_t size = step->size;
            if ((step->slot_and_kind & 1) == 0) {
                unsigned char *block = malloc(size);
                write(block, size, slot);
                slots[slot] = block;
            } else {
                unsigned char *block = slots[slot];
                check(block, size, slot);
                free(block);
            }
        }
    }
}

static void replay_timed(long rounds)
{
    replay(rounds, write_contents, check_contents);
}

static void replay_counted(long rounds)
{
    replay(rounds, write_lines, check_lines);
}

/* Mapped, not read: what the trace needs must not come from the allocator that is measured. */
struct workload load_trace(const char *path, bool counted)
{
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0)
        fail("%s: cannot be opened", path);
    size_t bytes = (size_t)status.st_size;
    if (bytes < sizeof(struct header))
        fail("%s: is no flat trace", path);
    const struct header *header = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    close(file);
    if (header == MAP_FAILED)
        fail("%s: cannot be mapped", path);
    if (memcmp(header->magic, Magic, sizeof Magic) != 0 || bytes != sizeof *header + header->steps * sizeof(struct step))
        fail("%s: is no flat trace, or cut off", path);

    first_step = (const struct step *)(header + 1);
    end_of_steps = first_step + header->steps;
    slots = own_memory(header->slots * sizeof *slots);
    return (struct workload){counted ? header->steps / 2.0 : header->steps, 1, counted ? replay_counted : replay_timed};
}
