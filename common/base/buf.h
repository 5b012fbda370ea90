/*
 * buf.h - growable bytes with a mandatory maximum, and growable arrays.
 *
 * A buffer is sticky: after the first failure (maximum reached, no memory) every later call does
 * nothing, so a caller appends freely and asks once, with su_buf_check(). The content is always
 * followed by a NUL that is not counted.
 */
#ifndef SU_BUF_H
#define SU_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct su_buf {
    char *bytes;
    size_t length, capacity, max;
    bool is_over, is_out_of_memory;
};

#define SU_BUF_INIT(most) { .max = (most) }
void su_buf_cleanup(struct su_buf *buf);
void su_buf_add(struct su_buf *buf, const void *bytes, size_t length);
void su_buf_adds(struct su_buf *buf, const char *text);
void su_buf_addf(struct su_buf *buf, const char *fmt, ...) SU_PRINTF(2, 3);
void su_buf_addhex(struct su_buf *buf, const uint8_t *bytes, size_t count);
/* Makes room for `more` bytes; returns where they go, NULL on failure. su_buf_grow_by commits them. */
char *su_buf_reserve(struct su_buf *buf, size_t more);
void su_buf_grow_by(struct su_buf *buf, size_t added);
void su_buf_clear(struct su_buf *buf); /* keeps the memory */
int su_buf_check(const struct su_buf *buf, const char *what, struct su_err *err) SU_CHECKED;

/* Arrays: struct { T *at; size_t count, capacity; }. SU_PUSH gives a zeroed new element, or NULL with
 * errno ENOMEM or EOVERFLOW (su_fail_full). */
#define SU_VEC(T) struct { T *at; size_t count, capacity; }
void *su_vec_push(void **at, size_t *count, size_t *capacity, size_t element_bytes, size_t max);
#define SU_PUSH(v, max) \
    ((__typeof__((v)->at))su_vec_push((void **)&(v)->at, &(v)->count, &(v)->capacity, \
                                      sizeof *(v)->at, (max)))

/* Bulk memory for one parsed document, freed in one call. Zeroed. NULL past `max` or out of memory. */
struct su_arena {
    struct su_arena_chunk *chunks;
    size_t used_bytes, max_bytes;
};
#define SU_ARENA_INIT(most) { .max_bytes = (most) }
void *su_arena_alloc(struct su_arena *arena, size_t bytes);
char *su_arena_text(struct su_arena *arena, const char *text, size_t length);
void su_arena_reset(struct su_arena *arena); /* keeps the first chunk */
void su_arena_cleanup(struct su_arena *arena);

void su_text_cleanup(char **text); /* for SU_AUTO(su_text) char *x = NULL; */

#endif
