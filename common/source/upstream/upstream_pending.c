#include "common/source/upstream/upstream_pending.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/lib/pack.h"
#include "common/sys/clock.h"

void su_identities_cleanup(struct su_identities *identities)
{
    free(identities->list.at);
    identities->list.at = NULL;
}

void su_wanted_list_cleanup(struct su_wanted_list *list)
{
    free(list->list.at);
    list->list.at = NULL;
}

#define CHOICE                                                                                               \
    "(SELECT coalesce(group_concat(kind||' '||value, char(10)), '') FROM (SELECT kind, value FROM "          \
    "source_choice WHERE source_id=?1 ORDER BY kind, value))"

/* Of a run that was interrupted: what was not to be had is asked for again; a listing for another choice, or
 * of another extent, is made anew. */
static int take_up(struct su_pending *p, struct su_err *err)
{
    if (su_run(p->db, err,
               "UPDATE source_run SET config_anchor=NULL, update_anchor=NULL, is_full=?2 WHERE source_id=?1 "
               "AND is_full<>?2",
               SU_I(p->source_id), SU_I(p->is_full)) < 0 ||
        su_run(p->db, err,
               "UPDATE source_run SET update_anchor=NULL, choice=" CHOICE
               " WHERE source_id=?1 AND choice<>" CHOICE,
               SU_I(p->source_id)) < 0 ||
        su_run(p->db, err, "UPDATE source_pending SET state=0, reason='' WHERE source_id=?1 AND state=2",
               SU_I(p->source_id)) < 0)
        return -1;
    return su_run(p->db, err,
                  "DELETE FROM source_pending WHERE source_id=?1 AND phase=2 AND (state=0 OR NOT EXISTS "
                  "(SELECT 1 FROM source_run r WHERE r.source_id=?1 AND r.update_anchor IS NOT NULL))",
                  SU_I(p->source_id));
}

static int drop_run(struct su_pending *p, struct su_err *err)
{
    if (su_run(p->db, err, "DELETE FROM source_pending WHERE source_id=?1", SU_I(p->source_id)) < 0 ||
        su_run(p->db, err, "DELETE FROM source_batch WHERE source_id=?1", SU_I(p->source_id)) < 0)
        return -1;
    return su_run(p->db, err, "DELETE FROM source_run WHERE source_id=?1", SU_I(p->source_id));
}

int su_pending_open(struct su_pending *p, struct su_db *db, int64_t source_id, bool is_full,
                    struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *p = (struct su_pending){.db = db, .source_id = source_id, .is_full = is_full};
    if (su_begin(&t, db, err) < 0 || take_up(p, err) < 0 ||
        su_run(db, err, "INSERT OR IGNORE INTO source_run SELECT ?1, ?2, " CHOICE ", NULL, NULL",
               SU_I(source_id), SU_I(is_full)) < 0 ||
        su_query(db, &rows, err,
                 "SELECT config_anchor IS NOT NULL, update_anchor IS NOT NULL, EXISTS (SELECT 1 FROM "
                 "source_pending WHERE source_id=?1 AND state=1) FROM source_run WHERE source_id=?1",
                 SU_I(source_id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_BUG, "the run of a source is not there");
    p->has_categories = su_rows_int(&rows, 0) != 0;
    p->has_updates = su_rows_int(&rows, 1) != 0;
    p->is_resumed = su_rows_int(&rows, 2) != 0;
    su_rows_cleanup(&rows);
    return su_commit(&t, err);
}

int su_pending_open_import(struct su_pending *p, struct su_db *db, int64_t source_id, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    int64_t others;
    *p = (struct su_pending){.db = db, .source_id = source_id, .is_import = true};
    if (su_begin(&t, db, err) < 0 ||
        su_query_int(db, &others, NULL, err,
                     "SELECT count(*) FROM source_run WHERE source_id=?1 AND choice<>'import'",
                     SU_I(source_id)) < 0)
        return -1;
    if (others > 0) {
        (void)su_fail(err, SU_CONFIG,
                      "a synchronization from this server was interrupted and waits to go on");
        return su_remedy(err, "Finish it first: suexport sync --from URL");
    }
    if (drop_run(p, err) < 0 ||
        su_run(db, err, "INSERT INTO source_run VALUES (?1, 0, 'import', NULL, NULL)", SU_I(source_id)) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_pending_forget(struct su_pending *p, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (su_begin(&t, p->db, err) < 0 ||
        su_run(p->db, err, "DELETE FROM source_pending WHERE source_id=?1", SU_I(p->source_id)) < 0 ||
        su_run(p->db, err, "DELETE FROM source_batch WHERE source_id=?1", SU_I(p->source_id)) < 0 ||
        su_run(p->db, err, "UPDATE source_run SET config_anchor=NULL, update_anchor=NULL WHERE source_id=?1",
               SU_I(p->source_id)) < 0 ||
        su_run(p->db, err,
               "UPDATE source SET config_anchor='', update_anchor='', deployment_anchor='' WHERE "
               "source_id=?1",
               SU_I(p->source_id)) < 0)
        return -1;
    p->has_categories = p->has_updates = false;
    return su_commit(&t, err);
}

/* Into temp.listed, in order. */
static int fill_listed(struct su_db *db, const struct su_identities *identities, struct su_err *err)
{
#define INTO_LISTED "INSERT OR IGNORE INTO temp.listed SELECT c0, c1, c2 FROM feed"
    if (su_db_script(db,
                     "CREATE TEMP TABLE IF NOT EXISTS listed (update_id BLOB, revision INTEGER, place "
                     "INTEGER, PRIMARY KEY (update_id, revision)) WITHOUT ROWID; DELETE FROM temp.listed;",
                     err) < 0)
        return -1;
    su_feed_begin(db);
    for (size_t i = 0; i < identities->list.count; i++) {
        const struct su_identity *one = &identities->list.at[i];
        if (su_feed_row(db, err, INTO_LISTED, SU_B(one->id.bytes, sizeof one->id.bytes), SU_I(one->revision),
                        SU_I(i)) < 0)
            return -1;
    }
    return su_feed_run(db, err, INTO_LISTED);
}

static int put_listed(struct su_pending *p, int phase, struct su_err *err)
{
    return su_run(p->db, err,
                  "INSERT OR IGNORE INTO source_pending (source_id, update_id, revision, phase, state, "
                  "reason) SELECT ?1, update_id, revision, ?2, 0, '' FROM temp.listed ORDER BY place",
                  SU_I(p->source_id), SU_I(phase));
}

int su_pending_list(struct su_pending *p, enum su_phase phase, const struct su_identities *identities,
                    const char *anchor, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    bool is_config = phase == SU_PHASE_CATEGORIES;
    if (su_begin(&t, p->db, err) < 0 || fill_listed(p->db, identities, err) < 0 ||
        su_run(p->db, err,
               "DELETE FROM source_pending WHERE source_id=?1 AND phase=?2 AND NOT EXISTS (SELECT 1 FROM "
               "temp.listed l WHERE l.update_id=source_pending.update_id AND "
               "l.revision=source_pending.revision)",
               SU_I(p->source_id), SU_I(phase)) < 0 ||
        put_listed(p, (int)phase, err) < 0 ||
        su_run(p->db, err,
               "DELETE FROM source_batch WHERE source_id=?1 AND batch_id NOT IN (SELECT batch_id FROM "
               "source_pending WHERE source_id=?1 AND batch_id IS NOT NULL)",
               SU_I(p->source_id)) < 0 ||
        su_run(p->db, err,
               "UPDATE source_run SET config_anchor=iif(?2, ?3, config_anchor), update_anchor=iif(?2, "
               "update_anchor, ?3) WHERE source_id=?1",
               SU_I(p->source_id), SU_I(is_config), SU_T(anchor)) < 0)
        return -1;
    /* What was not to be had the last time; a full run relies on its listing alone. */
    if (!p->is_full &&
        su_run(p->db, err,
               "INSERT OR IGNORE INTO source_pending (source_id, update_id, revision, phase, state, reason) "
               "SELECT ?1, update_id, revision, 2, 0, '' FROM source_missing WHERE source_id=?1",
               SU_I(p->source_id)) < 0)
        return -1;
    *(is_config ? &p->has_categories : &p->has_updates) = anchor != NULL;
    return su_commit(&t, err);
}

int su_pending_need(struct su_pending *p, const struct su_identities *identities, uint64_t *added,
                    struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (su_begin(&t, p->db, err) < 0 || fill_listed(p->db, identities, err) < 0 ||
        put_listed(p, SU_PHASE_NEEDED, err) < 0)
        return -1;
    *added = (uint64_t)su_db_changes(p->db);
    return su_commit(&t, err);
}

int su_pending_wanted(const struct su_pending *p, enum su_phase phase, struct su_wanted_list *out,
                      struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    out->list.count = 0;
    if (su_query(p->db, &rows, err,
                 "SELECT pending_id, update_id, revision FROM source_pending WHERE source_id=?1 AND phase=?2 "
                 "AND state=0 ORDER BY pending_id",
                 SU_I(p->source_id), SU_I(phase)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_wanted *slot = SU_PUSH(&out->list, SU_MAX_PACKAGE_REVISIONS);
        if (!slot)
            return su_fail_memory(err);
        slot->pending_id = su_rows_int(&rows, 0);
        slot->identity.revision = (uint32_t)su_rows_int(&rows, 2);
        if (su_rows_fixed(&rows, 1, slot->identity.id.bytes, sizeof slot->identity.id.bytes, err) < 0)
            return -1;
    }
    return more;
}

int su_pending_count(const struct su_pending *p, enum su_phase phase, enum su_pending_state state,
                     uint64_t *out, struct su_err *err)
{
    int64_t count;
    if (su_query_int(p->db, &count, NULL, err,
                     "SELECT count(*) FROM source_pending WHERE source_id=?1 AND phase=?2 AND state=?3",
                     SU_I(p->source_id), SU_I(phase), SU_I(state)) < 0)
        return -1;
    *out = (uint64_t)count;
    return 0;
}

int su_pending_missing(const struct su_pending *p, int64_t pending_id, const char *reason, struct su_err *err)
{
    return su_run(p->db, err, "UPDATE source_pending SET state=2, reason=?2 WHERE pending_id=?1",
                  SU_I(pending_id), SU_T(reason));
}

void su_pending_relation_head(struct su_buf *out, const struct su_identity *identity, size_t bytes)
{
    uint8_t head[24];
    memcpy(head, identity->id.bytes, 16);
    for (unsigned i = 0; i < 4; i++) {
        head[16 + i] = (uint8_t)(identity->revision >> 8 * i);
        head[20 + i] = (uint8_t)(bytes >> 8 * i);
    }
    su_buf_add(out, head, sizeof head);
}

int su_pending_store(const struct su_pending *p, const struct su_fetched *fetched, struct su_err *err)
{
    if (su_run(p->db, err,
               "INSERT INTO source_batch (source_id, raw_bytes, relations, packed) VALUES (?1, ?2, ?3, ?4)",
               SU_I(p->source_id), SU_I(fetched->raw_bytes),
               SU_B(fetched->relations->bytes ? fetched->relations->bytes : "", fetched->relations->length),
               SU_B(fetched->packed->bytes, fetched->packed->length)) < 0)
        return -1;
    int64_t batch = su_db_last_rowid(p->db);
    for (size_t i = 0; i < fetched->count; i++)
        if (su_run(p->db, err, "UPDATE source_pending SET state=1, batch_id=?2 WHERE pending_id=?1",
                   SU_I(fetched->pending_ids[i]), SU_I(batch)) < 0)
            return -1;
    return 0;
}

/* A revision that has come, or of whose update a newer one has, is no longer missing; and of a full run's,
 * only what it listed is. */
static int settle_missing(struct su_pending *p, struct su_err *err)
{
    char now[SU_TIME_TEXT];
    if (su_run(p->db, err,
               "DELETE FROM source_missing WHERE source_id=?1 AND EXISTS (SELECT 1 FROM source_pending p "
               "WHERE p.source_id=?1 AND p.update_id=source_missing.update_id AND "
               "p.revision>=source_missing.revision AND p.state=1)",
               SU_I(p->source_id)) < 0)
        return -1;
    if (p->is_full && su_run(p->db, err,
                             "DELETE FROM source_missing WHERE source_id=?1 AND NOT EXISTS (SELECT 1 FROM "
                             "source_pending p WHERE p.source_id=?1 AND "
                             "p.update_id=source_missing.update_id AND p.revision=source_missing.revision)",
                             SU_I(p->source_id)) < 0)
        return -1;
    return su_run(p->db, err,
                  "INSERT INTO source_missing SELECT source_id, update_id, revision, reason, ?2 FROM "
                  "source_pending WHERE source_id=?1 AND state=2 ON CONFLICT (source_id, update_id, "
                  "revision) DO UPDATE SET reason=excluded.reason",
                  SU_I(p->source_id), SU_T(su_time_now(now)));
}

int su_pending_settle(struct su_pending *p, struct su_err *err)
{
    if ((!p->is_import && settle_missing(p, err) < 0) ||
        su_run(p->db, err,
               "UPDATE source SET config_anchor=coalesce(r.config_anchor, source.config_anchor), "
               "update_anchor=coalesce(r.update_anchor, source.update_anchor) FROM source_run r WHERE "
               "source.source_id=?1 AND r.source_id=?1",
               SU_I(p->source_id)) < 0)
        return -1;
    if (p->has_updates && su_run(p->db, err, "UPDATE source_choice SET is_covered=1 WHERE source_id=?1",
                                 SU_I(p->source_id)) < 0)
        return -1;
    return drop_run(p, err);
}

/* Reading back. */

#define READER_CACHE_KIB 1024 /* each page is read once */

struct member {
    int64_t batch;
    struct su_identity identity;
};

struct su_pending_reader {
    struct su_db *db;
    struct su_packer *packer;
    struct su_rows rows;
    SU_VEC(struct member) members; /* in order of batch, id, revision */
    struct su_buf records;
    const char *at;
    int64_t batch;
};

void su_pending_reader_cleanup(struct su_pending_reader **reader)
{
    struct su_pending_reader *r = *reader;
    if (r) {
        su_rows_cleanup(&r->rows);
        su_packer_cleanup(&r->packer);
        su_db_cleanup(&r->db);
        free(r->members.at);
        su_buf_cleanup(&r->records);
    }
    free(r);
    *reader = NULL;
}

static int load_members(struct su_pending_reader *r, int64_t source_id, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(r->db, &rows, err,
                 "SELECT batch_id, update_id, revision FROM source_pending WHERE source_id=?1 AND state=1 "
                 "ORDER BY batch_id, update_id, revision",
                 SU_I(source_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct member *slot = SU_PUSH(&r->members, SU_MAX_PACKAGE_REVISIONS);
        if (!slot)
            return su_fail_memory(err);
        slot->batch = su_rows_int(&rows, 0);
        slot->identity.revision = (uint32_t)su_rows_int(&rows, 2);
        if (su_rows_fixed(&rows, 1, slot->identity.id.bytes, sizeof slot->identity.id.bytes, err) < 0)
            return -1;
    }
    return more;
}

struct su_pending_reader *su_pending_reader_new(const struct su_pending *p, struct su_err *err)
{
    struct su_pending_reader *r = calloc(1, sizeof *r);
    if (!r) {
        (void)su_fail_memory(err);
        return NULL;
    }
    r->records = (struct su_buf)SU_BUF_INIT(SU_MAX_FRAME_BYTES);
    if (su_db_open_beside(&r->db, p->db, err) < 0 || su_db_cache(r->db, READER_CACHE_KIB, err) < 0 ||
        !(r->packer = su_packer_new(err)) || load_members(r, p->source_id, err) < 0 ||
        su_query(r->db, &r->rows, err,
                 "SELECT batch_id, raw_bytes, packed FROM source_batch WHERE source_id=?1 ORDER BY batch_id",
                 SU_I(p->source_id)) < 0)
        su_pending_reader_cleanup(&r);
    return r;
}

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->batch != y->batch)
        return x->batch < y->batch ? -1 : 1;
    int order = memcmp(x->identity.id.bytes, y->identity.id.bytes, sizeof x->identity.id.bytes);
    return order ? order
                 : (x->identity.revision > y->identity.revision) -
                       (x->identity.revision < y->identity.revision);
}

static int next_batch(struct su_pending_reader *r, struct su_err *err)
{
    size_t length;
    int more = su_rows_next(&r->rows, err);
    if (more <= 0)
        return more;
    r->batch = su_rows_int(&r->rows, 0);
    const void *packed = su_rows_blob(&r->rows, 2, &length);
    if (su_unpack_frame(r->packer, packed, length, (size_t)su_rows_int(&r->rows, 1), &r->records, err) < 0)
        return su_prefix(err, "database: documents fetched");
    r->at = r->records.bytes;
    return 1;
}

int su_pending_next(struct su_pending_reader *r, struct su_record *record, struct su_err *err)
{
    for (;;) {
        int more = r->at ? su_record_read(record, &r->at, r->records.bytes + r->records.length, err) : 0;
        if (more == 0) {
            more = next_batch(r, err);
            if (more <= 0)
                return more;
            continue;
        }
        if (more < 0)
            return su_prefix(err, "database: documents fetched");
        const struct member key = {r->batch, {record->id, record->revision}};
        if (bsearch(&key, r->members.at, r->members.count, sizeof key, compare_members))
            return 1; /* others were fetched for a choice that has changed since */
    }
}
