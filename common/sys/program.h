/*
 * program.h - this program itself, and others that it starts.
 */
#ifndef SU_PROGRAM_H
#define SU_PROGRAM_H

#include <stdbool.h>

#include "common/base/buf.h"

/* Where the running program lies. */
int su_program_path(struct su_buf *out, struct su_err *err) SU_CHECKED;
#define SU_HOST_TEXT 65
/* This machine's name; "localhost" when it has none of plain letters. */
const char *su_host_name(char out[SU_HOST_TEXT]);
/* A path of the user's as an absolute one without links. It must exist. */
int su_path_real(const char *path, struct su_buf *out, struct su_err *err) SU_CHECKED;

/* Whether a program may be run for the user who runs this one: an absolute path to a regular executable file that
 * belongs to him or to root and that nobody else may write to. SU_CONFIG. */
int su_program_check(const char *path, struct su_err *err) SU_CHECKED;
/*
 * Runs it, never through a shell: `arguments` and `environment` are complete, ended by NULL; `input` comes on its
 * standard input, what it writes goes nowhere. It gets a process group of its own, and after `seconds` all of that is
 * killed. Returns 0 with *status: what it exited with, 128 + the signal that ended it, or -1 when its time was over.
 */
int su_program_run(const char *path, char *const *arguments, char *const *environment, const struct su_buf *input,
                   unsigned seconds, int *status, struct su_err *err) SU_CHECKED;

#endif
