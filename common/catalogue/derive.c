#include "common/catalogue/derive.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/record.h"

static int insert_info(struct su_db *db, int64_t rev_id, const struct su_update *u, struct su_err *err)
{
    return su_run(
        db, err,
        "INSERT INTO info (rev_id, type, expired, deployable, created, severity, category_type, title) "
        "VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
        SU_I(rev_id), SU_I(u->type), SU_I(u->is_expired), SU_I(u->is_deployable), SU_T(u->created),
        SU_T(u->severity), SU_T(u->category_type), SU_T(su_update_title(u)));
}

/* OR IGNORE here and below: real documents repeat entries; the set is what counts. */
static int insert_texts(struct su_db *db, int64_t rev_id, const struct su_update *u, struct su_err *err)
{
    for (size_t i = 0; i < u->localized.count; i++)
        if (su_run(db, err, "INSERT OR IGNORE INTO title VALUES (?1,?2,?3)", SU_I(rev_id),
                   SU_T(u->localized.at[i].language), SU_T(u->localized.at[i].title)) < 0)
            return -1;
    for (size_t i = 0; i < u->tags.count; i++) {
        const char *kind = u->tags.at[i].kind;
        if (strcmp(kind, "property") == 0 || strcmp(kind, "url") == 0 || strcmp(kind, "support") == 0)
            continue; /* shown from the document, never searched */
        if (su_run(db, err, "INSERT OR IGNORE INTO tag VALUES (?1,?2,?3)", SU_I(rev_id), SU_T(kind),
                   SU_T(u->tags.at[i].value)) < 0)
            return -1;
    }
    return 0;
}

static int insert_relations(struct su_db *db, int64_t rev_id, const struct su_update *u, struct su_err *err)
{
    for (size_t i = 0; i < u->prerequisites.count; i++) {
        const struct su_relation *p = &u->prerequisites.at[i];
        if (su_run(db, err, "INSERT OR IGNORE INTO prerequisite VALUES (?1,?2,?3,?4)", SU_I(rev_id),
                   SU_I(p->clause), SU_B(p->id.bytes, 16), SU_I(p->is_category)) < 0)
            return -1;
    }
    for (size_t i = 0; i < u->bundled.count; i++) {
        const struct su_relation *b = &u->bundled.at[i];
        if (su_run(db, err, "INSERT OR IGNORE INTO bundled VALUES (?1,?2,?3,?4)", SU_I(rev_id),
                   SU_I(b->clause), SU_B(b->id.bytes, 16), SU_I(b->revision)) < 0)
            return -1;
    }
    for (size_t i = 0; i < u->superseded.count; i++)
        if (su_run(db, err, "INSERT OR IGNORE INTO superseded VALUES (?1,?2)", SU_I(rev_id),
                   SU_B(u->superseded.at[i].bytes, 16)) < 0)
            return -1;
    return 0;
}

static int insert_files(struct su_db *db, int64_t rev_id, const struct su_update *u, const char *urls,
                        size_t urls_bytes, struct su_err *err)
{
    for (size_t i = 0; i < u->files.count; i++) {
        const struct su_update_file *f = &u->files.at[i];
        size_t length = 0;
        const char *url = su_urls_find(urls, urls_bytes, f->sha1, &length);
        struct su_arg address = {.kind = SU_ARG_TEXT, .bytes = url ? url : "", .length = length};
        struct su_arg sha256 = f->has_sha256 ? SU_B(f->sha256, SU_SHA256_BYTES) : SU_NULL;
        if (su_run(db, err, "INSERT OR IGNORE INTO file VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)", SU_I(rev_id),
                   SU_B(f->sha1, SU_SHA1_BYTES), SU_I(f->is_licence), SU_T(f->language), sha256,
                   SU_T(f->name), SU_I(f->bytes), SU_I(f->is_express), address) < 0)
            return -1;
    }
    return 0;
}

/* The words indexed for a row, from its own tables: removal must present the same text again. */
static int words_of(struct su_db *db, int64_t rev_id, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    su_buf_clear(out);
    if (su_query(db, &rows, err,
                 "SELECT title FROM title WHERE rev_id=?1 UNION ALL "
                 "SELECT value FROM tag WHERE rev_id=?1 AND kind IN ('kb','bulletin','cve') UNION ALL "
                 "SELECT 'KB'||value FROM tag WHERE rev_id=?1 AND kind='kb'",
                 SU_I(rev_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_buf_adds(out, su_rows_text(&rows, 0));
        su_buf_adds(out, "\n");
    }
    return more < 0 ? -1 : su_buf_check(out, "the words of a title", err);
}

int su_derive(struct su_db *db, int64_t rev_id, const struct su_update *update, const char *urls,
              size_t urls_bytes, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf words = SU_BUF_INIT(SU_MAX_UPDATE_ARENA_BYTES);
    if (insert_info(db, rev_id, update, err) < 0 || insert_texts(db, rev_id, update, err) < 0 ||
        insert_relations(db, rev_id, update, err) < 0 ||
        insert_files(db, rev_id, update, urls, urls_bytes, err) < 0 || words_of(db, rev_id, &words, err) < 0)
        return -1;
    return su_run(db, err, "INSERT INTO search (rowid, words) VALUES (?1,?2)", SU_I(rev_id),
                  SU_T(words.bytes));
}

int su_derive_remove(struct su_db *db, int64_t rev_id, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf words = SU_BUF_INIT(SU_MAX_UPDATE_ARENA_BYTES);
    if (words_of(db, rev_id, &words, err) < 0 ||
        su_run(db, err, "INSERT INTO search (search, rowid, words) VALUES ('delete',?1,?2)", SU_I(rev_id),
               SU_T(words.bytes)) < 0 ||
        su_run(db, err, "DELETE FROM info WHERE rev_id=?1", SU_I(rev_id)) < 0 ||
        su_run(db, err, "DELETE FROM title WHERE rev_id=?1", SU_I(rev_id)) < 0 ||
        su_run(db, err, "DELETE FROM tag WHERE rev_id=?1", SU_I(rev_id)) < 0 ||
        su_run(db, err, "DELETE FROM prerequisite WHERE rev_id=?1", SU_I(rev_id)) < 0 ||
        su_run(db, err, "DELETE FROM bundled WHERE rev_id=?1", SU_I(rev_id)) < 0 ||
        su_run(db, err, "DELETE FROM superseded WHERE rev_id=?1", SU_I(rev_id)) < 0 ||
        su_run(db, err, "DELETE FROM file WHERE rev_id=?1", SU_I(rev_id)) < 0)
        return -1;
    return 0;
}

int su_derive_clear(struct su_db *db, struct su_err *err)
{
    return su_db_script(db,
                        "DELETE FROM info; DELETE FROM title; DELETE FROM tag; DELETE FROM prerequisite;"
                        "DELETE FROM bundled; DELETE FROM superseded; DELETE FROM file;"
                        "INSERT INTO search (search) VALUES ('delete-all');",
                        err);
}
