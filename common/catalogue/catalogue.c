#include "common/catalogue/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/derive.h"
#include "common/catalogue/kept.h"
#include "common/lib/pack.h"
#include "common/point/home.h"
#include "common/sys/interrupt.h"

struct su_catalogue {
    struct su_db *db;
    struct su_packer *reader;
    int64_t read_dictionary; /* 0: none loaded */
    int64_t arrival;         /* sync_id the run will have in the history */
    struct su_buf indices;   /* SQL that makes those that were dropped for a first load */
};

struct su_catalogue *su_catalogue_new(struct su_db *db, struct su_err *err)
{
    struct su_catalogue *c = calloc(1, sizeof *c);
    if (!c) {
        (void)su_fail_memory(err);
        return NULL;
    }
    c->db = db;
    c->indices = (struct su_buf)SU_BUF_INIT(4 * SU_KIB);
    if (su_query_int(db, &c->arrival, NULL, err, "SELECT coalesce(max(sync_id),0)+1 FROM sync_history") < 0 ||
        !(c->reader = su_packer_new(err)))
        su_catalogue_cleanup(&c);
    return c;
}

void su_catalogue_cleanup(struct su_catalogue **c)
{
    if (!*c)
        return;
    su_packer_cleanup(&(*c)->reader);
    su_buf_cleanup(&(*c)->indices);
    free(*c);
    *c = NULL;
}

int su_catalogue_dictionary(struct su_catalogue *c, struct su_learner *learner, struct su_err *err)
{
    struct su_dictionary *dictionary = &learner->dictionary;
    if (su_setting_int(c->db, "dictionary", &dictionary->id, err) < 0 ||
        (dictionary->id > 0 && su_kept_dictionary(c->db, dictionary->id, &dictionary->bytes, err) < 0))
        return -1;
    learner->has_dictionary = dictionary->id > 0;
    return 0;
}

static int compare_prefixes(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

int su_catalogue_known(struct su_catalogue *c, struct su_known *known, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t digest[SU_SHA256_BYTES];
    int more;
    known->prefixes.count = 0;
    if (su_query(c->db, &rows, err, "SELECT doc_sha256 FROM revision") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, digest, sizeof digest, err) < 0)
            return -1;
        uint64_t *slot = SU_PUSH(&known->prefixes, SIZE_MAX);
        if (!slot)
            return su_fail_memory(err);
        memcpy(slot, digest, sizeof *slot);
    }
    if (known->prefixes.count > 1)
        qsort(known->prefixes.at, known->prefixes.count, sizeof *known->prefixes.at, compare_prefixes);
    return more;
}

int su_catalogue_load_begin(struct su_catalogue *c, bool *is_first, struct su_err *err)
{
    int64_t has_any;
    if (su_query_int(c->db, &has_any, NULL, err, "SELECT EXISTS (SELECT 1 FROM revision)") < 0)
        return -1;
    *is_first = !has_any;
    return has_any ? su_db_cache(c->db, SU_DB_CHANGES_CACHE_KIB, err)
                   : su_derive_drop_indices(c->db, &c->indices, err);
}

int su_catalogue_load_end(struct su_catalogue *c, struct su_err *err)
{
    int result = c->indices.length > 0 ? su_db_script(c->db, c->indices.bytes, err) : 0;
    su_buf_clear(&c->indices);
    return result < 0 ? -1 : su_db_cache(c->db, SU_DB_CACHE_KIB, err);
}

int su_catalogue_find(struct su_catalogue *c, struct su_prepared *items, size_t count, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    su_feed_begin(c->db);
    for (size_t i = 0; i < count; i++) {
        items[i].held = (struct su_held){0};
        items[i].rev_id = 0;
        if (su_feed_row(c->db, err, NULL, SU_B(items[i].record.id.bytes, sizeof items[i].record.id.bytes),
                        SU_I(items[i].record.revision)) < 0)
            return -1;
    }
    if (su_query(
            c->db, &rows, err,
            "SELECT f.rowid, r.rev_id, r.arrived, r.doc_sha256, r.record_sha256, r.origin FROM feed f CROSS "
            "JOIN revision r ON r.update_id=f.c0 AND r.revision=f.c1") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_held *held = &items[su_rows_int(&rows, 0)].held;
        *held = (struct su_held){.is_held = true,
                                 .rev_id = su_rows_int(&rows, 1),
                                 .arrived = su_rows_int(&rows, 2),
                                 .origin = (enum su_origin)su_rows_int(&rows, 5)};
        items[su_rows_int(&rows, 0)].rev_id = held->rev_id;
        if (su_rows_fixed(&rows, 3, held->document_sha256, SU_SHA256_BYTES, err) < 0 ||
            su_rows_fixed(&rows, 4, held->record_sha256, SU_SHA256_BYTES, err) < 0)
            return -1;
    }
    return more;
}

/* The first batch that names a new dictionary brings it. */
static int keep_dictionary(struct su_catalogue *c, struct su_dictionary *dictionary, struct su_err *err)
{
    if (!dictionary || dictionary->id > 0)
        return 0;
    if (su_run(c->db, err, "INSERT INTO dictionary (bytes) VALUES (?1)",
               SU_B(dictionary->bytes.bytes, dictionary->bytes.length)) < 0)
        return -1;
    dictionary->id = su_db_last_rowid(c->db);
    return su_setting_put_int(c->db, "dictionary", dictionary->id, err);
}

static int remove_held(struct su_catalogue *c, const struct su_prepared *items, size_t count,
                       struct su_err *err)
{
    su_feed_begin(c->db);
    for (size_t i = 0; i < count; i++)
        if (items[i].edit != SU_KEEP && items[i].held.is_held &&
            su_feed_row(c->db, err, NULL, SU_I(items[i].held.rev_id)) < 0)
            return -1;
    if (su_derive_remove(c->db, err) < 0 ||
        su_feed_run(c->db, err, "DELETE FROM document WHERE rev_id IN (SELECT c0 FROM feed)") < 0)
        return -1;
    return su_feed_run(c->db, err, "DELETE FROM revision WHERE rev_id IN (SELECT c0 FROM feed)");
}

/* Row by row, for the sake of the foreign keys: see feed in db.h. */
static int insert(struct su_catalogue *c, const struct su_prepared *item, struct su_err *err)
{
    const struct su_record *r = &item->record;
    const struct su_arg urls = {
        .kind = SU_ARG_TEXT, .bytes = r->urls_bytes ? r->urls : "", .length = r->urls_bytes};
    int64_t arrived = item->held.is_held ? item->held.arrived : item->arrived ? item->arrived : c->arrival;
    if (keep_dictionary(c, item->dictionary, err) < 0 ||
        su_run(
            c->db, err,
            "INSERT INTO revision (rev_id, update_id, revision, origin, record_sha256, doc_sha256, arrived) "
            "VALUES (?1,?2,?3,?4,?5,?6,?7)",
            SU_I(item->rev_id), SU_B(r->id.bytes, sizeof r->id.bytes), SU_I(r->revision), SU_I(r->origin),
            SU_B(r->record_sha256, SU_SHA256_BYTES), SU_B(r->document_sha256, SU_SHA256_BYTES),
            SU_I(arrived)) < 0)
        return -1;
    return su_run(
        c->db, err,
        "INSERT INTO document (rev_id, dictionary_id, raw_bytes, packed, urls) VALUES (?1,?2,?3,?4,?5)",
        SU_I(item->rev_id), item->dictionary ? SU_I(item->dictionary->id) : SU_NULL, SU_I(r->document_bytes),
        SU_B(item->packed, item->packed_bytes), urls);
}

int su_catalogue_apply(struct su_catalogue *c, struct su_prepared *items, size_t count, struct su_err *err)
{
    int64_t last; /* before anything goes: a row of this batch never has the number of one it replaces */
    if (su_query_int(c->db, &last, NULL, err, "SELECT coalesce(max(rev_id),0) FROM revision") < 0 ||
        remove_held(c, items, count, err) < 0)
        return -1;
    for (struct su_prepared *item = items; item < items + count; item++) {
        if (item->edit != SU_PUT)
            continue;
        item->rev_id = ++last;
        if (insert(c, item, err) < 0)
            return -1;
    }
    return su_derive(c->db, items, count, err);
}

static int use_dictionary(struct su_catalogue *c, int64_t id, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf dictionary = SU_BUF_INIT(SU_PACK_DICTIONARY_BYTES);
    if (id == 0 || id == c->read_dictionary)
        return 0;
    if (su_kept_dictionary(c->db, id, &dictionary, err) < 0 ||
        su_packer_set_dictionary(c->reader, dictionary.bytes, dictionary.length, err) < 0)
        return -1;
    c->read_dictionary = id;
    return 0;
}

int su_catalogue_unpack(struct su_catalogue *c, int64_t dictionary_id, const void *packed,
                        size_t packed_bytes, size_t raw_bytes, struct su_buf *out, struct su_err *err)
{
    if (raw_bytes > SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_LIMIT, "database: a document claims %zu bytes", raw_bytes);
    if (dictionary_id == 0)
        return su_unpack_frame(c->reader, packed, packed_bytes, raw_bytes, out, err);
    return use_dictionary(c, dictionary_id, err) < 0
               ? -1
               : su_unpack_document(c->reader, packed, packed_bytes, raw_bytes, out, err);
}

int su_catalogue_get(struct su_catalogue *c, int64_t rev_id, struct su_record *record,
                     struct su_buf *document, struct su_buf *urls, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_kept kept;
    if (su_kept_find(c->db, rev_id, &rows, &kept, err) < 0 || use_dictionary(c, kept.dictionary_id, err) < 0)
        return -1;
    su_buf_clear(urls);
    su_buf_adds(urls, kept.record.urls);
    if (su_buf_check(urls, "the list of addresses", err) < 0)
        return -1;
    kept.record.urls = urls->bytes;
    return su_kept_open(&kept, c->reader, document, record, err);
}

static int derive_batch(struct su_catalogue *c, struct su_preparer *preparer, struct su_batch *batch,
                        uint64_t *count, struct su_err *err)
{
    su_prepare_ahead(preparer, batch, NULL);
    for (size_t i = 0; i < batch->count; i++)
        if (su_prepare_read(preparer, &batch->items[i], err) < 0)
            return -1;
    if (su_derive(c->db, batch->items, batch->count, err) < 0)
        return -1;
    *count += batch->count;
    su_batch_clear(batch, NULL);
    return 0;
}

static int rebuild(struct su_catalogue *c, struct su_preparer *preparer, struct su_batch *batch,
                   uint64_t *count, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf)
    struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    int more;
    if (su_query(c->db, &rows, err, "SELECT rev_id FROM revision ORDER BY rev_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_record record;
        int64_t rev_id = su_rows_int(&rows, 0);
        struct su_prepared *item;
        if (su_interrupt_check(err) < 0 || su_catalogue_get(c, rev_id, &record, &document, &urls, err) < 0 ||
            !(item = su_batch_add(batch, &record, err)))
            return -1;
        item->edit = SU_PUT;
        item->rev_id = rev_id;
        if (su_batch_is_full(batch) && derive_batch(c, preparer, batch, count, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : derive_batch(c, preparer, batch, count, err);
}

int su_catalogue_rebuild(struct su_catalogue *c, uint64_t *count, struct su_err *err)
{
    struct su_batch *batch = su_batch_new(err);
    struct su_preparer *preparer = batch ? su_preparer_new(err) : NULL;
    *count = 0;
    int64_t times;
    int result = preparer && su_derive_clear(c->db, err) == 0 &&
                         su_derive_drop_indices(c->db, &c->indices, err) == 0 &&
                         rebuild(c, preparer, batch, count, err) == 0
                     ? su_catalogue_load_end(c, err)
                     : -1;
    su_preparer_cleanup(&preparer);
    su_batch_cleanup(&batch);
    /* what was concluded from the derived tables before may not hold any more */
    return result < 0 || su_setting_int(c->db, "derived", &times, err) < 0
               ? -1
               : su_setting_put_int(c->db, "derived", times + 1, err);
}
