/* What loops write to blocks and look for later: Compare/AccessPatterns/EveryLine.cs in C. How much they execute depends on the size alone. */
#ifndef TOUCHES_H
#define TOUCHES_H

#include <stdint.h>
#include <string.h>

enum { CacheLine = 64 };

/* The tag at both ends, if there is room for two, and a byte of it at each distance of a cache line between them. */
static inline void write_lines(unsigned char *block, uint32_t size, uint32_t tag)
{
    if (size < 2 * sizeof tag) {
        if (size != 0)
            block[size - 1] = (unsigned char)tag;
        return;
    }

    memcpy(block, &tag, sizeof tag);
    for (uint32_t at = CacheLine; at < size; at += CacheLine)
        block[at] = (unsigned char)tag;
    memcpy(block + size - sizeof tag, &tag, sizeof tag);
}

/* Not 0 if the ends hold something else. There is no branch between the two, which would make a difference to counts. */
static inline uint32_t difference(const unsigned char *block, uint32_t size, uint32_t tag)
{
    uint32_t first, last;
    if (size < 2 * sizeof tag)
        return size == 0 ? 0 : block[size - 1] ^ (tag & 0xFF);
    memcpy(&first, block, sizeof first);
    memcpy(&last, block + size - sizeof last, sizeof last);
    return (first ^ tag) | (last ^ tag);
}

#endif
