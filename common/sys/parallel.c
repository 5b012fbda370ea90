#include "common/sys/parallel.h"

#include <pthread.h>

#include "common/sys/belt.h"

struct half {
    void (*work)(void *context, size_t first, size_t count);
    void *context;
    size_t first, count;
};

static void *run_half(void *argument)
{
    struct half *h = argument;
    h->work(h->context, h->first, h->count);
    return NULL;
}

void su_in_halves(void (*work)(void *context, size_t first, size_t count), void *context, size_t count)
{
    struct half second = {.work = work, .context = context, .first = count / 2, .count = count - count / 2};
    pthread_t thread;
    int is_alone = count < 2 || su_threads() == 1 || pthread_create(&thread, NULL, run_half, &second) != 0;
    work(context, 0, second.first);
    /* NOLINTNEXTLINE(conditional-uninitialized): not alone, so it was created */
    if (is_alone || pthread_join(thread, NULL) != 0)
        (void)run_half(&second);
}
