#include "common/receipt/statement.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/site/position.h"
#include "common/trust/keys.h"

struct writing {
    struct su_atomic file;
    struct su_digest digest;
};

static int put(struct writing *w, struct su_buf *line, struct su_err *err)
{
    if (su_buf_check(line, "a state file", err) < 0 ||
        su_digest_add(&w->digest, line->bytes, line->length, err) < 0)
        return -1;
    su_atomic_write(&w->file, line->bytes, line->length);
    su_buf_clear(line);
    return 0;
}

static int add_head(struct su_home *site, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_receipt r = {.sequence = 0};
    if (su_receipt_fill(site, &r, err) < 0 || su_position_load(site->db, &position, err) < 0 ||
        su_query(site->db, &rows, err,
                 "SELECT hub, created, profile||approvals FROM import WHERE import_id=?1",
                 SU_I(position.import_id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_DATA, "database: the last import has no row");
    su_buf_addf(out, SU_STATEMENT_FIRST "site %s\nhub %s\nsequence %llu\nhighest %llu\ncreated %s\nmanifest ",
                r.site, su_rows_text(&rows, 0), (unsigned long long)r.sequence,
                (unsigned long long)position.highest, su_rows_text(&rows, 1));
    su_buf_addhex(out, r.manifest, SU_SHA256_BYTES);
    su_buf_adds(out, "\nstate ");
    su_buf_addhex(out, r.state, SU_SHA256_BYTES);
    su_buf_addf(out, "\ncontent-owed %llu\nentry %llu\n", (unsigned long long)r.content_owed,
                (unsigned long long)r.entry);
    if (r.urgent)
        su_buf_addf(out, "urgent %llu\n", (unsigned long long)r.urgent);
    su_buf_adds(out, su_rows_text(&rows, 2));
    return 0;
}

static int write_records(struct su_home *site, struct writing *w, struct su_buf *line, uint64_t *count,
                         struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    uint8_t record[SU_SHA256_BYTES], document[SU_SHA256_BYTES];
    char guid[SU_GUID_TEXT];
    int more;
    if (su_query(site->db, &rows, err,
                 "SELECT update_id, revision, origin, record_sha256, doc_sha256 FROM revision "
                 "WHERE " SU_IS_ORDINARY " ORDER BY "
                 "update_id, revision") < 0)
        return -1;
    for (*count = 0; (more = su_rows_next(&rows, err)) > 0; ++*count) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0 ||
            su_rows_fixed(&rows, 3, record, sizeof record, err) < 0 ||
            su_rows_fixed(&rows, 4, document, sizeof document, err) < 0)
            return -1;
        su_buf_addf(line, "R %s %lld %lld ", su_guid_format(&id, guid), (long long)su_rows_int(&rows, 1),
                    (long long)su_rows_int(&rows, 2));
        su_buf_addhex(line, record, sizeof record);
        su_buf_adds(line, " ");
        su_buf_addhex(line, document, sizeof document);
        su_buf_adds(line, "\n");
        if (put(w, line, err) < 0)
            return -1;
    }
    return more;
}

static int write_files(struct su_home *site, struct writing *w, struct su_buf *line, uint64_t *count,
                       struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t sha256[SU_SHA256_BYTES];
    int more;
    if (su_query(site->db, &rows, err, "SELECT sha256 FROM stored_file ORDER BY sha256") < 0)
        return -1;
    for (*count = 0; (more = su_rows_next(&rows, err)) > 0; ++*count) {
        if (su_rows_fixed(&rows, 0, sha256, sizeof sha256, err) < 0)
            return -1;
        su_buf_adds(line, "F ");
        su_buf_addhex(line, sha256, sizeof sha256);
        su_buf_adds(line, "\n");
        if (put(w, line, err) < 0)
            return -1;
    }
    return more;
}

static int add_signature(struct su_home *site, struct writing *w, struct su_buf *line, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file key = SU_KEY_FILE_INIT;
    uint8_t digest[SU_SHA256_BYTES], signature[SU_SIGNATURE_BYTES];
    char text[SU_STATEMENT_SIGNED_TEXT], base64[89];
    if (su_keys_open_private(site, "site", NULL, &key, err) < 0 || su_digest_end(&w->digest, digest, err) < 0)
        return -1;
    su_statement_signed_text(digest, text);
    if (su_sign(&key.key, text, strlen(text), signature, err) < 0)
        return -1;
    su_base64_format(signature, sizeof signature, base64);
    su_buf_addf(line, "signature %s\n", base64);
    if (su_buf_check(line, "a state file", err) < 0)
        return -1;
    su_atomic_write(&w->file, line->bytes, line->length);
    return 0;
}

void su_statement_signed_text(const uint8_t digest[SU_SHA256_BYTES], char out[SU_STATEMENT_SIGNED_TEXT])
{
    char hex[SU_SHA256_TEXT];
    su_hex_format(digest, SU_SHA256_BYTES, hex);
    (void)snprintf(out, SU_STATEMENT_SIGNED_TEXT, "SU-SITE-STATE-DIGEST 1\n%s\n", hex);
}

int su_statement_make(struct su_home *site, const char *path, uint64_t *revisions, uint64_t *files,
                      struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(SU_MAX_STATEMENT_HEAD_BYTES);
    struct writing w = {SU_ATOMIC_INIT, SU_DIGEST_INIT};
    /* One reading transaction: an import that goes on meanwhile is not seen. */
    int result = su_path_atomic_new(&w.file, &dir, path, 0644, err) < 0 ||
                         su_digest_open(&w.digest, SU_SHA256, err) < 0 ||
                         su_db_script(site->db, "BEGIN", err) < 0 || add_head(site, &line, err) < 0 ||
                         put(&w, &line, err) < 0 || write_records(site, &w, &line, revisions, err) < 0 ||
                         write_files(site, &w, &line, files, err) < 0 ||
                         su_db_script(site->db, "COMMIT", err) < 0 ||
                         add_signature(site, &w, &line, err) < 0 || su_atomic_commit(&w.file, false, err) < 0
                     ? -1
                     : 0;
    su_atomic_cleanup(&w.file);
    su_digest_cleanup(&w.digest);
    return result;
}
