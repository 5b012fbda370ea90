#include "common/hub/difference.h"

#include <string.h>

struct sent { /* a row of site_state */
    struct su_guid id;
    int64_t revision, from;
    int64_t to; /* SU_OPEN: still there */
    uint8_t record_sha256[SU_SHA256_BYTES], doc_sha256[SU_SHA256_BYTES];
};
#define SU_OPEN INT64_MAX

struct comparing {
    struct su_db *db;
    const struct su_graph *graph;
    const bool *carried;
    struct su_difference *out;
    struct su_rows rows;
    struct sent sent; /* the next one */
    bool has_sent, is_full;
    int64_t floor;
    size_t row;        /* the next carried one */
    struct su_guid id; /* of the update that is being compared, and what was seen of it */
    bool has_id, is, was, is_changed, is_newest_new, is_newest_expired;
};

static int next_sent(struct comparing *c, struct su_err *err)
{
    int more = su_rows_next(&c->rows, err);
    c->has_sent = more > 0;
    if (more <= 0)
        return more;
    c->sent.revision = su_rows_int(&c->rows, 1);
    c->sent.from = su_rows_int(&c->rows, 2);
    c->sent.to = su_rows_is_null(&c->rows, 3) ? SU_OPEN : su_rows_int(&c->rows, 3);
    if (su_rows_fixed(&c->rows, 0, c->sent.id.bytes, sizeof c->sent.id.bytes, err) < 0 ||
        su_rows_fixed(&c->rows, 4, c->sent.record_sha256, SU_SHA256_BYTES, err) < 0 ||
        su_rows_fixed(&c->rows, 5, c->sent.doc_sha256, SU_SHA256_BYTES, err) < 0)
        return -1;
    return 0;
}

static void skip_uncarried(struct comparing *c)
{
    while (c->row < c->graph->rows.count && !c->carried[c->graph->rows.at[c->row].node])
        c->row++;
}

/* Closes the count of one update and begins the next. */
static void turn_to(struct comparing *c, const struct su_guid *id)
{
    if (c->has_id && id && memcmp(c->id.bytes, id->bytes, sizeof id->bytes) == 0)
        return;
    if (c->is && !c->was)
        c->out->new ++;
    else if (c->was && !c->is)
        c->out->removed++;
    else if (c->is_changed && c->is)
        (*(c->is_newest_new && c->is_newest_expired ? &c->out->expired : &c->out->revised))++;
    c->has_id = id != NULL;
    if (id)
        c->id = *id;
    c->is = c->was = c->is_changed = c->is_newest_new = c->is_newest_expired = false;
}

static int end_sent(struct comparing *c, struct su_err *err)
{
    return su_run(c->db, err, "INSERT INTO temp.stale VALUES (?1,?2,?3)", SU_B(c->sent.id.bytes, 16),
                  SU_I(c->sent.revision), SU_I(c->sent.from));
}

/* A revision that was sent and is not carried any more: its rows, one for each time it was. */
static int take_absent(struct comparing *c, struct su_err *err)
{
    struct su_guid id = c->sent.id;
    int64_t revision = c->sent.revision;
    bool is_gone = false;
    while (c->has_sent && c->sent.revision == revision && memcmp(c->sent.id.bytes, id.bytes, 16) == 0) {
        if (c->sent.to == SU_OPEN) {
            c->was = c->is_changed = true;
            if (end_sent(c, err) < 0)
                return -1;
        }
        is_gone |= !c->is_full && c->sent.to > c->floor;
        if (next_sent(c, err) < 0)
            return -1;
    }
    if (!is_gone)
        return 0;
    c->out->removals++;
    return su_run(c->db, err, "INSERT INTO temp.gone VALUES (?1,?2)", SU_B(id.bytes, 16), SU_I(revision));
}

static int has_same_document(struct comparing *c, const struct su_graph_row *row, bool *out,
                             struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t have[SU_SHA256_BYTES];
    if (su_query(c->db, &rows, err, "SELECT doc_sha256 FROM revision WHERE rev_id=?1", SU_I(row->rev_id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_BUG, "a revision of the graph is not in the catalogue");
    if (su_rows_fixed(&rows, 0, have, sizeof have, err) < 0)
        return -1;
    *out = memcmp(have, c->sent.doc_sha256, SU_SHA256_BYTES) == 0;
    return 0;
}

/* A carried revision, beside the rows that tell of it, if any. */
static int take_carried(struct comparing *c, struct su_err *err)
{
    const struct su_graph_row *row = &c->graph->rows.at[c->row];
    const struct su_guid *id = &c->graph->nodes.at[row->node].id;
    bool is_fresh = true, is_everywhere = false, is_known = false, has_document = false;
    while (c->has_sent && c->sent.revision == row->revision && memcmp(c->sent.id.bytes, id->bytes, 16) == 0) {
        if (c->sent.to == SU_OPEN) {
            c->was = is_known = true;
            if (memcmp(c->sent.record_sha256, row->record_sha256, SU_SHA256_BYTES) == 0) {
                is_fresh = false;
                is_everywhere = c->sent.from <= c->floor;
                has_document = true;
            } else if (has_same_document(c, row, &has_document, err) < 0 || end_sent(c, err) < 0) {
                return -1;
            }
        }
        if (next_sent(c, err) < 0)
            return -1;
    }
    c->is = true;
    c->is_changed |= !has_document;
    c->is_newest_new = !is_known; /* revisions come in order: the last one stays */
    c->is_newest_expired = row->is_expired;
    c->row++;
    if (is_everywhere && !c->is_full)
        return 0;
    c->out->records++;
    return su_run(c->db, err, "INSERT INTO temp.send VALUES (?1,?2)", SU_I(row->rev_id), SU_I(is_fresh));
}

/* Below 0: the carried revision comes first; above: what was sent. */
static int compare(const struct comparing *c)
{
    if (!c->has_sent || c->row == c->graph->rows.count)
        return c->has_sent ? 1 : -1;
    const struct su_graph_row *row = &c->graph->rows.at[c->row];
    int order = memcmp(c->graph->nodes.at[row->node].id.bytes, c->sent.id.bytes, 16);
    if (order != 0)
        return order;
    return (row->revision > c->sent.revision) - (row->revision < c->sent.revision);
}

static int compare_all(struct comparing *c, struct su_err *err)
{
    if (next_sent(c, err) < 0)
        return -1;
    for (skip_uncarried(c); c->has_sent || c->row < c->graph->rows.count; skip_uncarried(c)) {
        bool is_absent = compare(c) > 0;
        struct su_guid id = is_absent ? c->sent.id : c->graph->nodes.at[c->graph->rows.at[c->row].node].id;
        turn_to(c, &id);
        if ((is_absent ? take_absent(c, err) : take_carried(c, err)) < 0)
            return -1;
    }
    turn_to(c, NULL);
    return 0;
}

int su_difference_find(struct su_db *db, const struct su_closure *closure, int64_t site_id, bool is_full,
                       uint64_t floor, struct su_difference *out, struct su_err *err)
{
    struct comparing c = {.db = db,
                          .graph = su_closure_graph(closure),
                          .carried = su_closure_carried(closure),
                          .out = out,
                          .rows = SU_ROWS_INIT,
                          .is_full = is_full,
                          .floor = (int64_t)floor};
    *out = (struct su_difference){0};
    if (su_db_script(
            db,
            "CREATE TEMP TABLE IF NOT EXISTS send (rev_id INTEGER PRIMARY KEY, is_fresh INTEGER NOT NULL);"
            "CREATE TEMP TABLE IF NOT EXISTS gone (update_id BLOB, revision INTEGER, PRIMARY KEY (update_id, "
            "revision)) WITHOUT ROWID;"
            "CREATE TEMP TABLE IF NOT EXISTS stale (update_id BLOB, revision INTEGER, from_sequence INTEGER, "
            "PRIMARY KEY (update_id, revision, from_sequence)) WITHOUT ROWID;"
            "DELETE FROM temp.send; DELETE FROM temp.gone; DELETE FROM temp.stale;",
            err) < 0 ||
        su_query(db, &c.rows, err,
                 "SELECT update_id, revision, from_sequence, to_sequence, record_sha256, doc_sha256 FROM "
                 "site_state WHERE site_id=?1 ORDER BY update_id, revision, from_sequence",
                 SU_I(site_id)) < 0)
        return -1;
    int result = compare_all(&c, err);
    su_rows_cleanup(&c.rows);
    return result;
}
