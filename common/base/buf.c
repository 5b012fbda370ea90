#include "common/base/buf.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

char *su_buf_reserve(struct su_buf *buf, size_t more)
{
    if (buf->is_over || buf->is_out_of_memory)
        return NULL;
    if (more > buf->max || buf->length > buf->max - more) {
        buf->is_over = true;
        return NULL;
    }
    size_t need = buf->length + more + 1;
    if (need > buf->capacity) {
        size_t grown = buf->capacity + buf->capacity / 2 + 256;
        if (grown > buf->max + 1)
            grown = buf->max + 1;
        if (grown < need)
            grown = need;
        char *bytes = realloc(buf->bytes, grown);
        if (!bytes) {
            buf->is_out_of_memory = true;
            return NULL;
        }
        buf->bytes = bytes;
        buf->capacity = grown;
    }
    return buf->bytes + buf->length;
}

void su_buf_grow_by(struct su_buf *buf, size_t added)
{
    buf->length += added;
    buf->bytes[buf->length] = 0;
}

void su_buf_add(struct su_buf *buf, const void *bytes, size_t length)
{
    char *to = su_buf_reserve(buf, length);
    if (!to)
        return;
    if (length > 0)
        memcpy(to, bytes, length);
    su_buf_grow_by(buf, length);
}

void su_buf_adds(struct su_buf *buf, const char *text)
{
    su_buf_add(buf, text, strlen(text));
}

void su_buf_addf(struct su_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *to = length < 0 ? NULL : su_buf_reserve(buf, (size_t)length);
    if (to) {
        (void)vsnprintf(to, (size_t)length + 1, fmt, again);
        su_buf_grow_by(buf, (size_t)length);
    }
    va_end(again);
}

void su_buf_addhex(struct su_buf *buf, const uint8_t *bytes, size_t count)
{
    char *to = su_buf_reserve(buf, 2 * count);
    if (!to)
        return;
    su_hex_format(bytes, count, to);
    su_buf_grow_by(buf, 2 * count);
}

void su_buf_clear(struct su_buf *buf)
{
    buf->length = 0;
    buf->is_over = buf->is_out_of_memory = false;
    if (buf->bytes)
        buf->bytes[0] = 0;
}

int su_buf_check(const struct su_buf *buf, const char *what, struct su_err *err)
{
    if (buf->is_out_of_memory)
        return su_fail_memory(err);
    if (buf->is_over)
        return su_fail(err, SU_LIMIT, "%s is larger than %zu bytes", what, buf->max);
    return 0;
}

void su_buf_cleanup(struct su_buf *buf)
{
    free(buf->bytes);
    *buf = (struct su_buf)SU_BUF_INIT(buf->max);
}

void *su_vec_push(void **at, size_t *count, size_t *capacity, size_t element_bytes, size_t max)
{
    errno = EOVERFLOW; /* or what realloc says: the caller's message depends on it */
    if (*count >= max)
        return NULL;
    if (*count == *capacity) {
        size_t grown = *capacity ? *capacity * 2 : 16;
        if (grown > max)
            grown = max;
        if (grown > SIZE_MAX / element_bytes)
            return NULL;
        void *moved = realloc(*at, grown * element_bytes);
        if (!moved)
            return NULL;
        *at = moved;
        *capacity = grown;
    }
    void *fresh = (char *)*at + (*count)++ * element_bytes;
    return memset(fresh, 0, element_bytes);
}

struct su_arena_chunk {
    struct su_arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static void *cut_off(struct su_arena *arena, size_t bytes)
{
    size_t align = alignof(max_align_t);
    if (bytes > arena->max_bytes)
        return NULL;
    bytes = (bytes + align - 1) / align * align;
    if (bytes > arena->max_bytes - arena->used_bytes)
        return NULL;
    struct su_arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < bytes) {
        size_t size = bytes > 64 * SU_KIB ? bytes : 64 * SU_KIB;
        chunk = malloc(sizeof *chunk + size);
        if (!chunk)
            return NULL;
        *chunk = (struct su_arena_chunk){.next = arena->chunks, .size = size};
        arena->chunks = chunk;
    }
    void *p = chunk->bytes + chunk->used;
    chunk->used += bytes;
    arena->used_bytes += bytes;
    return p;
}

void *su_arena_alloc(struct su_arena *arena, size_t bytes)
{
    void *p = cut_off(arena, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

char *su_arena_text(struct su_arena *arena, const char *text, size_t length)
{
    char *copy = cut_off(arena, length + 1); /* not zeroed first: whole documents are kept so */
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = 0;
    }
    return copy;
}

void su_arena_reset(struct su_arena *arena)
{
    while (arena->chunks && arena->chunks->next) {
        struct su_arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    if (arena->chunks)
        arena->chunks->used = 0;
    arena->used_bytes = 0;
}

void su_arena_cleanup(struct su_arena *arena)
{
    su_arena_reset(arena);
    free(arena->chunks);
    arena->chunks = NULL;
}

void su_text_cleanup(char **text)
{
    free(*text);
    *text = NULL;
}
