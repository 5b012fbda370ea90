/*
 * look_report.h - the command `report`: what both programs report, and the frame into which each puts its own sections.
 *
 * Everything is read inside one transaction, so that no figure contradicts another while an import goes on.
 */
#ifndef SU_LOOK_REPORT_H
#define SU_LOOK_REPORT_H

#include "common/catalogue/graph.h"
#include "common/catalogue/profile.h"
#include "common/sys/clock.h"
#include "tools/cli/cli.h"
#include "tools/cli/report.h"

struct su_reporting {
    struct su_context *c;
    struct su_report report;
    struct su_graph *graph;
    struct su_state state;
    struct su_profile profile; /* of a site: the pinned one */
    char now[SU_TIME_TEXT];
    struct { uint64_t count, bytes, stored, missing, missing_bytes, missing_licence; } need;
};
/* A section reads and adds. */
typedef int (*su_report_maker)(struct su_reporting *reporting, struct su_err *err);
/* Runs them in order and writes the report as asked by --html and --json. The list ends with NULL. */
int su_look_report(struct su_context *c, const su_report_maker *makers, struct su_err *err) SU_CHECKED;

int su_report_alerts(struct su_reporting *reporting, struct su_err *err) SU_CHECKED;
int su_report_history(struct su_reporting *reporting, struct su_err *err) SU_CHECKED;
int su_report_catalogue(struct su_reporting *reporting, struct su_err *err) SU_CHECKED;
int su_report_security(struct su_reporting *reporting, struct su_err *err) SU_CHECKED;
int su_report_sizes(struct su_reporting *reporting, struct su_err *err) SU_CHECKED;
int su_report_missing(struct su_reporting *reporting, struct su_err *err) SU_CHECKED;
int su_report_ledger(struct su_reporting *reporting, struct su_err *err) SU_CHECKED;

/* The columns of SMS_SUPSyncStatus, a row for each update point. */
extern const struct su_report_column su_report_status_columns[];
struct su_report_status {
    const char *site_code, *server, *source;
    int64_t version, state, error_code, link;       /* version, state: negative: not known */
    const char *state_time, *success_time, *link_time; /* "" or NULL: never */
};
void su_report_status(struct su_report *report, const struct su_report_status *row);
/* This update point's own row: its newest run. */
int su_report_own_status(struct su_reporting *reporting, const char *source, int64_t link, struct su_err *err) SU_CHECKED;

/* The message id a run ended with, as a word with its mark. */
void su_report_result(struct su_report *report, int64_t state, bool with_id);
/* 0 healthy, 1 degraded, 2 error, as a word with its mark. */
const char *su_report_link_word(int64_t link, enum su_mark *mark);
/* "3 days", or a dash: of a time that is none, or that lies ahead. */
void su_report_age(struct su_report *report, const char *time);
/* What is seen first. The columns begin with SU_REPORT_TILES; the caller adds one cell for each of its own. */
#define SU_REPORT_TILES                                                                                      \
    {"link", "Link", SU_COLUMN_WORD, SU_NO_CHART}, {"updates", "Updates", SU_COLUMN_NUMBER, SU_NO_CHART},     \
        {"catalogue_age_days", "Age of the catalogue", SU_COLUMN_NUMBER, SU_NO_CHART},                       \
        {"files_missing", "Files missing", SU_COLUMN_NUMBER, SU_NO_CHART}
int su_report_glance(struct su_reporting *reporting, const struct su_report_column *columns, int64_t link,
                     struct su_err *err) SU_CHECKED;

#endif
