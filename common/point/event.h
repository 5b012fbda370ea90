/*
 * event.h - what the core has to say while it works. The core never prints; it emits messages and
 * progress to one callback, and the command line shows, logs or drops them.
 *
 * su_message and su_progress may be called from any thread, and several phases may be going on at once. The
 * callback runs on the thread that called, one at a time; it must not emit itself, nor wait for another thread.
 */
#ifndef SU_EVENT_H
#define SU_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum su_severity { SU_INFO = 1, SU_WARNING = 2, SU_ERROR = 3 };

struct su_event {
    enum su_code code;
    enum su_severity severity;
    const char *text;     /* a message; NULL for progress */
    bool is_note;         /* a message for the log alone */
    const char *phase;    /* progress: what is being counted, e.g. "metadata" */
    uint64_t done, total; /* total 0: unknown */
    const char *unit;     /* "items" or "bytes" */
};

struct su_events {
    void (*emit)(void *context, const struct su_event *event);
    void *context;
};

void su_message(const struct su_events *events, enum su_code code, enum su_severity severity,
                const char *fmt, ...) SU_PRINTF(4, 5);
/* For the log alone. One line of a run that may have 100,000 of them. */
void su_note(const struct su_events *events, enum su_code code, enum su_severity severity, const char *fmt, ...)
    SU_PRINTF(4, 5);
void su_progress(const struct su_events *events, enum su_code code, const char *phase, uint64_t done,
                 uint64_t total, const char *unit);

#endif
