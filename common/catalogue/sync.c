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

struct sha1 {
    uint8_t bytes[SU_SHA1_BYTES];
};

struct sync {
    struct su_db *db;
    struct su_catalogue *catalogue;
    const struct su_events *events;
    struct su_update update;
    struct su_buf urls;
    SU_VEC(struct sha1) digests; /* of the record in hand */
};

static int compare_sha1(const void *a, const void *b)
{
    return memcmp(a, b, SU_SHA1_BYTES);
}

static int note_digest(struct sync *s, const uint8_t sha1[SU_SHA1_BYTES], struct su_err *err)
{
    struct sha1 *slot = SU_PUSH(&s->digests, SU_MAX_PACKAGE_FILES);
    if (!slot)
        return su_fail_memory(err);
    memcpy(slot->bytes, sha1, SU_SHA1_BYTES);
    return 0;
}

/* The digests a document names: from the parse when it is fresh, else from its derived rows. */
static int collect_digests(struct sync *s, const struct su_held *held, bool is_same_document,
                           struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t sha1[SU_SHA1_BYTES];
    int more;
    s->digests.count = 0;
    for (size_t i = 0; !is_same_document && i < s->update.files.count; i++)
        if (note_digest(s, s->update.files.at[i].sha1, err) < 0)
            return -1;
    if (!is_same_document)
        return 0;
    if (su_query(s->db, &rows, err, "SELECT sha1 FROM file WHERE rev_id=?1", SU_I(held->rev_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_rows_fixed(&rows, 0, sha1, sizeof sha1, err) < 0 || note_digest(s, sha1, err) < 0)
            return -1;
    return more;
}

/* Sets the record's addresses: sorted, each digest once, the canonical list. */
static int set_urls(struct sync *s, const struct su_package_index *index, const struct su_held *held,
                    bool is_same_document, struct su_record *record, struct su_err *err)
{
    su_buf_clear(&s->urls);
    if (index->files.count > 0 && collect_digests(s, held, is_same_document, err) < 0)
        return -1;
    if (s->digests.count > 1)
        qsort(s->digests.at, s->digests.count, sizeof *s->digests.at, compare_sha1);
    for (size_t i = 0; i < s->digests.count; i++) {
        const uint8_t *sha1 = s->digests.at[i].bytes;
        size_t length;
        const char *url = su_package_index_url(index, sha1, &length);
        if (i > 0 && memcmp(sha1, s->digests.at[i - 1].bytes, SU_SHA1_BYTES) == 0)
            continue;
        if (url && length > 0 && su_urls_add(&s->urls, sha1, url, length, err) < 0)
            return -1;
    }
    record->urls = s->urls.bytes ? s->urls.bytes : "";
    record->urls_bytes = s->urls.length;
    return 0;
}

static int mark_seen(struct sync *s, int64_t rev_id, struct su_err *err)
{
    if (su_run(s->db, err, "INSERT OR IGNORE INTO temp.seen VALUES (?1)", SU_I(rev_id)) < 0)
        return -1;
    if (su_db_changes(s->db) == 0)
        return su_fail(err, SU_DATA, "this revision stands in the package twice");
    return 0;
}

static int take(void *context, const struct su_package *package, struct su_record *record, struct su_err *err)
{
    struct sync *s = context;
    struct su_held held;
    record->origin = SU_FROM_SYNC;
    if (su_interrupt_check(err) < 0)
        return -1;
    if (package->records % 500 == 0)
        su_progress(s->events, SU_SYNC_SOURCE, "updates", package->records, package->index.entries.count,
                    "items");
    if (su_catalogue_find(s->db, &record->id, record->revision, &held, err) < 0 ||
        su_record_seal(record, err) < 0)
        return -1;
    bool is_same_document =
        held.is_held && memcmp(held.document_sha256, record->document_sha256, SU_SHA256_BYTES) == 0;
    if (!is_same_document && su_update_parse(&s->update, record->document, record->document_bytes, err) < 0)
        return -1;
    if (set_urls(s, &package->index, &held, is_same_document, record, err) < 0 ||
        su_record_seal(record, err) < 0)
        return -1;
    int64_t rev_id = held.rev_id;
    if (!held.is_held || memcmp(held.record_sha256, record->record_sha256, SU_SHA256_BYTES) != 0) {
        /* An address alone that changed travels, but is no revision of the update. */
        if (!is_same_document && su_changes_touch(s->db, &record->id, err) < 0)
            return -1;
        if (is_same_document &&
            su_update_parse(&s->update, record->document, record->document_bytes, err) < 0)
            return -1;
        if (su_catalogue_put(s->catalogue, record, &s->update, &held, &rev_id, err) < 0)
            return -1;
    }
    return mark_seen(s, rev_id, err);
}

/* A snapshot says what was removed by absence; catalogue-imported and third-party updates stay. */
static int remove_absent(struct sync *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(s->db, &rows, err,
                 "SELECT rev_id, update_id FROM revision WHERE origin=0 AND rev_id NOT IN (SELECT rev_id "
                 "FROM temp.seen)") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_rows_fixed(&rows, 1, id.bytes, sizeof id.bytes, err) < 0 ||
            su_changes_touch(s->db, &id, err) < 0 ||
            su_run(s->db, err, "INSERT INTO temp.gone VALUES (?1)", SU_I(su_rows_int(&rows, 0))) < 0)
            return -1;
    if (more < 0 || su_query(s->db, &rows, err, "SELECT rev_id FROM temp.gone") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_catalogue_remove(s->catalogue, su_rows_int(&rows, 0), err) < 0)
            return -1;
    return more;
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
            "CREATE TEMP TABLE IF NOT EXISTS gone (rev_id INTEGER PRIMARY KEY); DELETE FROM temp.gone;",
            err) < 0 ||
        su_changes_begin(s->db, err) < 0 || su_begin(&t, s->db, err) < 0 ||
        su_state_of(s->db, &before, err) < 0)
        return -1;
    if (su_package_read(path, package, take, s, err) < 0)
        return -1;
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
    struct sync s = {.db = home->db,
                     .events = events,
                     .update = SU_UPDATE_INIT,
                     .urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES)};
    double started = su_time_monotonic();
    *result = (struct su_sync_result){.kind = ""};
    const char *base = strrchr(path, '/');
    su_escape_into(result->source, sizeof result->source, base ? base + 1 : path);
    row.source = result->source;
    (void)su_time_now(row.started);
    su_message(events, SU_SYNC_STARTED, SU_INFO, "synchronization started (%s)", result->source);
    s.catalogue = su_catalogue_new(home->db, err);
    int code = s.catalogue ? run(&s, path, &package, result, &row, err) : -1;
    su_catalogue_cleanup(&s.catalogue);
    su_update_cleanup(&s.update);
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
