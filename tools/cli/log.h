/*
 * log.h - the log of an update point: CMTrace lines in log/suexport.log or log/suimport.log.
 *
 * Written only by runs that change the home, so by one process at a time. One line is one record, whole lines go to the
 * file in one write, and past SU_MAX_LOG_BYTES the file becomes NAME.lo_ and a new one begins. Lines about single
 * updates wait in a buffer; any other line takes them along. The log is a convenience: when it cannot be written the run
 * goes on, and stderr has it all.
 *
 * Beside what a run says, the log has Configuration Manager's status messages 6701 to 6708 as STATMSG lines, how far
 * each phase is, and one line for each update that changed. Called by the sink of events, one thread at a time.
 */
#ifndef SU_LOG_H
#define SU_LOG_H

#include "common/base/limits.h"
#include "common/point/event.h"
#include "common/sys/file.h"

struct su_context;
struct su_log {
    bool is_open, has_failed;
    su_fd fd;
    uint64_t bytes; /* in the file and waiting */
    size_t used;
    char waiting[64 * SU_KIB];
    struct su_log_tail { long milliseconds; int64_t second; int severity; char text[256]; size_t length; } tail;
    struct su_log_phase { enum su_code code; const char *name; double started, logged; uint64_t done; } phases[4];
};

/* One record: "<![LOG[6702 text]LOG]!><time=... >\r\n". `line` has room for any event. */
#define SU_LOG_LINE (4 * SU_KIB)
size_t su_log_line(struct su_context *c, const struct su_event *event, char line[SU_LOG_LINE]);
void su_log_message(struct su_context *c, const struct su_event *event);
void su_log_progress(struct su_context *c, const struct su_event *event);
void su_log_close(struct su_context *c);

#endif
