/* A library as there are many: it takes its allocator from the program that uses it. */
#include <pthread.h>
#include <stddef.h>
#include <string.h>

static void *(*take)(int);
static void (*give)(void *);

void set_alloc(void *(*malloc_hook)(int), void (*free_hook)(void *))
{
    take = malloc_hook;
    give = free_hook;
}

/* Forgets the byte for the 0. */
static __attribute__((noinline)) char *copy(const char *text)
{
    char *made = take((int)strlen(text));
    strcpy(made, text);
    return made;
}

int work(int rounds)
{
    int sum = 0;
    for (int i = 0; i < rounds; i++) {
        char *text = copy("sixteen bytes ok");
        sum += text[3];
        give(text);
    }
    return sum;
}

void pairs(void *(*malloc_hook)(size_t), void (*free_hook)(void *), long count)
{
    for (long i = 0; i < count; i++) {
        volatile char *block = malloc_hook(64);
        block[0] = 1;
        free_hook((void *)block);
    }
}

#define HELD 64

struct job {
    void *(*malloc_hook)(size_t);
    void (*free_hook)(void *);
    long count;
    long failures;
};

/* Pairs of different sizes, of which the last few are held, each with its number in it. */
static void *run(void *argument)
{
    struct job *job = argument;
    long *held[HELD] = { 0 };
    for (long i = 0; i < job->count; i++) {
        long **place = &held[i % HELD];
        if (*place != NULL) {
            job->failures += **place != i - HELD;
            job->free_hook(*place);
        }
        *place = job->malloc_hook(8 + (size_t)(i * 7919 % 1000));
        if (*place == NULL) {
            job->failures++;
        } else {
            **place = i;
        }
    }
    for (int i = 0; i < HELD; i++) {
        job->free_hook(held[i]);
    }
    return NULL;
}

/* Threads that the runtime does not know. Gives the number of errors. */
long run_threads(void *(*malloc_hook)(size_t), void (*free_hook)(void *), int threads, long count)
{
    pthread_t made[16];
    struct job jobs[16];
    long failures = 0;
    for (int i = 0; i < threads; i++) {
        jobs[i] = (struct job){ malloc_hook, free_hook, count, 0 };
        failures += pthread_create(&made[i], NULL, run, &jobs[i]) != 0;
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(made[i], NULL);
        failures += jobs[i].failures;
    }
    return failures;
}
