#include "common/catalogue/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/changes.h"
#include "common/catalogue/history.h"
#include "common/catalogue/package.h"
#include "common/sys/clock.h"
#include "common/sys/interrupt.h"

struct digest {
    int64_t item; /* of the documents that are held: whose it is */
    uint8_t sha1[SU_SHA1_BYTES];
};

struct sync {
    struct su_db *db;
    const struct su_events *events;
    const struct su_package_index *index;
    struct su_catalogue *catalogue;
    struct su_learner learner;
    struct su_known known;
    struct su_preparer *preparer;
    struct su_batch *batch;
    SU_VEC(struct digest) digests;
    struct su_buf urls;
};

static int compare_sha1(const void *a, const void *b)
{
    return memcmp(((const struct digest *)a)->sha1, ((const struct digest *)b)->sha1, SU_SHA1_BYTES);
}

static bool is_same_document(const struct su_prepared *item)
{
    return item->held.is_held &&
           memcmp(item->held.document_sha256, item->record.document_sha256, SU_SHA256_BYTES) == 0;
}

static struct digest *add_digest(struct sync *s, struct su_err *err)
{
    struct digest *digest = SU_PUSH(&s->digests, SU_MAX_PACKAGE_FILES);
    if (!digest)
        (void)su_fail_memory(err);
    return digest;
}

/* Sets the record's addresses: sorted, each digest once, the canonical list. */
static int set_urls(struct sync *s, struct su_prepared *item, struct digest *digests, size_t count,
                    struct su_err *err)
{
    su_buf_clear(&s->urls);
    if (count > 1)
        qsort(digests, count, sizeof *digests, compare_sha1);
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *url = su_package_index_url(s->index, digests[i].sha1, &length);
        if (i > 0 && memcmp(digests[i].sha1, digests[i - 1].sha1, SU_SHA1_BYTES) == 0)
            continue;
        if (url && length > 0 && su_urls_add(&s->urls, digests[i].sha1, url, length, err) < 0)
            return -1;
    }
    if (s->urls.length > 0 &&
        !(item->record.urls = su_arena_text(&s->batch->arena, s->urls.bytes, s->urls.length)))
        return su_fail_memory(err);
    item->record.urls_bytes = s->urls.length;
    return 0;
}

/* Of a document that was parsed. */
static int set_urls_of_update(struct sync *s, struct su_prepared *item, struct su_err *err)
{
    s->digests.count = 0;
    for (size_t i = 0; s->index->files.count > 0 && i < item->update.files.count; i++) {
        struct digest *digest = add_digest(s, err);
        if (!digest)
            return -1;
        memcpy(digest->sha1, item->update.files.at[i].sha1, SU_SHA1_BYTES);
    }
    return set_urls(s, item, s->digests.at, s->digests.count, err);
}

/* Of documents that are held as they are: by their derived rows. */
static int set_urls_of_held(struct sync *s, struct su_prepared *items, size_t count, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more = 0;
    s->digests.count = 0;
    su_feed_begin(s->db);
    for (size_t i = 0; i < count; i++)
        if (is_same_document(&items[i]) &&
            su_feed_row(s->db, err, NULL, SU_I(items[i].held.rev_id), SU_I(i)) < 0)
            return -1;
    if (s->index->files.count > 0 &&
        su_query(s->db, &rows, err, "SELECT c1, sha1 FROM feed CROSS JOIN file ON rev_id=c0") < 0)
        return -1;
    while (s->index->files.count > 0 && (more = su_rows_next(&rows, err)) > 0) {
        struct digest *digest = add_digest(s, err);
        if (!digest || su_rows_fixed(&rows, 1, digest->sha1, SU_SHA1_BYTES, err) < 0)
            return -1;
        digest->item = su_rows_int(&rows, 0);
    }
    for (size_t i = 0, at = 0; more == 0 && i < count; i++) {
        size_t end = at;
        while (end < s->digests.count && s->digests.at[end].item == (int64_t)i)
            end++;
        if (is_same_document(&items[i]) && set_urls(s, &items[i], &s->digests.at[at], end - at, err) < 0)
            return su_prepared_prefix(&items[i], err);
        at = end;
    }
    return more;
}

/* What needs no database. */
static int prepare(struct sync *s, struct su_prepared *item, struct su_err *err)
{
    if (su_prepare(s->preparer, s->batch, item, err) < 0)
        return -1;
    if (set_urls_of_update(s, item, err) < 0 || su_record_seal_whole(&item->record, err) < 0)
        return su_prepared_prefix(item, err);
    return 0;
}

/* A revision stands in a package once. */
static int refuse_seen(struct sync *s, const struct su_prepared *items, size_t count, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    su_feed_begin(s->db);
    for (size_t i = 0; i < count; i++)
        if (items[i].held.is_held && su_feed_row(s->db, err, NULL, SU_I(items[i].held.rev_id), SU_I(i)) < 0)
            return -1;
    if (su_query(s->db, &rows, err, "SELECT c1 FROM feed CROSS JOIN temp.seen ON rev_id=c0") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    (void)su_fail(err, SU_DATA, "this revision stands in the package twice");
    return su_prepared_prefix(&items[su_rows_int(&rows, 0)], err);
}

/* What is new or changed is put. An address alone that changed travels, but is no revision of the update. */
static int decide(struct sync *s, struct su_prepared *items, size_t count, struct su_err *err)
{
    if (su_catalogue_find(s->catalogue, items, count, err) < 0 || refuse_seen(s, items, count, err) < 0 ||
        set_urls_of_held(s, items, count, err) < 0)
        return -1;
    for (struct su_prepared *item = items; item < items + count; item++) {
        bool is_same = is_same_document(item);
        if (is_same ? su_record_seal_whole(&item->record, err) < 0
                    : !item->is_ready && prepare(s, item, err) < 0)
            return -1;
        if (item->held.is_held &&
            memcmp(item->held.record_sha256, item->record.record_sha256, SU_SHA256_BYTES) == 0)
            continue;
        if (!item->is_ready && su_prepare(s->preparer, s->batch, item, err) < 0)
            return -1;
        item->edit = SU_PUT;
        item->is_touched = !is_same;
    }
    return 0;
}

#define INTO_SEEN "INSERT OR IGNORE INTO temp.seen SELECT c0 FROM feed"

static int apply(struct sync *s, struct su_prepared *items, size_t count, struct su_err *err)
{
    if (decide(s, items, count, err) < 0 || su_changes_touch(s->db, items, count, err) < 0 ||
        su_catalogue_apply(s->catalogue, items, count, err) < 0)
        return -1;
    su_feed_begin(s->db);
    for (size_t i = 0; i < count; i++)
        if (su_feed_row(s->db, err, INTO_SEEN, SU_I(items[i].rev_id)) < 0)
            return -1;
    return su_feed_run(s->db, err, INTO_SEEN);
}

static int apply_batch(struct sync *s, struct su_err *err)
{
    struct su_batch *b = s->batch;
    for (struct su_prepared *item = b->items; item < b->items + b->count; item++)
        if (su_interrupt_check(err) < 0 || su_record_seal_document(&item->record, err) < 0 ||
            (!su_known_has(&s->known, item->record.document_sha256) && prepare(s, item, err) < 0))
            return -1;
    for (size_t first = 0, count; first < b->count; first += count) {
        count = su_batch_distinct(b, first);
        if (apply(s, &b->items[first], count, err) < 0)
            return -1;
    }
    su_batch_clear(b, &s->learner);
    return 0;
}

static int take(void *context, const struct su_package *package, struct su_record *record, struct su_err *err)
{
    struct sync *s = context;
    s->index = &package->index;
    if (su_interrupt_check(err) < 0)
        return -1;
    if (package->records % 500 == 0)
        su_progress(s->events, SU_SYNC_SOURCE, "updates", package->records, package->index.entries.count,
                    "items");
    record->origin = SU_FROM_SYNC;
    struct su_prepared *item = su_batch_add(s->batch, record, err);
    if (!item || su_learn(&s->learner, record->document, record->document_bytes, err) < 0)
        return -1;
    item->number = package->records + 1;
    return su_batch_is_full(s->batch) ? apply_batch(s, err) : 0;
}

static int remove_batch(struct sync *s, struct su_err *err)
{
    if (su_changes_touch(s->db, s->batch->items, s->batch->count, err) < 0 ||
        su_catalogue_apply(s->catalogue, s->batch->items, s->batch->count, err) < 0)
        return -1;
    su_batch_clear(s->batch, NULL);
    return 0;
}

/* A snapshot says what was removed by absence; catalogue-imported and third-party updates stay. */
static int remove_absent(struct sync *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_run(s->db, err,
               "INSERT INTO temp.gone SELECT rev_id, update_id FROM revision WHERE origin=0 AND rev_id NOT "
               "IN (SELECT rev_id FROM temp.seen)") < 0 ||
        su_query(s->db, &rows, err, "SELECT rev_id, update_id FROM temp.gone") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        const struct su_record gone = {.is_removal = true};
        struct su_prepared *item = su_batch_add(s->batch, &gone, err);
        if (!item || su_rows_fixed(&rows, 1, item->record.id.bytes, sizeof item->record.id.bytes, err) < 0)
            return -1;
        item->held = (struct su_held){.is_held = true, .rev_id = su_rows_int(&rows, 0)};
        item->edit = SU_REMOVE;
        item->is_touched = true;
        if (su_batch_is_full(s->batch) && remove_batch(s, err) < 0)
            return -1;
    }
    return more < 0 ? -1 : remove_batch(s, err);
}

static int count_open(struct su_db *db, uint64_t *out, struct su_err *err)
{
    int64_t count;
    if (su_query_int(db, &count, NULL, err,
                     "SELECT count(*) FROM (SELECT 1 FROM prerequisite p GROUP BY rev_id, clause HAVING NOT"
                     " max(EXISTS (SELECT 1 FROM revision r WHERE r.update_id=p.target)))") < 0)
        return -1;
    *out = (uint64_t)count;
    return 0;
}

static int run(struct sync *s, const char *path, struct su_package *package, struct su_sync_result *result,
               struct su_history *row, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_state before;
    if (su_db_script(
            s->db,
            "CREATE TEMP TABLE IF NOT EXISTS seen (rev_id INTEGER PRIMARY KEY); DELETE FROM temp.seen;"
            "CREATE TEMP TABLE IF NOT EXISTS gone (rev_id INTEGER PRIMARY KEY, update_id BLOB); DELETE FROM "
            "temp.gone;",
            err) < 0 ||
        su_changes_begin(s->db, err) < 0 || su_begin(&t, s->db, err) < 0 ||
        su_state_of(s->db, &before, err) < 0 || su_catalogue_known(s->catalogue, &s->known, err) < 0)
        return -1;
    su_batch_clear(s->batch, &s->learner);
    if (su_package_read(path, package, take, s, err) < 0)
        return -1;
    if (apply_batch(s, err) < 0)
        return su_prefix(err, "%s", path);
    su_progress(s->events, SU_SYNC_SOURCE, "updates", package->records, package->records, "items");
    if (remove_absent(s, err) < 0 || su_state_of(s->db, &result->state, err) < 0 ||
        su_changes_count(s->db, &result->state, &result->changes, err) < 0 ||
        count_open(s->db, &result->open_prerequisites, err) < 0 ||
        su_setting_int(s->db, "content_version", &result->content_version, err) < 0)
        return -1;
    if (memcmp(before.digest, result->state.digest, SU_SHA256_BYTES) != 0)
        result->content_version++;
    SU_AUTO(su_buf) struct su_buf last = SU_BUF_INIT(64);
    if (su_history_source_time(s->db, &last, err) < 0)
        return -1;
    result->is_older =
        last.length > 0 && package->index.created[0] && strcmp(package->index.created, last.bytes) < 0;
    row->kind = result->kind = package->kind;
    row->source_time = package->index.created;
    row->state_code = SU_SYNC_DONE;
    row->changes = result->changes;
    row->state = result->state;
    row->content_version = result->content_version;
    if (su_setting_put_int(s->db, "content_version", result->content_version, err) < 0 ||
        su_history_add(s->db, row, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_sync(struct su_home *home, const char *path, const struct su_events *events,
            struct su_sync_result *result, struct su_err *err)
{
    SU_AUTO(su_package) struct su_package package = SU_PACKAGE_INIT;
    struct su_history row = {.kind = "", .source_time = ""};
    struct sync s = {.db = home->db, .events = events, .urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES)};
    double started = su_time_monotonic();
    *result = (struct su_sync_result){.kind = ""};
    const char *base = strrchr(path, '/');
    su_escape_into(result->source, sizeof result->source, base ? base + 1 : path);
    row.source = result->source;
    (void)su_time_now(row.started);
    su_message(events, SU_SYNC_STARTED, SU_INFO, "synchronization started (%s)", result->source);
    su_learner_init(&s.learner);
    int code = (s.catalogue = su_catalogue_new(home->db, err)) && (s.preparer = su_preparer_new(err)) &&
                       (s.batch = su_batch_new(err)) &&
                       su_catalogue_dictionary(s.catalogue, &s.learner, err) == 0
                   ? run(&s, path, &package, result, &row, err)
                   : -1;
    su_batch_cleanup(&s.batch);
    su_preparer_cleanup(&s.preparer);
    su_catalogue_cleanup(&s.catalogue);
    su_learner_cleanup(&s.learner);
    su_known_cleanup(&s.known);
    su_buf_cleanup(&s.urls);
    free(s.digests.at);
    result->seconds = su_time_monotonic() - started;
    if (code == 0)
        return 0;
    (void)su_after(err, "The catalogue is as it was.");
    struct su_err second = SU_ERR_INIT;
    row.state_code = SU_SYNC_FAILED;
    row.error = err->text;
    if (su_history_add_failure(home->db, &row, &second) < 0)
        su_message(events, SU_SYNC_FAILED, SU_WARNING, "the failure could not be recorded: %s", second.text);
    return -1;
}
