#include "common/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

/* The functions themselves, without what err.h says of them. */
#undef su_fail
#undef su_fail_sys
#undef su_fail_memory
#undef su_prefix
#undef su_remedy
#undef su_after

static const struct su_message messages[] = {
#define SU_CODE(name, exit, id, text, cause, remedy) {#name, exit, id, text, cause, remedy},
#include "common/base/message.def"
#undef SU_CODE
};

static void SU_PRINTF(2, 0) set_text(struct su_err *err, const char *fmt, va_list args)
{
    char raw[sizeof err->text];
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    su_escape_into(err->text, sizeof err->text, raw);
}

int su_fail(struct su_err *err, enum su_code code, const char *fmt, ...)
{
    su_err_clear(err);
    err->code = code;
    va_list args;
    va_start(args, fmt);
    set_text(err, fmt, args);
    va_end(args);
    return -1;
}

int su_fail_sys(struct su_err *err, const char *fmt, ...)
{
    int saved = errno;
    char what[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    bool is_space = saved == ENOSPC || saved == EDQUOT || saved == EFBIG;
    bool is_memory =
        saved == ENOMEM || saved == EMFILE || saved == ENFILE; /* the machine's, not the file's */
    return su_fail(err,
                   is_space    ? SU_SPACE
                   : is_memory ? SU_MEMORY
                               : SU_SYSTEM,
                   /* NOLINTNEXTLINE(concurrency-mt-unsafe): glibc 2.32 and later: a text of each thread */
                   "%s: %s", what, strerror(saved));
}

int su_fail_memory(struct su_err *err)
{
    return su_fail(err, SU_MEMORY, "out of memory");
}

int su_fail_full(struct su_err *err, const char *fmt, ...)
{
    if (errno == ENOMEM)
        return su_fail_memory(err);
    su_err_clear(err);
    err->code = SU_LIMIT;
    va_list args;
    va_start(args, fmt);
    set_text(err, fmt, args);
    va_end(args);
    return -1;
}

/* Bytes of `text` that fit into `room`, cut at a character. */
static size_t fitting(const char *text, size_t room)
{
    size_t n = strnlen(text, room + 1);
    if (n <= room)
        return n;
    for (n = room; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
        n--;
    return n;
}

int su_prefix(struct su_err *err, const char *fmt, ...)
{
    char raw[sizeof err->text], before[sizeof err->text], old[sizeof err->text];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    su_escape_into(before, sizeof before, raw);
    memcpy(old, err->text, sizeof old);
    size_t used = fitting(before, sizeof err->text - 3);
    memcpy(err->text, before, used);
    memcpy(err->text + used, ": ", 2);
    used += 2;
    size_t length = fitting(old, sizeof err->text - used - 1);
    memcpy(err->text + used, old, length);
    err->text[used + length] = 0;
    return -1;
}

int su_remedy(struct su_err *err, const char *fmt, ...)
{
    char raw[sizeof err->remedy];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    su_escape_into(err->remedy, sizeof err->remedy, raw);
    return -1;
}

int su_after(struct su_err *err, const char *text)
{
    (void)snprintf(err->after, sizeof err->after, "%s", text);
    return -1;
}

void su_err_clear(struct su_err *err)
{
    err->code = SU_OK;
    err->text[0] = err->remedy[0] = err->after[0] = 0;
}

int su_code_exit_status(enum su_code code)
{
    return messages[code].exit_status;
}

int su_code_message_id(enum su_code code)
{
    return messages[code].id;
}

const char *su_code_remedy(enum su_code code)
{
    return messages[code].remedy;
}

const struct su_message *su_message_at(size_t index)
{
    return index < sizeof messages / sizeof *messages ? &messages[index] : NULL;
}

const struct su_message *su_message_by_id(int id)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (messages[i].id == id)
            return &messages[i];
    return NULL;
}
