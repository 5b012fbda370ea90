/*
 * here.h - what a confined child says, when a harness says it in its place (here.c).
 */
#ifndef SU_FUZZ_HERE_H
#define SU_FUZZ_HERE_H

#include <stddef.h>

extern const char *fuzz_child_says; /* frames; NULL: the child runs */
extern size_t fuzz_child_bytes;     /* fewer than a pipe holds: 65,536 */

#endif
