/*
 * check.h - status --check: the answer of a monitoring plug-in, one line and the status 0 to 3 (OK, WARNING, CRITICAL,
 * UNKNOWN), which is a convention of its own and not the programs' exit status.
 */
#ifndef SU_CHECK_H
#define SU_CHECK_H

#include "tools/cli/cli.h"

#define SU_CHECK_OPTIONS \
    {"check", NULL, "one line and the status of a monitoring plug-in (0 to 3)"}, \
        {"warning-age", "TIME", "of the last success, with --check"}, \
        {"critical-age", "TIME", "of the last success, with --check"}

struct su_check {
    int status; /* the worst so far */
    struct su_buf text, data;
};
#define SU_CHECK_INIT { .text = SU_BUF_INIT(16 * SU_KIB), .data = SU_BUF_INIT(4 * SU_KIB) }
void su_check_cleanup(struct su_check *check);
/* Something that is not in order. */
void su_check_add(struct su_check *check, int status, const char *fmt, ...) SU_PRINTF(3, 4);
/* The age of the last success ("" never) against the options, else these days; open alerts. */
int su_check_ages(struct su_context *c, struct su_check *check, const char *success, int64_t warning_days,
                  int64_t critical_days, struct su_err *err) SU_CHECKED;
/* Prints the line, `fine` where nothing was added, and settles the exit status. */
int su_check_end(struct su_context *c, struct su_check *check, const char *fine, struct su_err *err) SU_CHECKED;

#endif
