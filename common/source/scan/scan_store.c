#include "common/source/scan/scan_store.h"

#include "common/sys/clock.h"

int su_scan_store_begin(struct su_scan_store *s, struct su_err *err)
{
    return su_db_script(
        s->db,
        "DROP TABLE IF EXISTS temp.taken_before; DROP TABLE IF EXISTS temp.taken_update;"
        "DROP TABLE IF EXISTS temp.taken_core; DROP TABLE IF EXISTS temp.taken_extended;"
        "CREATE TEMP TABLE taken_before AS SELECT update_id, revision FROM scan_update;"
        "CREATE INDEX temp.taken_before_id ON taken_before (update_id, revision);"
        "CREATE TEMP TABLE taken_update (revision_id INTEGER PRIMARY KEY, update_id, revision, is_bundle, "
        "is_leaf, is_software, created, language, action);"
        "CREATE TEMP TABLE taken_core (revision_id INTEGER PRIMARY KEY, update_id, revision, type);"
        "CREATE TEMP TABLE taken_extended (revision_id INTEGER PRIMARY KEY, max_bytes, min_bytes, severity, "
        "handler);"
        "DELETE FROM scan_edition; DELETE FROM scan_update; DELETE FROM scan_title; DELETE FROM scan_text;"
        "DELETE FROM scan_tag; DELETE FROM scan_relation; DELETE FROM scan_superseded;"
        "DELETE FROM scan_category; DELETE FROM scan_file; DELETE FROM scan_location;",
        err);
}

/* What comes twice is told by the count at the end. */
#define UPDATES "INSERT OR IGNORE INTO temp.taken_update SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8 FROM feed"
#define CORES "INSERT OR IGNORE INTO temp.taken_core SELECT c0, c1, c2, c3 FROM feed"
#define EXTENDED "INSERT OR IGNORE INTO temp.taken_extended SELECT c0, c1, c2, c3, c4 FROM feed"
#define TITLES "INSERT OR IGNORE INTO scan_title SELECT c0, c1, c2, c3 FROM feed"
#define TEXTS "INSERT OR IGNORE INTO scan_text SELECT c0, c1 FROM feed"
#define TAGS "INSERT OR IGNORE INTO scan_tag SELECT c0, c1, c2 FROM feed"
#define RELATIONS "INSERT OR IGNORE INTO scan_relation SELECT c0, c1, c2 FROM feed"
#define SUPERSEDED "INSERT OR IGNORE INTO scan_superseded SELECT c0, c1 FROM feed"
#define CATEGORIES "INSERT OR IGNORE INTO scan_category SELECT c0, c1, c2 FROM feed"
#define LOCATIONS "INSERT OR IGNORE INTO scan_location SELECT c0, c1 FROM feed"
/* package.xml gives the digest, the extended fragment the rest, whichever comes first. */
#define FILES                                                                                                \
    "INSERT INTO scan_file SELECT c0, c1, c2, c3, c4, c5, c6 FROM feed WHERE true ON CONFLICT "              \
    "(revision_id, sha1, licence, language) DO UPDATE SET sha256=excluded.sha256, name=excluded.name, "      \
    "bytes=excluded.bytes WHERE excluded.bytes IS NOT NULL"

static int add_updates(struct su_scan_store *s, const struct su_scan_rows *r, struct su_err *err)
{
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->updates.count; i++) {
        const struct su_scan_update *u = &r->updates.at[i];
        if (su_feed_row(s->db, err, UPDATES, SU_I(u->revision_id), SU_B(u->id.bytes, sizeof u->id.bytes),
                        SU_I(u->revision), SU_I(u->is_bundle), SU_I(u->is_leaf), SU_I(u->is_software),
                        SU_T(u->created), SU_T(u->language), SU_T(u->action)) < 0)
            return -1;
    }
    s->updates += (int64_t)r->updates.count;
    return su_feed_run(s->db, err, UPDATES);
}

static int add_cores(struct su_scan_store *s, const struct su_scan_rows *r, struct su_err *err)
{
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->cores.count; i++) {
        const struct su_scan_core *c = &r->cores.at[i];
        if (su_feed_row(s->db, err, CORES, SU_I(c->revision_id), SU_B(c->id.bytes, sizeof c->id.bytes),
                        SU_I(c->revision), SU_T(c->type)) < 0)
            return -1;
    }
    s->cores += (int64_t)r->cores.count;
    if (su_feed_run(s->db, err, CORES) < 0)
        return -1;
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->extended.count; i++) {
        const struct su_scan_extended *x = &r->extended.at[i];
        if (su_feed_row(s->db, err, EXTENDED, SU_I(x->revision_id), SU_I(x->max_bytes), SU_I(x->min_bytes),
                        SU_T(x->severity), SU_T(x->handler)) < 0)
            return -1;
    }
    s->extended += (int64_t)r->extended.count;
    return su_feed_run(s->db, err, EXTENDED);
}

static int add_titles(struct su_scan_store *s, const struct su_scan_rows *r, struct su_err *err)
{
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->titles.count; i++) {
        const struct su_scan_title *t = &r->titles.at[i];
        if (su_feed_row(s->db, err, TITLES, SU_I(t->revision_id), SU_T(t->language), SU_T(t->title),
                        t->description[0] ? SU_I(t->description_id) : SU_NULL) < 0)
            return -1;
    }
    s->titles += (int64_t)r->titles.count;
    if (su_feed_run(s->db, err, TITLES) < 0)
        return -1;
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->titles.count; i++)
        if (r->titles.at[i].description[0] &&
            su_feed_row(s->db, err, TEXTS, SU_I(r->titles.at[i].description_id),
                        SU_T(r->titles.at[i].description)) < 0)
            return -1;
    return su_feed_run(s->db, err, TEXTS);
}

static int add_tags(struct su_scan_store *s, const struct su_scan_rows *r, struct su_err *err)
{
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->tags.count; i++)
        if (su_feed_row(s->db, err, TAGS, SU_I(r->tags.at[i].revision_id), SU_T(r->tags.at[i].kind),
                        SU_T(r->tags.at[i].value)) < 0)
            return -1;
    return su_feed_run(s->db, err, TAGS);
}

static int add_relations(struct su_scan_store *s, const struct su_scan_rows *r, struct su_err *err)
{
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->relations.count; i++)
        if (su_feed_row(s->db, err, RELATIONS, SU_I(r->relations.at[i].revision_id),
                        SU_I(r->relations.at[i].kind), SU_I(r->relations.at[i].target)) < 0)
            return -1;
    if (su_feed_run(s->db, err, RELATIONS) < 0)
        return -1;
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->superseded.count; i++)
        if (su_feed_row(s->db, err, SUPERSEDED, SU_I(r->superseded.at[i].revision_id),
                        SU_B(r->superseded.at[i].id.bytes, 16)) < 0)
            return -1;
    if (su_feed_run(s->db, err, SUPERSEDED) < 0)
        return -1;
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->categories.count; i++)
        if (su_feed_row(s->db, err, CATEGORIES, SU_I(r->categories.at[i].revision_id),
                        SU_T(r->categories.at[i].kind), SU_B(r->categories.at[i].id.bytes, 16)) < 0)
            return -1;
    return su_feed_run(s->db, err, CATEGORIES);
}

static int add_files(struct su_scan_store *s, const struct su_scan_rows *r, struct su_err *err)
{
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->files.count; i++) {
        const struct su_scan_file *f = &r->files.at[i];
        if (su_feed_row(s->db, err, FILES, SU_I(f->revision_id), SU_B(f->sha1, SU_SHA1_BYTES),
                        SU_I(f->is_licence), SU_T(f->language),
                        f->has_sha256 ? SU_B(f->sha256, SU_SHA256_BYTES) : SU_NULL, SU_T(f->name),
                        f->is_described ? SU_I(f->bytes) : SU_NULL) < 0)
            return -1;
    }
    if (su_feed_run(s->db, err, FILES) < 0)
        return -1;
    su_feed_begin(s->db);
    for (size_t i = 0; i < r->locations.count; i++)
        if (su_feed_row(s->db, err, LOCATIONS, SU_B(r->locations.at[i].sha1, SU_SHA1_BYTES),
                        SU_T(r->locations.at[i].url)) < 0)
            return -1;
    return su_feed_run(s->db, err, LOCATIONS);
}

int su_scan_store_add(struct su_scan_store *s, const struct su_scan_rows *rows, struct su_err *err)
{
    if (add_updates(s, rows, err) < 0 || add_cores(s, rows, err) < 0 || add_titles(s, rows, err) < 0 ||
        add_tags(s, rows, err) < 0 || add_relations(s, rows, err) < 0 || add_files(s, rows, err) < 0)
        return -1;
    return 0;
}

static int once(int64_t given, int64_t held, const char *what, struct su_err *err)
{
    return given == held ? 0
                         : su_fail(err, SU_DATA, "%lld %s of %lld stand in the cabinet twice",
                                   (long long)(given - held), what, (long long)given);
}

/* Nothing came twice, and fragments say of themselves what package.xml says of them. */
static int check(struct su_scan_store *s, struct su_err *err)
{
    int64_t updates, cores, extended, titles, other;
    if (su_query_int(s->db, &updates, NULL, err, "SELECT count(*) FROM temp.taken_update") < 0 ||
        su_query_int(s->db, &cores, NULL, err, "SELECT count(*) FROM temp.taken_core") < 0 ||
        su_query_int(s->db, &extended, NULL, err, "SELECT count(*) FROM temp.taken_extended") < 0 ||
        su_query_int(s->db, &titles, NULL, err, "SELECT count(*) FROM scan_title") < 0 ||
        su_query_int(
            s->db, &other, NULL, err,
            "SELECT coalesce(min(c.revision_id), -1) FROM temp.taken_core c JOIN temp.taken_update u "
            "USING (revision_id) WHERE c.update_id<>u.update_id OR c.revision<>u.revision") < 0)
        return -1;
    if (once(s->updates, updates, "updates of package.xml", err) < 0 ||
        once(s->cores, cores, "core fragments", err) < 0 ||
        once(s->extended, extended, "extended fragments", err) < 0 ||
        once(s->titles, titles, "localized fragments", err) < 0)
        return -1;
    if (updates == 0)
        return su_fail(err, SU_DATA, "package.xml lists no update");
    return other < 0
               ? 0
               : su_fail(err, SU_DATA,
                         "the core fragment of RevisionId %lld is of another update than package.xml says",
                         (long long)other);
}

/* Fragments come by folder, so what belongs to one revision is together only now. */
static int join(struct su_scan_store *s, struct su_err *err)
{
    return su_run(
        s->db, err,
        "INSERT INTO scan_update SELECT u.revision_id, u.update_id, u.revision, coalesce(c.type, "
        "''), u.is_bundle, u.is_leaf, u.is_software, u.action, u.created, u.language, "
        "coalesce(x.severity, ''), coalesce(x.handler, ''), coalesce(x.max_bytes, 0), "
        "coalesce(x.min_bytes, 0), coalesce("
        "(SELECT title FROM scan_title t WHERE t.revision_id=u.revision_id AND "
        "t.language=lower(u.language)),"
        "(SELECT title FROM scan_title t WHERE t.revision_id=u.revision_id AND t.language='en'),"
        "(SELECT title FROM scan_title t WHERE t.revision_id=u.revision_id ORDER BY language LIMIT "
        "1), '') FROM temp.taken_update u LEFT JOIN temp.taken_core c USING (revision_id) LEFT JOIN "
        "temp.taken_extended x USING (revision_id)");
}

/* Fragments of revisions that package.xml does not list are of nothing. */
static int drop_homeless(struct su_scan_store *s, int64_t *homeless, struct su_err *err)
{
#define HOMELESS " WHERE revision_id NOT IN (SELECT revision_id FROM scan_update)"
    int64_t cores, extended;
    if (su_query_int(s->db, &cores, NULL, err, "SELECT count(*) FROM temp.taken_core" HOMELESS) < 0 ||
        su_query_int(s->db, &extended, NULL, err, "SELECT count(*) FROM temp.taken_extended" HOMELESS) < 0 ||
        su_run(s->db, err, "DELETE FROM scan_title" HOMELESS) < 0)
        return -1;
    *homeless = cores + extended + su_db_changes(s->db);
    if (*homeless == 0)
        return 0;
    if (su_run(s->db, err, "DELETE FROM scan_tag" HOMELESS) < 0 ||
        su_run(s->db, err, "DELETE FROM scan_file" HOMELESS) < 0 ||
        su_run(s->db, err, "DELETE FROM scan_superseded" HOMELESS) < 0 ||
        su_run(s->db, err,
               "DELETE FROM scan_text WHERE text_id NOT IN (SELECT text_id FROM scan_title WHERE text_id IS "
               "NOT NULL)") < 0)
        return -1;
    return 0;
}

/* Titles that are the same in several languages once. */
static int index_words(struct su_scan_store *s, struct su_err *err)
{
    if (su_run(s->db, err, "INSERT INTO scan_search (scan_search) VALUES ('delete-all')") < 0 ||
        su_run(
            s->db, err,
            "INSERT INTO scan_search (rowid, words) SELECT revision_id, coalesce((SELECT "
            "group_concat(DISTINCT title) FROM scan_title t WHERE t.revision_id=u.revision_id), '')||' '||"
            "coalesce((SELECT group_concat(value, ' ') FROM scan_tag g WHERE g.revision_id=u.revision_id "
            "AND kind IN ('kb', 'bulletin', 'cve')), '')||' '||coalesce((SELECT group_concat('KB'||value, "
            "' ') FROM scan_tag g WHERE g.revision_id=u.revision_id AND kind='kb'), '') FROM scan_update u "
            "ORDER BY revision_id") < 0)
        return -1;
    return 0;
}

static int count_changes(struct su_scan_store *s, struct su_changes *out, int64_t *updates,
                         struct su_err *err)
{
    int64_t new, removed, revised;
    if (su_query_int(s->db, updates, NULL, err, "SELECT count(DISTINCT update_id) FROM scan_update") < 0 ||
        su_query_int(s->db, &new, NULL, err,
                     "SELECT count(DISTINCT update_id) FROM scan_update WHERE update_id NOT IN (SELECT "
                     "update_id FROM temp.taken_before)") < 0 ||
        su_query_int(s->db, &removed, NULL, err,
                     "SELECT count(DISTINCT update_id) FROM temp.taken_before WHERE update_id NOT IN (SELECT "
                     "update_id FROM scan_update)") < 0 ||
        su_query_int(
            s->db, &revised, NULL, err,
            "SELECT count(*) FROM (SELECT update_id FROM (SELECT update_id, revision FROM scan_update EXCEPT "
            "SELECT update_id, revision FROM temp.taken_before) UNION SELECT update_id FROM (SELECT "
            "update_id, revision FROM temp.taken_before EXCEPT SELECT update_id, revision FROM scan_update)) "
            "WHERE update_id IN (SELECT update_id FROM scan_update) AND update_id IN (SELECT update_id FROM "
            "temp.taken_before)") < 0)
        return -1;
    *out = (struct su_changes){.new = (uint64_t) new,
                               .removed = (uint64_t)removed,
                               .revised = (uint64_t)revised,
                               .unchanged = (uint64_t)(*updates - new - revised)};
    return 0;
}

int su_scan_store_end(struct su_scan_store *s, const char *source, const struct su_scan_edition *edition,
                      struct su_changes *changes, struct su_scan_counts *counts, struct su_err *err)
{
    char now[SU_TIME_TEXT];
    int64_t updates;
    if (check(s, err) < 0 || join(s, err) < 0 || drop_homeless(s, &counts->homeless, err) < 0 ||
        index_words(s, err) < 0 || count_changes(s, changes, &updates, err) < 0)
        return -1;
    counts->revisions = s->updates;
    if (su_query_int(s->db, &counts->titles, NULL, err, "SELECT count(*) FROM scan_title") < 0 ||
        su_query_int(s->db, &counts->files, NULL, err, "SELECT count(DISTINCT sha1) FROM scan_file") < 0)
        return -1;
    return su_run(s->db, err, "INSERT INTO scan_edition VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)", SU_T(source),
                  SU_T(edition->created), SU_T(edition->package_id), SU_T(edition->source_id),
                  SU_T(su_time_now(now)), SU_I(updates), SU_I(s->updates));
}
