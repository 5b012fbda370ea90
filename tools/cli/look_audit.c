/*
 * look_audit.c - audit: the ledger and its chain, what one bundle was, whether a file is Microsoft's, how
 * long updates took to arrive.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/point/ledger.h"
#include "common/point/store.h"
#include "tools/cli/look.h"

#define ENTRY_COLUMNS                                                                                        \
    "entry, time, operator, kind, site, sequence, lower(hex(subject)), detail, witness, change, scan_name, " \
    "lower(hex(scan_sha256)), lower(hex(hash))"

/* One row of ENTRY_COLUMNS. */
static void answer_entry(struct su_context *c, struct su_rows *rows)
{
    static const char *const keys[] = {"entry",     "time",        "operator", "kind",    "site",
                                       "sequence",  "subject",     "detail",   "witness", "change",
                                       "scan_name", "scan_sha256", "hash"};
    su_json_open(&c->json, NULL, '{');
    for (int i = 0; i < 13; i++)
        if (i == 0 || i == 5)
            su_json_int(&c->json, keys[i], su_rows_int(rows, i));
        else
            su_json_text(&c->json, keys[i], su_rows_text(rows, i));
    su_json_close(&c->json, '}');
    su_line(c, "%5lld  %s  %-8s %s%s%s", (long long)su_rows_int(rows, 0), su_rows_text(rows, 1),
            su_rows_text(rows, 3), su_rows_text(rows, 7), su_rows_text(rows, 4)[0] ? "  site " : "",
            su_rows_text(rows, 4));
    su_line(c, "       by %s%s%s%s%s%s%s", su_rows_text(rows, 2),
            su_rows_text(rows, 8)[0] ? ", seen by " : "", su_rows_text(rows, 8),
            su_rows_text(rows, 9)[0] ? ", change " : "", su_rows_text(rows, 9),
            su_rows_text(rows, 10)[0] ? ", scan " : "", su_rows_text(rows, 10));
}

static int answer_entries(struct su_context *c, struct su_rows *rows, int64_t *count, struct su_err *err)
{
    int more;
    su_json_open(&c->json, "entries", '[');
    for (*count = 0; (more = su_rows_next(rows, err)) > 0; (*count)++)
        answer_entry(c, rows);
    su_json_close(&c->json, ']');
    return more;
}

int su_cmd_audit_verify(struct su_context *c, struct su_err *err)
{
    uint8_t wanted[SU_SHA256_BYTES];
    const char *head = su_given(c, "head");
    struct su_ledger_check check;
    char text[SU_SHA256_TEXT];
    if (head && !su_hex_parse(wanted, sizeof wanted, head, strlen(head), false))
        return su_fail(err, SU_USAGE, "--head %s is no SHA-256 of 64 digits", head);
    if (su_ledger_verify(c->home.db, head ? wanted : NULL, &check, err) < 0)
        return -1;
    su_hex_format(check.head, sizeof check.head, text);
    su_json_int(&c->json, "entries", (int64_t)check.entries);
    su_json_text(&c->json, "head", text);
    su_json_int(&c->json, "bad_entry", check.bad_entry);
    su_json_text(&c->json, "what", check.what);
    if (check.bad_entry != 0)
        return su_fail(err, SU_LEDGER, "entry %lld of the ledger is wrong: %s; the %llu before it are good",
                       (long long)check.bad_entry, check.what, (unsigned long long)check.entries);
    if (head && !check.has_wanted)
        return su_fail(err, SU_LEDGER,
                       "the chain of %llu entries is whole, but none has the hash %s: its end was cut off",
                       (unsigned long long)check.entries, head);
    su_line(c, "ledger good: %s entries, head %s", su_count_text(check.entries), text);
    return 0;
}

int su_cmd_audit_ledger(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint64_t since = 0, limit = 50;
    int64_t count;
    if (su_given_number(c, "since", INT64_MAX, &since, err) < 0 ||
        su_given_number(c, "limit", 1000000, &limit, err) < 0)
        return -1;
    int result =
        su_has(c, "since")
            ? su_query(c->home.db, &rows, err,
                       "SELECT " ENTRY_COLUMNS " FROM ledger WHERE entry>=?1 ORDER BY entry LIMIT ?2",
                       SU_I(since), SU_I(limit))
            : su_query(c->home.db, &rows, err,
                       "SELECT " ENTRY_COLUMNS " FROM ledger WHERE entry>(SELECT coalesce(max(entry),0) "
                       "FROM ledger)-?1 ORDER BY entry",
                       SU_I(limit));
    return result < 0 ? -1 : answer_entries(c, &rows, &count, err);
}

int su_cmd_audit_refused(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint64_t limit = 20;
    int64_t count;
    if (su_given_number(c, "limit", 1000000, &limit, err) < 0 ||
        su_query(c->home.db, &rows, err,
                 "SELECT " ENTRY_COLUMNS " FROM ledger WHERE kind='refuse' ORDER BY entry DESC LIMIT ?1",
                 SU_I(limit)) < 0 ||
        answer_entries(c, &rows, &count, err) < 0)
        return -1;
    if (count == 0)
        su_line(c, "nothing was refused");
    return 0;
}

/* ---- one bundle -------------------------------------------------------------------------------------- */

/* "SU-ALPHA-000012" or "12" with --site; at a site the number alone will do. */
static int parse_bundle(struct su_context *c, char site[17], uint64_t *sequence, struct su_err *err)
{
    const char *word = su_argument(c, 0), *dash = strrchr(word, '-'), *code = su_given(c, "site");
    const char *digits = word;
    site[0] = 0;
    if (strncmp(word, "SU-", 3) == 0 && dash > word + 2 && dash - word - 3 <= 16) {
        memcpy(site, word + 3, (size_t)(dash - word - 3));
        site[dash - word - 3] = 0;
        digits = dash + 1;
        while (*digits == '0' && digits[1])
            digits++;
    } else if (code && strlen(code) <= 16) {
        (void)snprintf(site, 17, "%s", code);
    } else if (c->home.role == SU_SITE) {
        memcpy(site, c->home.name, strnlen(c->home.name, 16) + 1);
        site[16] = 0;
    }
    if (!su_u64_parse(sequence, digits, strlen(digits), 999999))
        return su_fail(err, SU_USAGE, "%s is neither a bundle's name nor its number", word);
    if (!su_site_code_is_valid(site))
        return su_fail(err, SU_USAGE, "of which site? Give the bundle's name or --site CODE");
    return 0;
}

/* The tables' own rows: exports of the hub, imports of the site. */
static int answer_made(struct su_context *c, struct su_rows *rows, bool is_hub, int64_t *count,
                       struct su_err *err)
{
    static const char *const keys[] = {"time",        "kind",        "hub", "created", "manifest_sha256",
                                       "base_digest", "state_digest"};
    int more;
    su_json_open(&c->json, is_hub ? "exports" : "imports", '[');
    for (*count = 0; (more = su_rows_next(rows, err)) > 0; (*count)++) {
        su_json_open(&c->json, NULL, '{');
        for (int i = 0; i < 7; i++)
            su_json_text(&c->json, keys[i], su_rows_text(rows, i));
        su_json_bool(&c->json, "undone", su_rows_int(rows, 7) != 0);
        su_json_close(&c->json, '}');
        su_line(c, "%s %s, %s, from hub %s, catalogue of %s%s", is_hub ? "exported" : "imported",
                su_rows_text(rows, 0), su_rows_text(rows, 1), su_rows_text(rows, 2), su_rows_text(rows, 3),
                su_rows_int(rows, 7) ? "; undone later" : "");
        su_line(c, "  manifest     %s", su_rows_text(rows, 4));
        su_line(c, "  leads to     %s", su_rows_text(rows, 6));
    }
    su_json_close(&c->json, ']');
    return more;
}

static int answer_receipts(struct su_context *c, const char *site, uint64_t sequence, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(
            c->home.db, &rows, err,
            "SELECT taken, r.kind, r.entry, r.content_owed FROM receipt r JOIN site s USING (site_id) WHERE "
            "s.code=?1 AND r.sequence=?2 ORDER BY receipt_id",
            SU_T(site), SU_I(sequence)) < 0)
        return -1;
    su_json_open(&c->json, "receipts", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "time", su_rows_text(&rows, 0));
        su_json_text(&c->json, "kind", su_rows_text(&rows, 1));
        su_json_int(&c->json, "entry", su_rows_int(&rows, 2));
        su_json_int(&c->json, "content_owed", su_rows_int(&rows, 3));
        su_json_close(&c->json, '}');
        su_line(c, "receipt (%s) taken %s", su_rows_text(&rows, 1), su_rows_text(&rows, 0));
    }
    su_json_close(&c->json, ']');
    return more;
}

int su_cmd_audit_bundle(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows made = SU_ROWS_INIT, rows = SU_ROWS_INIT;
    char site[17];
    uint64_t sequence;
    int64_t count, entries;
    bool is_hub = c->home.role == SU_HUB;
    if (parse_bundle(c, site, &sequence, err) < 0)
        return -1;
    su_json_text(&c->json, "site", site);
    su_json_int(&c->json, "sequence", (int64_t)sequence);
    int result = is_hub
                     ? su_query(c->home.db, &made, err,
                                "SELECT exported, kind, ?3, created, lower(hex(manifest_sha256)), '', "
                                "lower(hex(state_digest)), 0 FROM export JOIN site USING (site_id) WHERE "
                                "code=?1 AND sequence=?2",
                                SU_T(site), SU_I(sequence), SU_T(c->home.name))
                     : su_query(c->home.db, &made, err,
                                "SELECT imported, kind, hub, created, lower(hex(manifest_sha256)), "
                                "lower(hex(base_digest)), lower(hex(state_digest)), undone FROM import WHERE "
                                "sequence=?1 ORDER BY import_id",
                                SU_I(sequence));
    if (result < 0 || answer_made(c, &made, is_hub, &count, err) < 0 ||
        (is_hub && answer_receipts(c, site, sequence, err) < 0) ||
        su_query(c->home.db, &rows, err,
                 "SELECT " ENTRY_COLUMNS " FROM ledger WHERE sequence=?1 AND site IN (?2, ?3) ORDER BY entry",
                 SU_I(sequence), SU_T(site), SU_T(is_hub ? site : c->home.name)) < 0 ||
        answer_entries(c, &rows, &entries, err) < 0)
        return -1;
    return count + entries > 0
               ? 0
               : su_fail(err, SU_NOT_FOUND, "bundle %llu of %s is not in the books of this %s",
                         (unsigned long long)sequence, site, is_hub ? "hub" : "site");
}

/* ---- one file ---------------------------------------------------------------------------------------- */

/* The revision ids that a KB, GUID or file is asked by go into temp.asked (rev_id, sha1): sha1 NULL: all
 * files. */
static int ask_files(struct su_context *c, const char *word, struct su_err *err)
{
    struct su_db *db = c->home.db;
    uint8_t digest[SU_SHA256_BYTES];
    size_t n = strlen(word);
    if (su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS asked (rev_id INTEGER, sha1 BLOB, PRIMARY KEY (rev_id, "
                     "sha1)) WITHOUT ROWID; DELETE FROM temp.asked;",
                     err) < 0)
        return -1;
    if (n == 2 * SU_SHA1_BYTES && su_hex_parse(digest, SU_SHA1_BYTES, word, n, false))
        return su_run(db, err, "INSERT OR IGNORE INTO temp.asked SELECT rev_id, sha1 FROM file WHERE sha1=?1",
                      SU_B(digest, SU_SHA1_BYTES));
    if (n == 2 * SU_SHA256_BYTES && su_hex_parse(digest, SU_SHA256_BYTES, word, n, false))
        return su_run(db, err,
                      "INSERT OR IGNORE INTO temp.asked SELECT rev_id, sha1 FROM file WHERE sha256=?1 OR "
                      "sha1 IN (SELECT sha1 FROM stored_file WHERE sha256=?1)",
                      SU_B(digest, SU_SHA256_BYTES));
    if (su_run(db, err,
               "INSERT OR IGNORE INTO temp.asked SELECT rev_id, sha1 FROM file WHERE name=?1 COLLATE NOCASE",
               SU_T(word)) < 0)
        return -1;
    if (su_db_changes(db) > 0)
        return 0;
    SU_AUTO(su_ids) struct su_ids ids = {0};
    if (su_look_up(db, word, &ids, err) < 0)
        return err->code == SU_NOT_FOUND
                   ? su_fail(err, SU_NOT_FOUND, "no file or update %s is known here", word)
                   : -1;
    for (size_t i = 0; i < ids.list.count; i++) /* the files of a bundle are those of its children */
        if (su_run(db, err,
                   "INSERT OR IGNORE INTO temp.asked WITH RECURSIVE part (rev_id) AS (SELECT rev_id FROM "
                   "revision WHERE update_id=?1 UNION "
                   "SELECT t.rev_id FROM part JOIN bundled b USING (rev_id) JOIN revision t ON "
                   "t.update_id=b.target AND "
                   "t.revision=b.target_revision) SELECT rev_id, sha1 FROM part JOIN file USING (rev_id)",
                   SU_B(ids.list.at[i].bytes, 16)) < 0)
            return -1;
    return 0;
}

/* Reads the stored bytes now; what the metadata says is judged, not what the database says of the store. */
static int judge_file(struct su_context *c, struct su_rows *rows, struct su_file_id *have,
                      const char **verdict, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_file_id want = {.bytes = (uint64_t)su_rows_int(rows, 3)};
    uint8_t stored[SU_SHA256_BYTES];
    struct su_err why = SU_ERR_INIT;
    *have = (struct su_file_id){.bytes = 0};
    *verdict = "missing";
    if (su_rows_fixed(rows, 1, want.sha1, sizeof want.sha1, err) < 0)
        return -1;
    if (su_rows_is_null(rows, 8)) /* no row of the store */
        return 0;
    if (su_rows_fixed(rows, 8, stored, sizeof stored, err) < 0)
        return -1;
    if (su_store_open(&fd, &c->home, stored, NULL, &why) < 0)
        return 0;
    if (su_store_identify(fd, have, err) < 0)
        return -1;
    bool is_good = have->bytes == want.bytes && memcmp(have->sha1, want.sha1, sizeof want.sha1) == 0 &&
                   memcmp(have->sha256, stored, sizeof stored) == 0;
    if (is_good && !su_rows_is_null(rows, 2)) {
        if (su_rows_fixed(rows, 2, want.sha256, sizeof want.sha256, err) < 0)
            return -1;
        is_good = memcmp(have->sha256, want.sha256, sizeof want.sha256) == 0;
    }
    *verdict = is_good ? "good" : "wrong";
    return 0;
}

static void answer_file(struct su_context *c, struct su_rows *rows, const struct su_file_id *have,
                        const char *verdict)
{
    char sha1[2 * SU_SHA1_BYTES + 1] = "", sha256[SU_SHA256_TEXT] = "", bundle[64] = "";
    bool was_read = strcmp(verdict, "missing") != 0;
    if (was_read) {
        su_hex_format(have->sha1, SU_SHA1_BYTES, sha1);
        su_hex_format(have->sha256, SU_SHA256_BYTES, sha256);
    }
    if (!su_rows_is_null(rows, 9))
        (void)snprintf(bundle, sizeof bundle, "SU-%.16s-%06lld", c->home.name,
                       (long long)su_rows_int(rows, 9));
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "name", su_rows_text(rows, 0));
    su_json_int(&c->json, "bytes", su_rows_int(rows, 3));
    su_json_text(&c->json, "sha1", su_rows_text(rows, 10));
    su_json_text(&c->json, "sha256", su_rows_text(rows, 11));
    su_json_text(&c->json, "update_id", su_rows_text(rows, 5));
    su_json_int(&c->json, "revision", su_rows_int(rows, 6));
    su_json_text(&c->json, "title", su_rows_text(rows, 7));
    su_json_text(&c->json, "verdict", verdict);
    su_json_text(&c->json, "read_sha1", was_read ? sha1 : NULL);
    su_json_text(&c->json, "read_sha256", was_read ? sha256 : NULL);
    su_json_text(&c->json, "bundle", bundle[0] ? bundle : NULL);
    su_json_close(&c->json, '}');
    su_line(c, "%-8s %s  %s", verdict, su_rows_text(rows, 0), su_bytes_text((uint64_t)su_rows_int(rows, 3)));
    su_line(c, "  of           %s revision %lld  %s", su_rows_text(rows, 5), (long long)su_rows_int(rows, 6),
            su_rows_text(rows, 7));
    su_line(c, "  metadata     SHA-1 %s%s%s", su_rows_text(rows, 10),
            su_rows_text(rows, 11)[0] ? "  SHA-256 " : "", su_rows_text(rows, 11));
    if (was_read)
        su_line(c, "  read now     SHA-1 %s  SHA-256 %s", sha1, sha256);
    if (bundle[0])
        su_line(c, "  came with    %s", bundle);
}

int su_cmd_audit_file(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const char *word = su_argument(c, 0);
    size_t wrong = 0, missing = 0, count = 0;
    int more;
    if (ask_files(c, word, err) < 0 ||
        su_query(
            c->home.db, &rows, err,
            "SELECT f.name, f.sha1, f.sha256, f.bytes, max(r.revision), v.update_id, v.revision, v.title, "
            "s.sha256, s.sequence, "
            "lower(hex(f.sha1)), lower(hex(f.sha256)) FROM temp.asked a JOIN file f ON f.rev_id=a.rev_id AND "
            "f.sha1=a.sha1 JOIN revision r ON "
            "r.rev_id=f.rev_id JOIN v_update v ON v.rev_id=f.rev_id LEFT JOIN stored_file s ON s.sha1=f.sha1 "
            "AND s.bytes=f.bytes AND (f.sha256 IS NULL OR "
            "s.sha256=f.sha256) GROUP BY f.sha1, f.bytes, r.update_id ORDER BY f.name, f.sha1, r.update_id") <
            0)
        return -1;
    su_json_open(&c->json, "files", '[');
    for (; (more = su_rows_next(&rows, err)) > 0; count++) {
        struct su_file_id have;
        const char *verdict;
        if (judge_file(c, &rows, &have, &verdict, err) < 0)
            return -1;
        answer_file(c, &rows, &have, verdict);
        wrong += verdict[0] == 'w';
        missing += verdict[0] == 'm';
    }
    su_json_close(&c->json, ']');
    if (more < 0)
        return -1;
    if (count == 0)
        return su_fail(err, SU_NOT_FOUND, "no file of that name, digest or update is known here: %s", word);
    if (wrong > 0)
        return su_fail(err, SU_CONTENT_WRONG, "%zu of %zu files are not what the metadata says", wrong,
                       count);
    if (missing > 0)
        c->note = SU_CONTENT_MISSING;
    return 0;
}

/* ---- how long updates took --------------------------------------------------------------------------- */

int su_look_since(struct su_context *c, const char **out, struct su_err *err)
{
    static const char form[] = "dddd-dd-dd";
    const char *date = su_given(c, "since");
    *out = date ? date : "";
    for (size_t i = 0; date && i < sizeof form; i++)
        if (form[i] == 'd' ? date[i] < '0' || date[i] > '9' : date[i] != form[i])
            return su_fail(err, SU_USAGE, "--since %s is no date like 2026-10-14", date);
    return 0;
}

int su_cmd_audit_latency(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const char *since;
    int64_t count, median = 0, worst = 0, shown = 0;
    int more;
    if (su_look_since(c, &since, err) < 0 ||
        su_db_script(c->home.db,
                     "CREATE TEMP TABLE IF NOT EXISTS latency (rev_id INTEGER PRIMARY KEY, days INTEGER, "
                     "arrived TEXT); DELETE FROM temp.latency;",
                     err) < 0 ||
        su_run(c->home.db, err,
               "INSERT INTO temp.latency SELECT r.rev_id, CAST(julianday(h.finished)-julianday(i.created) AS "
               "INTEGER), h.finished FROM revision r JOIN info i USING (rev_id) "
               "JOIN sync_history h ON h.sync_id=r.arrived WHERE i.type=2 AND i.created>=?1 AND "
               "julianday(i.created) IS NOT NULL AND r.revision=(SELECT max(n.revision) FROM "
               "revision n WHERE n.update_id=r.update_id)",
               SU_T(since)) < 0 ||
        su_query_int(c->home.db, &count, NULL, err, "SELECT count(*) FROM temp.latency") < 0 ||
        (count > 0 &&
         (su_query_int(c->home.db, &median, NULL, err,
                       "SELECT days FROM temp.latency ORDER BY days LIMIT 1 OFFSET (SELECT (count(*)-1)/2 "
                       "FROM temp.latency)") < 0 ||
          su_query_int(c->home.db, &worst, NULL, err, "SELECT max(days) FROM temp.latency") < 0)) ||
        su_query(c->home.db, &rows, err,
                 "SELECT v.update_id, v.revision, v.kb, v.title, v.created, l.arrived, l.days FROM "
                 "temp.latency l JOIN v_update v USING (rev_id) ORDER BY v.created DESC, "
                 "v.update_id") < 0)
        return -1;
    su_json_int(&c->json, "count", count);
    su_json_int(&c->json, "median_days", median);
    su_json_int(&c->json, "worst_days", worst);
    su_line(c, "%s updates, median %lld days from release to here, worst %lld",
            su_count_text((uint64_t)count), (long long)median, (long long)worst);
    su_json_open(&c->json, "updates", '[');
    for (; (more = su_rows_next(&rows, err)) > 0; shown++) {
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", su_rows_text(&rows, 0));
        su_json_int(&c->json, "revision", su_rows_int(&rows, 1));
        su_json_text(&c->json, "kb", su_rows_text(&rows, 2));
        su_json_text(&c->json, "title", su_rows_text(&rows, 3));
        su_json_text(&c->json, "created", su_rows_text(&rows, 4));
        su_json_text(&c->json, "arrived", su_rows_text(&rows, 5));
        su_json_int(&c->json, "days", su_rows_int(&rows, 6));
        su_json_close(&c->json, '}');
        if (shown < 20)
            su_line(c, "  %.10s  %5lld days  %s%-9s %s", su_rows_text(&rows, 4),
                    (long long)su_rows_int(&rows, 6), su_rows_text(&rows, 2)[0] ? "KB" : "  ",
                    su_rows_text(&rows, 2), su_rows_text(&rows, 3));
    }
    su_json_close(&c->json, ']');
    return more;
}
