#include "common/point/ledger.h"

#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/lib/confine.h"
#include "common/sys/clock.h"

/* Longer texts are cut when they enter; what a tampered row may hold is bounded by this. */
#define MAX_HASHED_BYTES (1024 * 1024)

struct row {
    int64_t entry, sequence, form;
    const char *time, *operator, * kind, *site, *detail, *witness, *change, *scan_name;
    const uint8_t *subject, *scan, *previous; /* scan: NULL when none */
};

static int hash_row(const struct row *r, uint8_t out[SU_SHA256_BYTES], struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(MAX_HASHED_BYTES);
    const char *const head[] = {r->time, r->operator, r->kind, r->site};
    const char *const tail[] = {r->witness, r->change, r->scan_name};
    su_buf_addf(&text, "SU-LEDGER %lld\n%lld\n", (long long)r->form, (long long)r->entry);
    for (size_t i = 0; i < 4; i++) {
        su_buf_adds(&text, head[i]);
        su_buf_adds(&text, "\n");
    }
    su_buf_addf(&text, "%llu\n", (unsigned long long)r->sequence);
    su_buf_addhex(&text, r->subject, SU_SHA256_BYTES);
    su_buf_adds(&text, "\n");
    su_buf_adds(&text, r->detail);
    for (size_t i = 0; i < 3 && r->form != 1; i++) {
        su_buf_adds(&text, "\n");
        su_buf_adds(&text, tail[i]);
    }
    if (r->form != 1) {
        su_buf_adds(&text, "\n");
        if (r->scan)
            su_buf_addhex(&text, r->scan, SU_SHA256_BYTES);
    }
    su_buf_adds(&text, "\n");
    su_buf_addhex(&text, r->previous, SU_SHA256_BYTES);
    su_buf_adds(&text, "\n");
    if (su_buf_check(&text, "a ledger entry", err) < 0)
        return -1;
    return su_sha256(out, text.bytes, text.length, err);
}

int su_ledger_head(struct su_db *db, uint8_t out[SU_SHA256_BYTES], struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    memset(out, 0, SU_SHA256_BYTES);
    if (su_query(db, &rows, err, "SELECT hash FROM ledger ORDER BY entry DESC LIMIT 1") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    return more <= 0 ? more : su_rows_fixed(&rows, 0, out, SU_SHA256_BYTES, err);
}

/* One line; with how this command has read what is not trusted. */
static void describe(const struct su_ledger_entry *e, char *out, size_t room)
{
    char raw[1024];
    const char *confinement = su_confinement_text();
    (void)snprintf(raw, sizeof raw, "%.900s%s%s", e->detail, confinement[0] && e->detail[0] ? "; " : "",
                   confinement);
    su_escape_into(out, room, raw);
}

int su_ledger_add(struct su_db *db, const struct su_ledger_entry *e, struct su_err *err)
{
    uint8_t previous[SU_SHA256_BYTES], hash[SU_SHA256_BYTES];
    char now[SU_TIME_TEXT], operator[128], detail[1024], witness[128], change[256], scan_name[128];
    const struct su_actor *a = e->actor;
    struct row r = {.form = 2,
                    .time = su_time_now(now),
                    .operator= operator,
                    .kind = e->kind,
                    .site = e->site,
                    .detail = detail,
                    .witness = witness,
                    .change = change,
                    .scan_name = scan_name,
                    .sequence = (int64_t)e->sequence,
                    .subject = e->subject,
                    .scan = a->scan_name ? a->scan_sha256 : NULL,
                    .previous = previous};
    su_escape_into(operator, sizeof operator, a->operator); /* one line each: the hash input is unambiguous */
    describe(e, detail, sizeof detail);
    su_escape_into(witness, sizeof witness, a->witness ? a->witness : "");
    su_escape_into(change, sizeof change, a->change ? a->change : "");
    su_escape_into(scan_name, sizeof scan_name, a->scan_name ? a->scan_name : "");
    if (su_query_int(db, &r.entry, NULL, err, "SELECT coalesce(max(entry),0)+1 FROM ledger") < 0 ||
        su_ledger_head(db, previous, err) < 0 || hash_row(&r, hash, err) < 0)
        return -1;
    return su_run(
        db, err,
        "INSERT INTO ledger (entry, time, operator, kind, site, sequence, subject, detail, previous, "
        "hash, form, witness, change, scan_name, scan_sha256)"
        " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,2,?11,?12,?13,?14)",
        SU_I(r.entry), SU_T(now), SU_T(operator), SU_T(e->kind), SU_T(e->site), SU_I(e->sequence),
        SU_B(e->subject, SU_SHA256_BYTES), SU_T(detail), SU_B(previous, SU_SHA256_BYTES),
        SU_B(hash, SU_SHA256_BYTES), SU_T(witness), SU_T(change), SU_T(scan_name),
        r.scan ? SU_B(r.scan, SU_SHA256_BYTES) : SU_NULL);
}

/* True when the newest entry is this very refusal. */
static int is_repeated(struct su_db *db, const struct su_ledger_entry *e, bool *out, struct su_err *err)
{
    char detail[1024];
    int64_t count;
    describe(e, detail, sizeof detail);
    if (su_query_int(db, &count, NULL, err,
                     "SELECT count(*) FROM ledger WHERE entry=(SELECT max(entry) FROM ledger) AND "
                     "kind='refuse' AND subject=?1 AND detail=?2",
                     SU_B(e->subject, SU_SHA256_BYTES), SU_T(detail)) < 0)
        return -1;
    *out = count > 0;
    return 0;
}

static int refuse(struct su_db *db, const struct su_ledger_entry *e, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    bool repeated;
    if (su_begin(&t, db, err) < 0 || is_repeated(db, e, &repeated, err) < 0)
        return -1;
    if (repeated)
        return 0;
    return su_ledger_add(db, e, err) < 0 ? -1 : su_commit(&t, err);
}

void su_ledger_refuse(struct su_db *db, const struct su_ledger_entry *entry, const char *claims,
                      const struct su_events *events, const struct su_err *why)
{
    struct su_ledger_entry e = *entry;
    struct su_err failure = SU_ERR_INIT;
    char detail[1024];
    if (why->code == SU_USAGE || why->code == SU_LOCKED || why->code == SU_INTERRUPTED)
        return;
    (void)snprintf(detail, sizeof detail, "%d %.600s%s%.200s", su_code_message_id(why->code), why->text,
                   claims ? "; claims " : "", claims ? claims : "");
    e.kind = "refuse";
    e.detail = detail;
    if (refuse(db, &e, &failure) < 0)
        su_message(events, failure.code, SU_WARNING, "the refusal could not be noted in the ledger: %s",
                   failure.text);
}

/* What is wrong with a row, in words; an empty text: nothing. Column order is that of the query below. */
static int check_row(struct su_rows *rows, int64_t expected, const uint8_t previous[SU_SHA256_BYTES],
                     uint8_t hash[SU_SHA256_BYTES], char *what, size_t room, struct su_err *err)
{
    uint8_t subject[SU_SHA256_BYTES], scan[SU_SHA256_BYTES], before[SU_SHA256_BYTES], made[SU_SHA256_BYTES];
    bool has_scan = !su_rows_is_null(rows, 12);
    struct su_err shape = SU_ERR_INIT;
    if (su_rows_fixed(rows, 6, subject, sizeof subject, &shape) < 0 ||
        (has_scan && su_rows_fixed(rows, 12, scan, sizeof scan, &shape) < 0) ||
        su_rows_fixed(rows, 13, before, sizeof before, &shape) < 0 ||
        su_rows_fixed(rows, 14, hash, SU_SHA256_BYTES, &shape) < 0) {
        (void)snprintf(what, room, "a digest has not its length");
        return 0;
    }
    struct row r = {.entry = su_rows_int(rows, 0),
                    .time = su_rows_text(rows, 1),
                    .operator= su_rows_text(rows, 2),
                    .kind = su_rows_text(rows, 3),
                    .site = su_rows_text(rows, 4),
                    .sequence = su_rows_int(rows, 5),
                    .detail = su_rows_text(rows, 7),
                    .form = su_rows_int(rows, 8),
                    .witness = su_rows_text(rows, 9),
                    .change = su_rows_text(rows, 10),
                    .scan_name = su_rows_text(rows, 11),
                    .subject = subject,
                    .scan = has_scan ? scan : NULL,
                    .previous = before};
    if (hash_row(&r, made, err) < 0)
        return -1;
    if (r.entry != expected)
        (void)snprintf(what, room, "the numbers have a gap: entry %lld stands where %lld should",
                       (long long)r.entry, (long long)expected);
    else if (memcmp(before, previous, sizeof before) != 0)
        (void)snprintf(what, room, "it does not continue the entry before it");
    else if (r.form != 1 && r.form != 2)
        (void)snprintf(what, room, "its form is %lld", (long long)r.form);
    else if (r.form == 1 && (r.witness[0] || r.change[0] || r.scan_name[0] || has_scan))
        (void)snprintf(what, room, "it has a witness, change or scan that its hash does not cover");
    else if (su_rows_int(rows, 15) != 0) /* else texts could move from column to column */
        (void)snprintf(what, room, "a text in it has a line end or a NUL");
    else if (memcmp(made, hash, sizeof made) != 0)
        (void)snprintf(what, room, "its hash is not that of its columns");
    return 0;
}

#define TEXTS "CAST(time||operator||kind||site||detail||witness||change||scan_name AS BLOB)"

int su_ledger_verify(struct su_db *db, const uint8_t *wanted, struct su_ledger_check *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t hash[SU_SHA256_BYTES];
    int more;
    *out = (struct su_ledger_check){.entries = 0};
    if (su_query(
            db, &rows, err,
            "SELECT entry, time, operator, kind, site, sequence, subject, detail, form, witness, change, "
            "scan_name, scan_sha256, previous, hash, instr(" TEXTS ", x'0a') + instr(" TEXTS ", x'00') FROM "
            "ledger ORDER BY entry") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (check_row(&rows, (int64_t)out->entries + 1, out->head, hash, out->what, sizeof out->what, err) <
            0)
            return -1;
        if (out->what[0]) {
            out->bad_entry = su_rows_int(&rows, 0);
            return 0;
        }
        memcpy(out->head, hash, sizeof hash);
        out->has_wanted = out->has_wanted || (wanted && memcmp(wanted, hash, sizeof hash) == 0);
        out->entries++;
    }
    return more;
}
