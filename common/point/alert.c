#include "common/point/alert.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/sys/program.h"

#define COLUMNS "alert_id, kind, opened, last, closed, failures, message, detail"

static const char *kind_text(enum su_alert_kind kind)
{
    return kind == SU_ALERT_SYNC ? "sync" : kind == SU_ALERT_IMPORT ? "import" : "silence";
}

int su_alert_find(struct su_db *db, enum su_alert_kind kind, struct su_alert *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *out = (struct su_alert){.alert_id = 0};
    if (su_query(db, &rows, err, "SELECT " COLUMNS " FROM alert WHERE kind=?1 AND closed=''",
                 SU_T(kind_text(kind))) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    out->alert_id = su_rows_int(&rows, 0);
    (void)snprintf(out->kind, sizeof out->kind, "%s", su_rows_text(&rows, 1));
    (void)snprintf(out->opened, sizeof out->opened, "%s", su_rows_text(&rows, 2));
    (void)snprintf(out->last, sizeof out->last, "%s", su_rows_text(&rows, 3));
    out->failures = su_rows_int(&rows, 5);
    out->message = (int)su_rows_int(&rows, 6);
    su_escape_into(out->detail, sizeof out->detail, su_rows_text(&rows, 7));
    return 0;
}

int su_alert_raise(struct su_db *db, enum su_alert_kind kind, int message, const char *detail,
                   struct su_alert *out, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    char now[SU_TIME_TEXT], text[SU_ALERT_DETAIL];
    su_escape_into(text, sizeof text, detail);
    if (su_begin(&t, db, err) < 0 || su_alert_find(db, kind, out, err) < 0)
        return -1;
    bool is_open = out->alert_id != 0;
    if (is_open
            ? su_run(db, err,
                     "UPDATE alert SET last=?2, failures=failures+1, message=?3, detail=?4 WHERE alert_id=?1",
                     SU_I(out->alert_id), SU_T(su_time_now(now)), SU_I(message), SU_T(text)) < 0
            : su_run(db, err,
                     "INSERT INTO alert (kind, opened, last, failures, message, detail) VALUES "
                     "(?1,?2,?2,1,?3,?4)",
                     SU_T(kind_text(kind)), SU_T(su_time_now(now)), SU_I(message), SU_T(text)) < 0)
        return -1;
    if (!is_open && su_alert_find(db, kind, out, err) < 0)
        return -1;
    if (is_open)
        *out = (struct su_alert){.alert_id = 0};
    return su_commit(&t, err);
}

int su_alert_close(struct su_db *db, enum su_alert_kind kind, struct su_alert *out, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (su_alert_find(db, kind, out, err) < 0)
        return -1;
    if (out->alert_id == 0)
        return 0;
    (void)su_time_now(out->closed);
    if (su_begin(&t, db, err) < 0 || su_run(db, err, "UPDATE alert SET closed=?2 WHERE alert_id=?1",
                                            SU_I(out->alert_id), SU_T(out->closed)) < 0)
        return -1;
    return su_commit(&t, err);
}

static int load_text(struct su_db *db, const char *way, char *out, size_t room, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf value = SU_BUF_INIT(SU_ALERT_PATH);
    bool found;
    if (su_query_text(db, &value, &found, err, "SELECT value FROM alert_way WHERE way=?1", SU_T(way)) < 0)
        return -1;
    (void)snprintf(out, room, "%s", found && value.bytes ? value.bytes : "");
    return 0;
}

static int load_number(struct su_db *db, const char *way, uint64_t usual, uint64_t most, uint64_t *out,
                       struct su_err *err)
{
    char text[32];
    *out = usual;
    if (load_text(db, way, text, sizeof text, err) < 0)
        return -1;
    return !text[0] || su_u64_parse(out, text, strlen(text), most)
               ? 0
               : su_fail(err, SU_DATA, "the stored %s of the alerts is '%s'", way, text);
}

int su_alert_ways_load(struct su_db *db, struct su_alert_ways *out, struct su_err *err)
{
    return load_text(db, "hook", out->hook, sizeof out->hook, err) < 0 ||
                   load_text(db, "spool", out->spool, sizeof out->spool, err) < 0 ||
                   load_text(db, "mail_to", out->mail_to, sizeof out->mail_to, err) < 0 ||
                   load_number(db, "hook_seconds", SU_HOOK_SECONDS, SU_MAX_HOOK_SECONDS, &out->hook_seconds,
                               err) < 0 ||
                   load_number(db, "silence_days", 0, SU_MAX_SILENCE_DAYS, &out->silence_days, err) < 0
               ? -1
               : 0;
}

static int save(struct su_db *db, const char *way, const char *value, struct su_err *err)
{
    return su_run(db, err, "DELETE FROM alert_way WHERE way=?1", SU_T(way)) < 0 ||
                   (value[0] &&
                    su_run(db, err, "INSERT INTO alert_way VALUES (?1, ?2)", SU_T(way), SU_T(value)) < 0)
               ? -1
               : 0;
}

/* It stands in the head of a mail. */
static bool is_address(const char *text)
{
    size_t length = strlen(text);
    return length < SU_ALERT_ADDRESS && text[0] != '-' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@.+_=-") == length;
}

int su_alert_ways_save(struct su_db *db, const struct su_alert_ways *ways, struct su_err *err)
{
    char seconds[24], days[24];
    if (ways->hook[0] && su_program_check(ways->hook, err) < 0)
        return su_prefix(err, "--hook");
    if (ways->spool[0] && ways->spool[0] != '/')
        return su_fail(err, SU_USAGE, "--spool %s is no absolute path", ways->spool);
    if (!is_address(ways->mail_to))
        return su_fail(err, SU_USAGE, "--mail-to %s is no plain mail address", ways->mail_to);
    (void)snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)ways->hook_seconds);
    (void)snprintf(days, sizeof days, "%llu", (unsigned long long)ways->silence_days);
    return save(db, "hook", ways->hook, err) < 0 || save(db, "spool", ways->spool, err) < 0 ||
                   save(db, "mail_to", ways->mail_to, err) < 0 ||
                   save(db, "hook_seconds", seconds, err) < 0 ||
                   save(db, "silence_days", ways->silence_days > 0 ? days : "", err) < 0
               ? -1
               : 0;
}

/* Before the first success the home's first entry of the ledger counts: somebody set it up then. */
int su_alert_silence(struct su_db *db, uint64_t days, int64_t now, struct su_silence *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf since = SU_BUF_INIT(64);
    int64_t then;
    bool found;
    *out = (struct su_silence){.is_silent = false};
    if (su_query_text(
            db, &since, &found, err,
            "SELECT coalesce((SELECT finished FROM sync_history WHERE error='' AND kind<>'undo' ORDER BY "
            "sync_id DESC LIMIT 1), (SELECT time FROM ledger ORDER BY entry LIMIT 1), '')") < 0)
        return -1;
    if (days == 0 || !su_time_parse(since.bytes, &then) || now < then)
        return 0;
    (void)snprintf(out->since, sizeof out->since, "%s", since.bytes);
    out->days = (now - then) / 86400;
    out->is_silent = now - then > (int64_t)days * 86400;
    return 0;
}
