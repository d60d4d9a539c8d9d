/*
 * One thread allocates a batch and another frees it; then they do the same again. The two never run at the same time, and
 * wait without spinning, so that what they execute does not depend on who comes first.
 */
#include "baseline.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "allocator.h"

static size_t block_size;
static size_t block_count;
static int **blocks;
static sem_t filled;
static sem_t emptied;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        if (errno != EINTR)
            fail("hand-over: a semaphore cannot be waited for");
}

static void *consume(void *rounds)
{
    size_t count = block_count;
    for (long round = (long)(intptr_t)rounds; round > 0; round--) {
        wait_for(&filled);
        for (size_t i = 0; i < count; i++) {
            if (*blocks[i] != (int)i)
                wrong_contents("hand-over: the block at %p was overwritten while it was live", (void *)blocks[i]);
            free(blocks[i]);
        }
        sem_post(&emptied);
    }
    return NULL;
}

static void hand_over(long rounds)
{
    size_t size = block_size, count = block_count;
    pthread_t consumer;
    if (pthread_create(&consumer, NULL, consume, (void *)(intptr_t)rounds) != 0)
        fail("hand-over: no thread can be started");
    for (long round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            int *block = malloc(size);
            *block = (int)i;
            blocks[i] = block;
        }
        sem_post(&filled);
        wait_for(&emptied);
    }
    pthread_join(consumer, NULL);
}

struct workload hand_over_loop(size_t count, size_t size)
{
    enum { OperationsPerPass = 500000 };
    block_count = count;
    block_size = size;
    blocks = own_memory(count * sizeof *blocks);
    sem_init(&filled, 0, 0);
    sem_init(&emptied, 0, 0);
    return (struct workload){(double)count, OperationsPerPass / (long)count, hand_over};
}
