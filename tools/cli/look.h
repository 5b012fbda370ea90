/*
 * look.h - the looking commands both programs share, and the answers they have in common.
 */
#ifndef SU_LOOK_H
#define SU_LOOK_H

#include "common/catalogue/content.h"
#include "common/bundle/manifest.h"
#include "common/catalogue/changes.h"
#include "common/sys/clock.h"
#include "tools/cli/cli.h"

/* status: the columns of SMS_SUPSyncStatus; `source` is what this point is fed by, `state` what it holds, asked by the
 * caller because a site's position holds it, and it is what costs. */
struct su_status {
    struct su_state state;
    const char *site_code, *server, *source;
    int64_t link; /* 0 healthy, 1 degraded, 2 error */
    const char *checked; /* when that was last to be seen; "" never, NULL: at the last attempt */
    uint64_t last_sequence;
};
int su_look_status(struct su_context *c, const struct su_status *facts, struct su_err *err) SU_CHECKED;
/* One row of SMS_SUPSyncStatus, the same in both forms of the answer; a time is empty for never. */
struct su_sync_row {
    const char *site_code, *server, *source;
    int64_t version, state, error, link;
    char state_time[SU_TIME_TEXT], success_time[SU_TIME_TEXT], link_time[SU_TIME_TEXT];
};
void su_answer_sync_row(struct su_context *c, const struct su_sync_row *row);
void su_show_sync_row(struct su_context *c, const struct su_sync_row *row);
const char *su_link_text(int64_t link);
int su_cmd_history(struct su_context *c, struct su_err *err);
int su_cmd_show(struct su_context *c, struct su_err *err);
int su_cmd_search(struct su_context *c, struct su_err *err);
int su_cmd_rebuild(struct su_context *c, struct su_err *err);
int su_cmd_diff(struct su_context *c, struct su_err *err);
int su_cmd_audit_verify(struct su_context *c, struct su_err *err);
int su_cmd_audit_ledger(struct su_context *c, struct su_err *err);
int su_cmd_audit_refused(struct su_context *c, struct su_err *err);
int su_cmd_audit_bundle(struct su_context *c, struct su_err *err);
int su_cmd_audit_file(struct su_context *c, struct su_err *err);
int su_cmd_audit_latency(struct su_context *c, struct su_err *err);
/* --since as a date; "" when not given. */
int su_look_since(struct su_context *c, const char **out, struct su_err *err) SU_CHECKED;
int su_cmd_content_verify(struct su_context *c, struct su_err *err);
/* explain with a message id; other words are the caller's. */
bool su_look_is_id(const char *word);
int su_look_explain_id(struct su_context *c, const char *word, struct su_err *err) SU_CHECKED;

/* A query of the search index: every word of the text must occur, in any order. The index keeps no phrases, so what
 * holds a hyphen (CVE-2024-1, MS17-010) is several words. Quoted, so that no word is an operator. Empty: no word. */
int su_look_words(const char *text, struct su_buf *out, struct su_err *err) SU_CHECKED;

/* Update ids meant by "KB123", "123" or a GUID. SU_NOT_FOUND when none. */
struct su_ids { SU_VEC(struct su_guid) list; };
void su_ids_cleanup(struct su_ids *ids);
int su_look_up(struct su_db *db, const char *word, struct su_ids *out, struct su_err *err) SU_CHECKED;

/* Scan metadata (look_scan.c), for what the catalogue does not hold; every answer says so. None known: an empty list. */
int su_scan_look_up(struct su_db *db, const char *word, struct su_ids *out, struct su_err *err) SU_CHECKED;
int su_scan_show(struct su_context *c, const struct su_ids *ids, struct su_err *err) SU_CHECKED;
/* Adds to *found. */
int su_scan_search(struct su_context *c, const char *match, uint64_t limit, uint64_t *found, struct su_err *err) SU_CHECKED;
int su_scan_explain(struct su_context *c, const char *word, bool *is_known, struct su_err *err) SU_CHECKED;
int su_scan_status(struct su_context *c, struct su_err *err) SU_CHECKED;

/* Notes for the log in Configuration Manager's words: how long a run took; that and why it failed, from what. */
void su_note_time(struct su_context *c, double seconds);
void su_note_failure(struct su_context *c, const char *source, const struct su_err *why);

/* Shared pieces of answers. */
void su_answer_changes(struct su_context *c, const struct su_changes *changes, bool with_unchanged);
/* Keys the manifest introduces and revokes: keys 'introduces' and 'revokes' of the answer. */
void su_answer_key_lines(struct su_context *c, const struct su_manifest *m);
void su_report_content(struct su_context *c, struct su_content_report *report); /* wires findings to the answer */
void su_answer_content(struct su_context *c, const struct su_content_report *report);

#endif
