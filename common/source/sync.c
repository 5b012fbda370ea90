#include "common/source/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/changes.h"
#include "common/catalogue/graph.h"
#include "common/catalogue/history.h"
#include "common/catalogue/lifecycle.h"
#include "common/catalogue/load.h"
#include "common/catalogue/removal.h"
#include "common/sys/belt.h"
#include "common/sys/clock.h"
#include "common/sys/interrupt.h"

#define MOST_CHANGES 20000

struct digest {
    int64_t item; /* of the documents that are held: whose it is */
    uint8_t sha1[SU_SHA1_BYTES];
};

/* What one thread works with. */
struct hand {
    struct su_preparer *preparer;
    SU_VEC(struct digest) digests;
    struct su_buf urls;
};

struct sync {
    struct su_db *db;
    const struct su_events *events;
    struct su_source source; /* the reading thread's while it is read */
    uint64_t records;        /* the reading thread's */
    uint64_t total;          /* as the source says at its first record; 0: unknown */
    uint64_t applied;        /* the database's thread's */
    struct su_load *load;    /* the reading thread's */
    struct su_catalogue *catalogue;
    struct su_learner learner;
    struct su_known known;
    struct su_excluded excluded;              /* what "maintain" removed */
    bool is_first;                            /* nothing is held: all is new */
    struct hand own, workers[SU_MAX_THREADS]; /* the database's thread, and those that prepare */
};

/* The place in the source before an error of one of its records. */
static int blame(const struct sync *s, struct su_err *err)
{
    char title[256];
    if (s->source.place[0])
        (void)su_prefix(err, "%s", s->source.place);
    su_source_title(s->source.request->from, title, sizeof title);
    return su_prefix(err, "%s", title);
}

static int compare_sha1(const void *a, const void *b)
{
    return memcmp(((const struct digest *)a)->sha1, ((const struct digest *)b)->sha1, SU_SHA1_BYTES);
}

static bool is_same_document(const struct su_prepared *item)
{
    return item->held.is_held &&
           memcmp(item->held.document_sha256, item->record.document_sha256, SU_SHA256_BYTES) == 0;
}

static struct digest *add_digest(struct hand *hand, struct su_err *err)
{
    struct digest *digest = SU_PUSH(&hand->digests, SU_MAX_PACKAGE_FILES);
    if (!digest)
        (void)su_fail_memory(err);
    return digest;
}

static bool has_addresses(const struct sync *s, const struct su_prepared *item)
{
    return s->source.kind->url || item->record.urls_bytes > 0;
}

static const char *find_url(const struct sync *s, const struct su_prepared *item,
                            const uint8_t sha1[SU_SHA1_BYTES], size_t *length)
{
    return s->source.kind->url ? s->source.kind->url(&s->source, sha1, length)
                               : su_urls_find(item->record.urls, item->record.urls_bytes, sha1, length);
}

/* Sets the record's addresses: sorted, each digest once, the canonical list. */
static int set_urls(const struct sync *s, struct hand *hand, struct su_batch *batch, struct su_prepared *item,
                    struct digest *digests, size_t count, struct su_err *err)
{
    su_buf_clear(&hand->urls);
    if (count > 1)
        qsort(digests, count, sizeof *digests, compare_sha1);
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *url = find_url(s, item, digests[i].sha1, &length);
        if (i > 0 && memcmp(digests[i].sha1, digests[i - 1].sha1, SU_SHA1_BYTES) == 0)
            continue;
        if (url && length > 0 && su_urls_add(&hand->urls, digests[i].sha1, url, length, err) < 0)
            return -1;
    }
    if (hand->urls.length > 0 &&
        !(item->record.urls = su_arena_text(&batch->arena, hand->urls.bytes, hand->urls.length)))
        return su_fail_memory(err);
    item->record.urls_bytes = hand->urls.length;
    return 0;
}

/* Of a document that was parsed. */
static int set_urls_of_update(const struct sync *s, struct hand *hand, struct su_batch *batch,
                              struct su_prepared *item, struct su_err *err)
{
    hand->digests.count = 0;
    for (size_t i = 0; has_addresses(s, item) && i < item->update.files.count; i++) {
        struct digest *digest = add_digest(hand, err);
        if (!digest)
            return -1;
        memcpy(digest->sha1, item->update.files.at[i].sha1, SU_SHA1_BYTES);
    }
    return set_urls(s, hand, batch, item, hand->digests.at, hand->digests.count, err);
}

/* Of documents that are held as they are: by their derived rows. */
static int set_urls_of_held(struct sync *s, struct su_batch *batch, struct su_prepared *items, size_t count,
                            struct su_err *err)
{
    bool has_files = false;
    struct hand *hand = &s->own;
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more = 0;
    hand->digests.count = 0;
    su_feed_begin(s->db);
    for (size_t i = 0; i < count; i++) {
        has_files |= has_addresses(s, &items[i]);
        if (is_same_document(&items[i]) &&
            su_feed_row(s->db, err, NULL, SU_I(items[i].held.rev_id), SU_I(i)) < 0)
            return -1;
    }
    if (has_files &&
        su_query(s->db, &rows, err, "SELECT c1, sha1 FROM feed CROSS JOIN file ON rev_id=c0") < 0)
        return -1;
    while (has_files && (more = su_rows_next(&rows, err)) > 0) {
        struct digest *digest = add_digest(hand, err);
        if (!digest || su_rows_fixed(&rows, 1, digest->sha1, SU_SHA1_BYTES, err) < 0)
            return -1;
        digest->item = su_rows_int(&rows, 0);
    }
    for (size_t i = 0, at = 0; more == 0 && i < count; i++) {
        size_t end = at;
        while (end < hand->digests.count && hand->digests.at[end].item == (int64_t)i)
            end++;
        if (is_same_document(&items[i]) &&
            set_urls(s, hand, batch, &items[i], &hand->digests.at[at], end - at, err) < 0)
            return su_prepared_prefix(&items[i], err);
        at = end;
    }
    return more;
}

/* What needs no database. */
static int prepare_with(const struct sync *s, struct hand *hand, struct su_batch *batch,
                        struct su_prepared *item, struct su_err *err)
{
    if (su_prepare(hand->preparer, batch, item, err) < 0)
        return -1;
    if (set_urls_of_update(s, hand, batch, item, err) < 0 || su_record_seal_whole(&item->record, err) < 0)
        return su_prepared_prefix(item, err);
    return 0;
}

static void ahead(void *context, unsigned worker, struct su_batch *batch)
{
    struct sync *s = context;
    struct su_err told_later = SU_ERR_INIT;
    if (su_batch_seal(batch, &told_later) == 0)
        su_prepare_ahead(s->workers[worker].preparer, batch, &s->known);
}

static int prepare(void *context, unsigned worker, struct su_batch *batch, struct su_prepared *item,
                   struct su_err *err)
{
    struct sync *s = context;
    if ((!item->is_sealed && su_record_seal_document(&item->record, err) < 0) ||
        (!su_known_has(&s->known, item->record.document_sha256) &&
         prepare_with(s, &s->workers[worker], batch, item, err) < 0))
        return blame(s, err);
    return 0;
}

/* A revision stands in a source once. */
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
    (void)su_fail(err, SU_DATA, "this revision stands in the source twice");
    return su_prepared_prefix(&items[su_rows_int(&rows, 0)], err);
}

/* What is new or changed is put. An address alone that changed travels, but is no revision of the update. */
static int decide(struct sync *s, struct su_batch *batch, struct su_prepared *items, size_t count,
                  struct su_err *err)
{
    if (su_catalogue_find(s->catalogue, items, count, err) < 0 || refuse_seen(s, items, count, err) < 0 ||
        set_urls_of_held(s, batch, items, count, err) < 0)
        return -1;
    for (struct su_prepared *item = items; item < items + count; item++) {
        bool is_same = is_same_document(item),
             is_brought = item->held.is_held && item->held.origin != SU_FROM_SYNC;
        if (is_brought) /* by an import of its own: it stays when a synchronization no longer has it */
            item->record.origin = item->held.origin;
        if (is_same ? su_record_seal_whole(&item->record, err) < 0
                    : !item->is_ready && prepare_with(s, &s->own, batch, item, err) < 0)
            return -1;
        if (is_brought && !is_same && su_record_seal_whole(&item->record, err) < 0)
            return -1;
        if (item->held.is_held &&
            memcmp(item->held.record_sha256, item->record.record_sha256, SU_SHA256_BYTES) == 0)
            continue;
        if (!item->is_ready && su_prepare(s->own.preparer, batch, item, err) < 0)
            return -1;
        item->edit = SU_PUT;
        item->is_touched = !is_same && !s->is_first;
    }
    return 0;
}

#define INTO_SEEN "INSERT OR IGNORE INTO temp.seen SELECT c0 FROM feed"

static int apply_items(struct sync *s, struct su_batch *batch, struct su_prepared *items, size_t count,
                       struct su_err *err)
{
    if (decide(s, batch, items, count, err) < 0 || su_changes_touch(s->db, items, count, err) < 0 ||
        su_catalogue_apply(s->catalogue, items, count, err) < 0)
        return -1;
    su_feed_begin(s->db);
    for (size_t i = 0; i < count; i++)
        if (su_feed_row(s->db, err, INTO_SEEN, SU_I(items[i].rev_id)) < 0)
            return -1;
    return su_feed_run(s->db, err, INTO_SEEN);
}

static int apply(void *context, struct su_batch *batch, struct su_prepared *items, size_t count,
                 struct su_err *err)
{
    struct sync *s = context;
    if (apply_items(s, batch, items, count, err) < 0)
        return blame(s, err);
    s->applied += count;
    su_progress(s->events, SU_SYNC_DATABASE, "catalogue", s->applied, s->total, "items");
    return 0;
}

static int take(void *context, struct su_record *record, uint64_t number, struct su_err *err)
{
    struct sync *s = context;
    if (s->records == 0)
        s->total = s->source.total;
    if (s->records++ % 500 == 0)
        su_progress(s->events, SU_SYNC_SOURCE, "updates", s->records - 1, s->source.total, "items");
    if (record->origin != SU_FROM_CATALOGUE_IMPORT &&
        su_excluded_has(&s->excluded, &record->id, record->revision))
        return 0; /* removed by "maintain"; what is asked for by name comes all the same */
    return su_load_add(s->load, record, number, err);
}

static int read_source(void *context, struct su_load *load, struct su_err *err)
{
    struct sync *s = context;
    s->load = load;
    return s->source.kind->read(&s->source, take, s, err);
}

/* A snapshot says what was removed by absence; catalogue-imported and third-party updates stay. */
static int find_absent(struct sync *s, struct su_err *err)
{
    if (s->source.kind->gone)
        return s->source.kind->gone(&s->source, err);
    if (s->source.kind->spare && s->source.kind->spare(&s->source, err) < 0)
        return -1;
    return su_run(
        s->db, err,
        "INSERT INTO temp.gone SELECT rev_id, update_id FROM revision WHERE origin=0 AND rev_id NOT "
        "IN (SELECT rev_id FROM temp.seen)");
}

/* Clauses of prerequisites of which no alternative is held. */
static uint64_t count_open(const struct su_graph *g)
{
    uint64_t count = 0;
    for (uint32_t clause = 0; clause < g->clauses.count; clause++) {
        bool is_open = g->clauses.at[clause].relation != SU_BY_BUNDLE;
        for (uint32_t i = g->clauses.at[clause].first; is_open && i < su_graph_clause_end(g, clause); i++)
            is_open = su_graph_alternative(g, clause, i).node == SU_NOBODY;
        count += is_open;
    }
    return count;
}

/* By the graph: asking the database for the open clauses alone takes 0.25 s at 100,000 updates, longer than
 * loading all relations, and nothing else goes on at this time. */
static int judge(const struct sync *s, struct su_sync_result *result, struct su_err *err)
{
    SU_AUTO(su_graph) struct su_graph *graph = su_graph_load(s->db, true, err);
    if (!graph || su_graph_state(graph, NULL, &result->state, err) < 0)
        return -1;
    result->open_prerequisites = count_open(graph);
    return 0;
}

/* Of a source that does not say when it was made, the newest date on which one of its updates was: never the
 * clock's, because a bundle names it and is made again byte for byte. */
static int date_of_catalogue(const struct sync *s, struct su_buf *out, struct su_err *err)
{
    su_buf_adds(out, s->source.created);
    if (out->length > 0)
        return su_buf_check(out, "CreationTime", err);
    return su_query_text(s->db, out, NULL, err,
                         "SELECT coalesce(substr(max(created), 1, 19)||'Z', '') FROM info WHERE created GLOB "
                         "'[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]*Z'");
}

/* Reads the source into the catalogue. */
static int load(struct sync *s, const struct su_state *before, struct su_sync_result *result,
                struct su_err *err)
{
    const struct su_load_plan plan = {.context = s,
                                      .learner = &s->learner,
                                      .read = read_source,
                                      .ahead = ahead,
                                      .prepare = prepare,
                                      .apply = apply};
    if (su_db_script(
            s->db,
            "CREATE TEMP TABLE IF NOT EXISTS seen (rev_id INTEGER PRIMARY KEY); DELETE FROM temp.seen;",
            err) < 0 ||
        su_removal_begin(s->db, err) < 0 || su_excluded_load(s->db, &s->excluded, err) < 0 ||
        su_catalogue_known(s->catalogue, &s->known, err) < 0 ||
        su_catalogue_load_begin(s->catalogue, &s->is_first, err) < 0)
        return -1;
    /* Known to be no month's changes but most of a catalogue, it would fill the larger cache and gain
     * nothing: 100,000 updates from a server then took 276 MiB. */
    if (!s->is_first && s->source.total > MOST_CHANGES && su_db_cache(s->db, SU_DB_CACHE_KIB, err) < 0)
        return -1;
    if (su_load_run(&plan, err) < 0)
        return -1;
    su_progress(s->events, SU_SYNC_SOURCE, "updates", s->records, s->records, "items");
    if (((s->source.is_snapshot || s->source.kind->gone) &&
         (find_absent(s, err) < 0 || su_removal_run(s->db, s->catalogue, NULL, err) < 0)) ||
        su_catalogue_load_end(s->catalogue, err) < 0 ||
        su_excluded_release_needed(s->db, &result->released, err) < 0 || judge(s, result, err) < 0)
        return -1;
    return su_changes_count(s->db, before, &result->state, &result->changes, err);
}

/* Reads what is no part of the catalogue, which stays as it is. */
static int load_apart(struct sync *s, const struct su_state *before, struct su_sync_result *result,
                      struct su_err *err)
{
    result->state = *before;
    return s->source.kind->load_apart(&s->source, &result->changes, err);
}

/* What the history says of a source's time: its own, or that of the catalogue; of what is apart its own only.
 */
static int date(struct sync *s, struct su_sync_result *result, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf last = SU_BUF_INIT(64);
    if (s->source.kind->load_apart)
        return 0;
    if (su_history_source_time(s->db, &last, err) < 0 || date_of_catalogue(s, out, err) < 0)
        return -1;
    result->is_older = s->source.is_snapshot && last.length > 0 && s->source.created[0] &&
                       strcmp(s->source.created, last.bytes) < 0;
    return 0;
}

static int keep_request(struct sync *s, struct su_err *err)
{
    const char *again = s->source.request->again;
    /* Catalogues of other vendors and scan metadata are not what the hub is kept by. */
    bool is_beside = s->source.kind->load_apart || strncmp(s->source.name, "sdp", 3) == 0;
    return !again || !again[0] || is_beside
               ? 0
               : su_run(s->db, err, "INSERT OR REPLACE INTO setting VALUES ('last_source', ?1)", SU_T(again));
}

/* Who changed the catalogue from what; and, as every entry says, how it was read. */
static int note_in_ledger(const struct sync *s, const struct su_sync_result *result, struct su_err *err)
{
    char detail[512];
    const struct su_changes *c = &result->changes;
    struct su_ledger_entry entry = {
        .actor = s->source.request->actor, .kind = "sync", .site = "", .detail = detail};
    if (!entry.actor || c->new + c->revised + c->expired + c->removed == 0)
        return 0;
    memcpy(entry.subject, result->state.digest, SU_SHA256_BYTES);
    (void)snprintf(detail, sizeof detail, "%s (%s): %llu new, %llu revised, %llu expired, %llu removed",
                   result->source, result->kind, (unsigned long long)c->new, (unsigned long long)c->revised,
                   (unsigned long long)c->expired, (unsigned long long)c->removed);
    return su_ledger_add(s->db, &entry, err);
}

static int run(struct sync *s, struct su_sync_result *result, struct su_history *row, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_buf) struct su_buf time = SU_BUF_INIT(64);
    struct su_state before;
    if (su_changes_begin(s->db, err) < 0 || su_begin(&t, s->db, err) < 0 ||
        su_state_of(s->db, &before, err) < 0)
        return -1;
    if ((s->source.kind->load_apart ? load_apart : load)(s, &before, result, err) < 0 ||
        (s->source.kind->settle && s->source.kind->settle(&s->source, err) < 0) ||
        date(s, result, &time, err) < 0)
        return -1;
    (void)snprintf(result->kind, sizeof result->kind, "%s", s->source.name);
    row->kind = result->kind;
    row->source_time = time.length > 0 ? time.bytes : "";
    row->state_code = SU_SYNC_DONE;
    row->changes = result->changes;
    row->state = result->state;
    if (keep_request(s, err) < 0 || note_in_ledger(s, result, err) < 0 ||
        su_history_add_change(s->db, row, &before, err) < 0)
        return -1;
    result->content_version = row->content_version;
    if (s->source.request->is_trial)
        return 0; /* the transaction goes, and with it all of it */
    if (su_commit(&t, err) < 0)
        return -1;
    su_changes_tell(s->db, before.updates == 0, s->events);
    return 0;
}

static int open_hand(struct hand *hand, struct su_err *err)
{
    hand->urls = (struct su_buf)SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    hand->preparer = su_preparer_new(err);
    return hand->preparer ? 0 : -1;
}

static void close_hand(struct hand *hand)
{
    su_preparer_cleanup(&hand->preparer);
    free(hand->digests.at);
    su_buf_cleanup(&hand->urls);
}

static int open_sync(struct sync *s, struct su_err *err)
{
    su_learner_init(&s->learner);
    if (su_source_open(&s->source, err) < 0 || !(s->catalogue = su_catalogue_new(s->db, err)) ||
        su_catalogue_dictionary(s->catalogue, &s->learner, err) < 0 || open_hand(&s->own, err) < 0)
        return -1;
    for (unsigned i = 0; i < su_threads(); i++)
        if (open_hand(&s->workers[i], err) < 0)
            return -1;
    return 0;
}

static void close_sync(struct sync *s)
{
    su_catalogue_cleanup(&s->catalogue);
    su_learner_cleanup(&s->learner);
    su_known_cleanup(&s->known);
    su_excluded_cleanup(&s->excluded);
    su_source_cleanup(&s->source);
    close_hand(&s->own);
    for (unsigned i = 0; i < su_threads(); i++)
        close_hand(&s->workers[i]);
}

int su_sync(struct su_home *home, const struct su_sync_request *request, const struct su_events *events,
            struct su_sync_result *result, struct su_err *err)
{
    struct su_history row = {.kind = "", .source_time = ""};
    struct sync s = {
        .db = home->db, .events = events, .source = {.request = request, .home = home, .events = events}};
    double started = su_time_monotonic();
    *result = (struct su_sync_result){.kind = ""};
    su_source_title(request->from, result->source, sizeof result->source);
    row.source = result->source;
    (void)su_time_now(row.started);
    su_message(events, SU_SYNC_STARTED, SU_INFO, "synchronization started (%s)", result->source);
    int code = open_sync(&s, err) < 0 ? -1 : run(&s, result, &row, err);
    result->calls = s.source.calls;
    result->received = s.source.received;
    result->missing = s.source.missing;
    result->open_bundled = s.source.open_bundled;
    close_sync(&s);
    result->seconds = su_time_monotonic() - started;
    if (code == 0)
        return 0;
    (void)su_after(err, "The catalogue is as it was.");
    if (request->is_trial)
        return -1;
    struct su_err second = SU_ERR_INIT;
    row.state_code = SU_SYNC_FAILED;
    row.error = err->text;
    row.error_code = err->code;
    if (su_history_add_failure(home->db, &row, &second) < 0)
        su_message(events, SU_SYNC_FAILED, SU_WARNING, "the failure could not be recorded: %s", second.text);
    return -1;
}
