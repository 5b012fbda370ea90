/*
 * parallel.h - one piece of work on two processors.
 */
#ifndef SU_PARALLEL_H
#define SU_PARALLEL_H

#include <stddef.h>

/* Calls work(context, first, count) for two halves of `count` items at the same time, and returns when both are
 * done. The halves share nothing that either changes, and cannot fail. One after the other where su_threads() is 1. */
void su_in_halves(void (*work)(void *context, size_t first, size_t count), void *context, size_t count);

#endif
