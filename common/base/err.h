/*
 * err.h - the one error type.
 *
 * Every function that can fail takes a `struct su_err *` last, returns 0 (or a count) on success
 * and -1 on failure. Storage is fixed, so reporting "out of memory" needs none. Messages read as a
 * chain from the goal to the cause ("import SU-ALPHA-000002: volume 1: block 3 differs"), name
 * both values of a comparison, and a refusal says what to do.
 *
 * Codes, their exit status, their message id, cause and remedy come from one table, message.def.
 */
#ifndef SU_ERR_H
#define SU_ERR_H

#include <stddef.h>

enum su_code {
#define SU_CODE(name, exit, id, text, cause, remedy) SU_##name,
#include "common/base/message.def"
#undef SU_CODE
    SU_CODE_COUNT
};

struct su_err {
    enum su_code code;
    char text[1536];   /* what was refused and the facts that differ; escaped for a terminal */
    char remedy[1024]; /* what to do; empty means: the table's */
    char after[128];   /* what holds now, e.g. "Nothing was written."; empty means: not said */
};

#define SU_ERR_INIT { .code = SU_OK }
#define SU_CHECKED __attribute__((warn_unused_result))
#define SU_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* Cleanup idiom: SU_AUTO(su_buf) struct su_buf b = ...; runs su_buf_cleanup(&b) at scope end. */
#define SU_AUTO(kind) __attribute__((cleanup(kind##_cleanup)))

/* Sets the error; returns -1 so that `return su_fail(...)` keeps a failing step to one line. */
int su_fail(struct su_err *err, enum su_code code, const char *fmt, ...) SU_PRINTF(3, 4);
/* Like su_fail for a failed system call: appends the text of errno. ENOSPC, EDQUOT and EFBIG become SU_SPACE; ENOMEM,
 * EMFILE and ENFILE SU_MEMORY, so that who takes SU_SYSTEM for a fault of a file or a medium does not mean these. */
int su_fail_sys(struct su_err *err, const char *fmt, ...) SU_PRINTF(2, 3);
int su_fail_memory(struct su_err *err);
/* For an array that takes no more (SU_PUSH): SU_LIMIT with the text, or SU_MEMORY when that is why, as errno says. */
int su_fail_full(struct su_err *err, const char *fmt, ...) SU_PRINTF(2, 3);
/* Puts context before the message that is already there; returns -1. */
int su_prefix(struct su_err *err, const char *fmt, ...) SU_PRINTF(2, 3);
/* Says what to do about it; returns -1. */
int su_remedy(struct su_err *err, const char *fmt, ...) SU_PRINTF(2, 3);
/* Says what holds after the failure; returns -1. */
int su_after(struct su_err *err, const char *text);
/* That they return -1 is said to the compiler, too: it then knows that nothing runs on after a failure, and so do the
 * analysers, which otherwise see null pointers used where a failure was just reported. */
#define su_fail(...) (su_fail(__VA_ARGS__), -1)
#define su_fail_sys(...) (su_fail_sys(__VA_ARGS__), -1)
#define su_fail_memory(err) (su_fail_memory(err), -1)
#define su_prefix(...) (su_prefix(__VA_ARGS__), -1)
#define su_remedy(...) (su_remedy(__VA_ARGS__), -1)
#define su_after(err, text) (su_after(err, text), -1)
void su_err_clear(struct su_err *err);

int su_code_exit_status(enum su_code code);
int su_code_message_id(enum su_code code);
const char *su_code_remedy(enum su_code code);

/* The table itself, for `explain`, the manual and tests. */
struct su_message {
    const char *name;
    int exit_status;
    int id;
    const char *text, *cause, *remedy;
};
const struct su_message *su_message_at(size_t index); /* NULL past the end */
const struct su_message *su_message_by_id(int id);    /* NULL when unknown */

#endif
