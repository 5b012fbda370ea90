#include "common/catalogue/derive.h"

#include <string.h>

#include "common/base/limits.h"

/* One table after the other: each statement keeps its place in one table and its indices. */
#define EACH_PUT(item, items, count)                                                                         \
    for (const struct su_prepared *item = (items); item < (items) + (count); item++)                         \
        if (item->edit == SU_PUT)

#define INTO_INFO                                                                                            \
    "INSERT OR FAIL INTO info (rev_id, type, expired, deployable, created, severity, category_type, title, " \
    "relations) SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8 FROM feed"
/* OR IGNORE here and below: real documents repeat entries; the set is what counts. */
#define INTO_TITLE "INSERT OR IGNORE INTO title SELECT c0, c1, c2 FROM feed"
#define INTO_TAG "INSERT OR IGNORE INTO tag SELECT c0, c1, c2 FROM feed"
#define INTO_PREREQUISITE "INSERT OR IGNORE INTO prerequisite SELECT c0, c1, c2, c3 FROM feed"
#define INTO_BUNDLED "INSERT OR IGNORE INTO bundled SELECT c0, c1, c2, c3 FROM feed"
#define INTO_SUPERSEDED "INSERT OR IGNORE INTO superseded SELECT c0, c1 FROM feed"
#define INTO_FILE "INSERT OR IGNORE INTO file SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8 FROM feed"

/* The words indexed for a row, from its own tables: removal must present the same text again. */
#define WORDS(rev_id)                                                                                        \
    "(SELECT group_concat(word, char(10)) FROM (SELECT title AS word FROM title WHERE rev_id=" rev_id        \
    " UNION ALL SELECT value FROM tag WHERE rev_id=" rev_id " AND kind IN ('kb','bulletin','cve')"           \
    " UNION ALL SELECT 'KB'||value FROM tag WHERE rev_id=" rev_id " AND kind='kb'))"

static int insert_info(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    su_feed_begin(db);
    EACH_PUT(item, items, count)
    {
        const struct su_update *u = &item->update;
        if (su_feed_row(db, err, INTO_INFO, SU_I(item->rev_id), SU_I(u->type), SU_I(u->is_expired),
                        SU_I(u->is_deployable), SU_T(u->created), SU_T(u->severity), SU_T(u->category_type),
                        SU_T(su_update_title(u)), SU_B(u->packed_relations, u->packed_relations_bytes)) < 0)
            return -1;
    }
    return su_feed_run(db, err, INTO_INFO);
}

static int insert_titles(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    su_feed_begin(db);
    EACH_PUT(item, items, count)
    for (size_t i = 0; i < item->update.localized.count; i++) {
        const struct su_localized *l = &item->update.localized.at[i];
        if (su_feed_row(db, err, INTO_TITLE, SU_I(item->rev_id), SU_T(l->language), SU_T(l->title)) < 0)
            return -1;
    }
    return su_feed_run(db, err, INTO_TITLE);
}

static int insert_tags(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    su_feed_begin(db);
    EACH_PUT(item, items, count)
    for (size_t i = 0; i < item->update.tags.count; i++) {
        const struct su_tag *t = &item->update.tags.at[i];
        if (strcmp(t->kind, "property") == 0 || strcmp(t->kind, "url") == 0 ||
            strcmp(t->kind, "support") == 0)
            continue; /* shown from the document, never searched */
        if (su_feed_row(db, err, INTO_TAG, SU_I(item->rev_id), SU_T(t->kind), SU_T(t->value)) < 0)
            return -1;
    }
    return su_feed_run(db, err, INTO_TAG);
}

static int insert_prerequisites(struct su_db *db, const struct su_prepared *items, size_t count,
                                struct su_err *err)
{
    su_feed_begin(db);
    EACH_PUT(item, items, count)
    for (size_t i = 0; i < item->update.prerequisites.count; i++) {
        const struct su_relation *p = &item->update.prerequisites.at[i];
        if (su_feed_row(db, err, INTO_PREREQUISITE, SU_I(item->rev_id), SU_I(p->clause),
                        SU_B(p->id.bytes, 16), SU_I(p->is_category)) < 0)
            return -1;
    }
    return su_feed_run(db, err, INTO_PREREQUISITE);
}

static int insert_bundled(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    su_feed_begin(db);
    EACH_PUT(item, items, count)
    for (size_t i = 0; i < item->update.bundled.count; i++) {
        const struct su_relation *b = &item->update.bundled.at[i];
        if (su_feed_row(db, err, INTO_BUNDLED, SU_I(item->rev_id), SU_I(b->clause), SU_B(b->id.bytes, 16),
                        SU_I(b->revision)) < 0)
            return -1;
    }
    return su_feed_run(db, err, INTO_BUNDLED);
}

static int insert_superseded(struct su_db *db, const struct su_prepared *items, size_t count,
                             struct su_err *err)
{
    su_feed_begin(db);
    EACH_PUT(item, items, count)
    for (size_t i = 0; i < item->update.superseded.count; i++)
        if (su_feed_row(db, err, INTO_SUPERSEDED, SU_I(item->rev_id),
                        SU_B(item->update.superseded.at[i].bytes, 16)) < 0)
            return -1;
    return su_feed_run(db, err, INTO_SUPERSEDED);
}

static int insert_files(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    su_feed_begin(db);
    EACH_PUT(item, items, count)
    for (size_t i = 0; i < item->update.files.count; i++) {
        const struct su_update_file *f = &item->update.files.at[i];
        size_t length = 0;
        const char *url = su_urls_find(item->record.urls, item->record.urls_bytes, f->sha1, &length);
        struct su_arg address = {.kind = SU_ARG_TEXT, .bytes = url ? url : "", .length = length};
        struct su_arg sha256 = f->has_sha256 ? SU_B(f->sha256, SU_SHA256_BYTES) : SU_NULL;
        if (su_feed_row(db, err, INTO_FILE, SU_I(item->rev_id), SU_B(f->sha1, SU_SHA1_BYTES),
                        SU_I(f->is_licence), SU_T(f->language), sha256, SU_T(f->name), SU_I(f->bytes),
                        SU_I(f->is_express), address) < 0)
            return -1;
    }
    return su_feed_run(db, err, INTO_FILE);
}

/* A language once, as the table has it: its first title. */
static bool has_earlier(const struct su_update *u, size_t title)
{
    for (size_t i = 0; i < title; i++)
        if (strcmp(u->localized.at[i].language, u->localized.at[title].language) == 0)
            return true;
    return false;
}

static void add_words(struct su_buf *out, const char *before, const char *words)
{
    su_buf_adds(out, before);
    su_buf_adds(out, words);
    su_buf_add(out, "\n", 1);
}

/* The same words as WORDS. A tag that is repeated is no new word. */
static void words_of(const struct su_update *u, struct su_buf *out)
{
    su_buf_clear(out);
    for (size_t i = 0; i < u->localized.count; i++)
        if (!has_earlier(u, i))
            add_words(out, "", u->localized.at[i].title);
    for (size_t i = 0; i < u->tags.count; i++) {
        const struct su_tag *t = &u->tags.at[i];
        bool is_kb = strcmp(t->kind, "kb") == 0;
        if (is_kb || strcmp(t->kind, "bulletin") == 0 || strcmp(t->kind, "cve") == 0)
            add_words(out, "", t->value);
        if (is_kb)
            add_words(out, "KB", t->value);
    }
}

/* Row by row: see feed in db.h. Reading the words back from the tables takes 1 s for 100,000 updates; it is
 * done where languages are too many to compare each with each, 29 being usual. */
#define MANY_LANGUAGES 200
static int insert_words(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf words = SU_BUF_INIT(SU_MAX_UPDATE_ARENA_BYTES);
    EACH_PUT(item, items, count)
    {
        if (item->update.localized.count > MANY_LANGUAGES) {
            if (su_run(db, err, "INSERT INTO search (rowid, words) VALUES (?1, " WORDS("?1") ")",
                       SU_I(item->rev_id)) < 0)
                return -1;
            continue;
        }
        words_of(&item->update, &words);
        if (su_buf_check(&words, "the words of a title", err) < 0 ||
            su_run(db, err, "INSERT INTO search (rowid, words) VALUES (?1,?2)", SU_I(item->rev_id),
                   SU_T(words.bytes ? words.bytes : "")) < 0)
            return -1;
    }
    return 0;
}

int su_derive(struct su_db *db, const struct su_prepared *items, size_t count, struct su_err *err)
{
    if (insert_info(db, items, count, err) < 0 || insert_titles(db, items, count, err) < 0 ||
        insert_tags(db, items, count, err) < 0 || insert_prerequisites(db, items, count, err) < 0 ||
        insert_bundled(db, items, count, err) < 0 || insert_superseded(db, items, count, err) < 0 ||
        insert_files(db, items, count, err) < 0)
        return -1;
    return insert_words(db, items, count, err);
}

int su_derive_remove(struct su_db *db, struct su_err *err)
{
    static const char *const deletions[] = {
        "INSERT INTO search (search, rowid, words) SELECT 'delete', c0, " WORDS("c0") " FROM feed",
        "DELETE FROM info WHERE rev_id IN (SELECT c0 FROM feed)",
        "DELETE FROM title WHERE rev_id IN (SELECT c0 FROM feed)",
        "DELETE FROM tag WHERE rev_id IN (SELECT c0 FROM feed)",
        "DELETE FROM prerequisite WHERE rev_id IN (SELECT c0 FROM feed)",
        "DELETE FROM bundled WHERE rev_id IN (SELECT c0 FROM feed)",
        "DELETE FROM superseded WHERE rev_id IN (SELECT c0 FROM feed)",
        "DELETE FROM file WHERE rev_id IN (SELECT c0 FROM feed)",
    };
    for (size_t i = 0; i < sizeof deletions / sizeof *deletions; i++)
        if (su_feed_run(db, err, deletions[i]) < 0)
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

int su_derive_drop_indices(struct su_db *db, struct su_buf *sql, struct su_err *err)
{
#define INDICES                                                                                              \
    " FROM sqlite_schema WHERE type='index' AND sql IS NOT NULL AND tbl_name IN ('info','title','tag',"      \
    "'prerequisite','bundled','superseded','file')"
    SU_AUTO(su_buf) struct su_buf drop = SU_BUF_INIT(4 * SU_KIB);
    if (su_query_text(db, sql, NULL, err, "SELECT coalesce(group_concat(sql, ';'), '')" INDICES) < 0 ||
        su_query_text(db, &drop, NULL, err,
                      "SELECT coalesce(group_concat('DROP INDEX '||name, ';'), '')" INDICES) < 0)
        return -1;
    return su_db_script(db, drop.bytes, err);
}
