/*
 * catalogue_helpers.h - a home with small made-up updates in it, for tests of what reads the catalogue.
 */
#ifndef SU_TEST_CATALOGUE_HELPERS_H
#define SU_TEST_CATALOGUE_HELPERS_H

#include "helpers.h"

#include "common/catalogue/catalogue.h"
#include "common/point/home.h"

/* A home below the test's directory, open for writing, with a transaction that is never committed
 * unless the test does it. */
struct fixture {
    char *place, path[4096];
    struct su_home home;
    struct su_transaction t;
    struct su_catalogue *catalogue;
    struct su_learner learner;
};

/* A catalogue as a new run would have it. */
static inline void open_catalogue(struct fixture *f)
{
    su_catalogue_cleanup(&f->catalogue);
    su_learner_cleanup(&f->learner);
    f->catalogue = su_catalogue_new(f->home.db, &e);
    assert_non_null(f->catalogue);
    GOOD(su_catalogue_dictionary(f->catalogue, &f->learner, &e));
}

static inline void open_fixture(struct fixture *f)
{
    GOOD(su_home_open(&f->home, f->path, SU_HUB, SU_WRITE, "test", &e));
    GOOD(su_begin(&f->t, f->home.db, &e));
    open_catalogue(f);
}

static inline void close_fixture(struct fixture *f)
{
    su_catalogue_cleanup(&f->catalogue);
    su_learner_cleanup(&f->learner);
    su_transaction_cleanup(&f->t);
    su_home_cleanup(&f->home);
}

static inline int make_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    void *place = NULL;
    bool is_new;
    if (!f || make_place(&place) < 0) {
        free(f);
        return -1;
    }
    f->place = place;
    (void)snprintf(f->path, sizeof f->path, "%s/home", f->place);
    f->home = (struct su_home)SU_HOME_INIT;
    *state = f;
    if (su_home_init(f->path, SU_HUB, "HUB", &is_new, &e) < 0 || !is_new)
        return -1;
    open_fixture(f);
    return 0;
}

static inline int drop_fixture(void **state)
{
    struct fixture *f = *state;
    void *place = f->place;
    close_fixture(f);
    free(f);
    return remove_place(&place);
}

/* One edit of the catalogue by itself, as sync and replay make them by the batch. */
static inline int edit(struct fixture *f, const struct su_record *record, enum su_edit edit, int64_t *rev_id)
{
    SU_AUTO(su_batch) struct su_batch *batch = su_batch_new(&e);
    SU_AUTO(su_preparer) struct su_preparer *preparer = su_preparer_new(&e);
    assert_true(batch && preparer);
    su_batch_clear(batch, &f->learner);
    struct su_prepared *item = su_batch_add(batch, record, &e);
    assert_non_null(item);
    if (edit == SU_PUT && (su_learn(&f->learner, record->document, record->document_bytes, &e) < 0 ||
                           su_record_seal(&item->record, &e) < 0 || su_prepare(preparer, batch, item, &e) < 0))
        return -1;
    item->edit = edit;
    if (su_catalogue_find(f->catalogue, item, 1, &e) < 0 || su_catalogue_apply(f->catalogue, item, 1, &e) < 0)
        return -1;
    *rev_id = item->rev_id;
    return 0;
}

/* What is held under an identity. */
static inline struct su_held held_of(struct fixture *f, unsigned id, unsigned revision)
{
    struct su_prepared item = {.record = {.id = guid_of(id), .revision = revision}};
    GOOD(su_catalogue_find(f->catalogue, &item, 1, &e));
    return item.held;
}

static inline void remove_row(struct fixture *f, int64_t rev_id)
{
    struct su_prepared item = {.edit = SU_REMOVE, .held = {.is_held = true, .rev_id = rev_id}};
    GOOD(su_catalogue_apply(f->catalogue, &item, 1, &e));
}

/* Puts a document under its identity, in place of what is held there; returns its row. */
static inline int64_t put_document(struct fixture *f, unsigned id, unsigned revision, const char *document, size_t length, const char *urls)
{
    struct su_record record = {.id = guid_of(id), .revision = revision, .document = document, .document_bytes = length,
                               .urls = urls, .urls_bytes = strlen(urls)};
    int64_t rev_id = 0;
    GOOD(edit(f, &record, SU_PUT, &rev_id));
    return rev_id;
}

static inline int64_t put_doc(struct fixture *f, const struct doc *d)
{
    SU_AUTO(su_buf) struct su_buf xml = SU_BUF_INIT(SU_MIB);
    write_doc(&xml, d);
    return put_document(f, d->id, d->revision, xml.bytes, xml.length, "");
}

/* Does something while a table is not there: a failure inside must come out, wherever it happens. */
static inline int without(struct fixture *f, const char *table, int (*work)(struct fixture *f))
{
    char sql[128];
    GOOD(su_db_script(f->home.db, "SAVEPOINT without", &e));
    (void)snprintf(sql, sizeof sql, "ALTER TABLE %s RENAME TO gone_%s", table, table);
    GOOD(su_db_script(f->home.db, sql, &e));
    su_err_clear(&e);
    int result = work(f);
    struct su_err kept = e;
    GOOD(su_db_script(f->home.db, "ROLLBACK TO without; RELEASE without", &e));
    e = kept;
    return result;
}

/* The same for each table of a list that ends with NULL. */
static inline void fails_without(struct fixture *f, const char *const *needed, int (*work)(struct fixture *f))
{
    assert_int_equal(work(f), 0);
    for (; *needed; needed++) {
        int result = without(f, *needed, work);
        if (result != -1 || e.code != SU_DATABASE)
            fail_msg("without %s: %d (%s)", *needed, result, e.text);
    }
}
#define NEEDED(...) (const char *const[]){__VA_ARGS__, NULL}

/*
 * Relations in short: words "p1|2" (prerequisites: one clause, update 1 or 2), "c10" (the same with
 * IsCategory), "b5.200|6.100" (bundled: revision 200 of 5, or 100 of 6).
 */
static inline void write_clauses(struct su_buf *out, const char *spec, char kind)
{
    for (const char *at = spec; *at;) {
        size_t n = strcspn(at, " ");
        bool is_bundled = at[0] == 'b', is_category = at[0] == 'c', is_wanted = kind == 'b' ? is_bundled : !is_bundled;
        bool is_or = memchr(at, '|', n) != NULL || is_category;
        if (is_wanted && is_or)
            su_buf_addf(out, "<upd:AtLeastOne%s>", is_category ? " IsCategory=\"true\"" : "");
        for (const char *p = at + 1; is_wanted && p < at + n;) {
            char *end;
            unsigned id = (unsigned)strtoul(p, &end, 10), revision = *end == '.' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
            su_buf_addf(out, "<upd:UpdateIdentity UpdateID=\"%s\"", guid_text(id));
            if (is_bundled)
                su_buf_addf(out, " RevisionNumber=\"%u\"", revision);
            su_buf_adds(out, " />");
            p = end + (*end == '|');
        }
        if (is_wanted && is_or)
            su_buf_adds(out, "</upd:AtLeastOne>");
        at += n + (at[n] == ' ');
    }
}

static inline void write_relations(struct su_buf *out, const char *spec)
{
    su_buf_adds(out, "<upd:Prerequisites>");
    write_clauses(out, spec, 'p');
    su_buf_adds(out, "</upd:Prerequisites><upd:BundledUpdates>");
    write_clauses(out, spec, 'b');
    su_buf_adds(out, "</upd:BundledUpdates>");
}

/* An update of a type with relations in short; a category's type may be given. */
static inline int64_t put(struct fixture *f, unsigned id, unsigned revision, const char *type, const char *title, const char *spec)
{
    SU_AUTO(su_buf) struct su_buf relations = SU_BUF_INIT(SU_MIB), handler = SU_BUF_INIT(1024);
    const char *slash = strchr(type, '/'); /* "Category/Product" */
    char plain[32];
    (void)snprintf(plain, sizeof plain, "%.*s", (int)(slash ? slash - type : (ptrdiff_t)strlen(type)), type);
    write_relations(&relations, spec);
    if (slash)
        su_buf_addf(&handler, "<upd:HandlerSpecificData><cat:CategoryInformation CategoryType=\"%s\" /></upd:HandlerSpecificData>", slash + 1);
    return put_doc(f, &(struct doc){.id = id, .revision = revision, .type = plain, .title = title, .relations = relations.bytes, .handler = handler.bytes});
}

#endif
