/*
 * alert.h - what went wrong and whether it still does: opened by a failure, closed by the next success.
 *
 * Recording and telling are two things. The record is a transaction of its own, after the work it is about was committed
 * or rolled back. Telling (su_alert_tell) comes after that, without the lock: the spool gets a mail-like text, the hook
 * is run. Whoever is to be told is told when an alert opens and when it closes, not at each failure in between, and at
 * most once; that it could not be told changes nothing.
 */
#ifndef SU_ALERT_H
#define SU_ALERT_H

#include "common/base/limits.h"
#include "common/point/home.h"
#include "common/sys/clock.h"

enum su_alert_kind { SU_ALERT_SYNC, SU_ALERT_IMPORT, SU_ALERT_SILENCE };

struct su_alert {
    int64_t alert_id; /* 0: none */
    char kind[16], opened[SU_TIME_TEXT], last[SU_TIME_TEXT], closed[SU_TIME_TEXT]; /* closed: "" while open */
    int64_t failures;
    int message; /* id */
    char detail[SU_ALERT_DETAIL];
};

/* Opens an alert, or counts on an open one. *out: the alert when it was opened now, else none. */
int su_alert_raise(struct su_db *db, enum su_alert_kind kind, int message, const char *detail, struct su_alert *out,
                   struct su_err *err) SU_CHECKED;
/* *out: the alert that was closed by this, else none. */
int su_alert_close(struct su_db *db, enum su_alert_kind kind, struct su_alert *out, struct su_err *err) SU_CHECKED;
/* The open one of that kind, or none. */
int su_alert_find(struct su_db *db, enum su_alert_kind kind, struct su_alert *out, struct su_err *err) SU_CHECKED;

/* Who is told. */
struct su_alert_ways {
    char hook[SU_ALERT_PATH], spool[SU_ALERT_PATH]; /* "" none; absolute paths */
    char mail_to[SU_ALERT_ADDRESS];
    uint64_t hook_seconds, silence_days; /* days 0: silence is no matter */
};
int su_alert_ways_load(struct su_db *db, struct su_alert_ways *out, struct su_err *err) SU_CHECKED;
/* Checks what is set (SU_CONFIG, SU_USAGE); inside the caller's transaction. */
int su_alert_ways_save(struct su_db *db, const struct su_alert_ways *ways, struct su_err *err) SU_CHECKED;

/* Since when nothing has come, as seconds and as days past `days`; false while that is in order, when nothing is known,
 * or the clock cannot be right. "Nothing" is neither a successful synchronization nor an import. */
struct su_silence { bool is_silent; int64_t days; char since[SU_TIME_TEXT]; };
int su_alert_silence(struct su_db *db, uint64_t days, int64_t now, struct su_silence *out, struct su_err *err) SU_CHECKED;

/* What is told. */
struct su_notice {
    const char *event; /* "opened", "closed", "test" */
    const char *program, *role, *name; /* suexport, hub, HUB */
    struct su_alert alert;
};
/* The spool first, then the hook; both are tried. The error is the first one's. */
int su_alert_tell(const struct su_alert_ways *ways, const struct su_notice *notice, struct su_err *err) SU_CHECKED;

#endif
