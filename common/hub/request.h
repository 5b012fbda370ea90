/*
 * request.h - request files: SELF.SYN and FULL.SYN in the home's inbox ask for the next synchronization.
 *
 * Only a name asks, in any case of its letters, and only that of a regular file: nothing is opened or followed.
 */
#ifndef SU_REQUEST_H
#define SU_REQUEST_H

#include "common/sys/file.h"

struct su_requests {
    size_t count; /* 0: nothing is asked for */
    bool is_full; /* one of them is FULL.SYN */
    struct { char name[9]; struct su_file_mark mark; } at[32]; /* every spelling of both */
};
/* `home` is the directory of an open home. */
int su_requests_find(int home, struct su_requests *out, struct su_err *err) SU_CHECKED;
/* Removes those that were found, durably. One that was put there anew since asks for another run, and stays. */
int su_requests_remove(int home, const struct su_requests *found, struct su_err *err) SU_CHECKED;

#endif
