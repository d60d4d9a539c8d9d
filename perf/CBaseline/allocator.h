/*
 * The allocator that loops call: that of the C library or what is preloaded, or, with EMPTY_ALLOCATOR, none. The empty
 * one hands out the same block each time and is inlined, so that a program that is compiled with it executes what its
 * loops execute, and nothing else. Comes after <stdlib.h>.
 */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

#ifdef EMPTY_ALLOCATOR

/* As large as the largest block of any loop or trace. */
extern unsigned char the_block[];

/* The compiler must neither move nor leave out what a loop does with its block. */
static inline void *empty_alloc(void)
{
    __asm__ volatile("" : : : "memory");
    return the_block;
}

static inline void empty_free(void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

#define malloc(size) ((void)(size), empty_alloc())
#define calloc(count, size) ((void)(count), (void)(size), empty_alloc())
#define realloc(block, size) ((void)(block), (void)(size), empty_alloc())
#define aligned_alloc(alignment, size) ((void)(alignment), (void)(size), empty_alloc())
#define free(block) empty_free(block)

/* All blocks are one, so their contents are always wrong. The branch stays. */
#define wrong_contents(...) __asm__ volatile("")

#else

#define wrong_contents(...) fail(__VA_ARGS__)

#endif

#endif
