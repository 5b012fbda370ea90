/*
 * fuzz.h - what the fuzzing harnesses share: properties that must hold, the input cut into parts, files of
 * it.
 *
 * A harness is one file fuzz_NAME.c with LLVMFuzzerTestOneInput; it calls public functions of the library.
 * Where it has several parts, the first byte of an input says which one it is for. Linked with libFuzzer it
 * searches (`make fuzz`), linked with replay.c by any compiler it runs given inputs
 * (`make check`).
 */
#ifndef SU_FUZZ_H
#define SU_FUZZ_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A finding, though nothing crashed. */
#define HOLDS(condition)                                                                                     \
    ((condition) ? (void)0                                                                                   \
                 : (fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition), abort()))

/* What is told must be told: a code, a text, and nothing in it that a terminal obeys. */
static inline void check_refusal(const struct su_err *err)
{
    const char *texts[] = {err->text, err->remedy, err->after};
    if (getenv("SU_FUZZ_SAY")) /* for people who look at an input */
        (void)fprintf(stderr, "%s\n", err->text);
    HOLDS(err->code != SU_OK && err->text[0]);
    for (size_t i = 0; i < 3; i++) {
        size_t left = strlen(texts[i]), n;
        uint32_t character;
        for (const char *at = texts[i]; left > 0; at += n, left -= n) {
            n = su_utf8_decode(at, left, &character);
            HOLDS(n > 0 && !su_is_control(character));
        }
    }
}

/* The input as a source of numbers and pieces; past its end zeros come. */
struct input {
    const uint8_t *at;
    size_t left;
};
static inline unsigned take_byte(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}
static inline unsigned take_u16(struct input *in)
{
    unsigned low = take_byte(in);
    return low | take_byte(in) << 8;
}
/* A piece with its length before it; the rest when that is too much. */
static inline const char *take_piece(struct input *in, size_t *length)
{
    const char *piece = (const char *)in->at;
    size_t n = take_u16(in);
    if (in->left > 0)
        piece = (const char *)in->at;
    *length = n < in->left ? n : in->left;
    in->at += *length;
    in->left -= *length;
    return piece ? piece : "";
}

typedef void fuzz_part(struct input in);
static inline int run_part(const uint8_t *data, size_t size, fuzz_part *const parts[], size_t count)
{
    struct input in = {data, size};
    parts[take_byte(&in) % count](in);
    return 0;
}
/* A copy of exactly these bytes, so that reading one more is seen; NUL behind it when `is_text`. */
static inline char *copy_of(const void *bytes, size_t length, bool is_text)
{
    char *copy = malloc(length + (is_text || length == 0));
    HOLDS(copy);
    if (length > 0)
        memcpy(copy, bytes, length);
    if (is_text || length == 0)
        copy[is_text ? length : 0] = 0;
    return copy;
}

/* DER made PEM, so that mutations reach what is inside. */
static inline char *pem_of(const struct input *in, const char *label)
{
    char *base64 = calloc(in->left / 3 * 4 + 8, 1), *text;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MIB);
    HOLDS(base64);
    su_base64_format(in->at, in->left, base64);
    su_buf_addf(&pem, "-----BEGIN %s-----\n", label);
    for (size_t at = 0, n = strlen(base64); at < n; at += 64)
        su_buf_addf(&pem, "%.64s\n", base64 + at);
    su_buf_addf(&pem, "-----END %s-----\n", label);
    text = copy_of(pem.bytes, pem.length, true);
    free(base64);
    return text;
}

static inline int memory_file(const void *bytes, size_t length)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    HOLDS(fd >= 0 && (length == 0 || write(fd, bytes, length) == (ssize_t)length) &&
          lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* A folder of the process's own, for what takes a path. */
static char place[256];
static inline void leave_place(void)
{
    char command[300];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", place);
    if (system(command) != 0)
        (void)fprintf(stderr, "left behind: %s\n", place);
}
static inline const char *in_place(const char *name)
{
    static char path[512];
    if (!place[0]) {
        const char *tmp = getenv("TMPDIR");
        bool has_memory = !tmp && faccessat(AT_FDCWD, "/dev/shm", W_OK, 0) == 0;
        (void)snprintf(place, sizeof place, "%s/su-fuzz-XXXXXX",
                       tmp          ? tmp
                       : has_memory ? "/dev/shm"
                                    : "/tmp");
        HOLDS(mkdtemp(place) && atexit(leave_place) == 0);
    }
    (void)snprintf(path, sizeof path, "%s/%s", place, name);
    return path;
}
static inline const char *put_file(const char *name, const void *bytes, size_t length)
{
    const char *path = in_place(name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    HOLDS(fd >= 0 && (length == 0 || write(fd, bytes, length) == (ssize_t)length) && close(fd) == 0);
    return path;
}

#endif
