/*
 * lock.h - one changing run per home. The kernel drops the lock with the process, so a killed run
 * leaves none behind; the file's text only tells the second run who holds it.
 */
#ifndef SU_LOCK_H
#define SU_LOCK_H

#include "common/sys/file.h"

/* Takes HOME/lock or fails with SU_LOCKED naming the holder. Held until `out` is closed. */
int su_lock_take(su_fd *out, int home, const char *command, struct su_err *err) SU_CHECKED;
/* One run at a time writes into a folder of the user's: SU_LOCKED at once, held until `dir` is closed. */
int su_lock_dir(int dir, struct su_err *err) SU_CHECKED;

#endif
