#include "common/catalogue/need.h"

#include <stdlib.h>
#include <string.h>

#include "common/catalogue/withheld.h"

/* Where updates contradict each other about a digest, the choice depends on nothing but the values:
 * hub and site must come to the same list. */
#define INTO_NEED                                                                                            \
    "INSERT INTO temp.need (sha1, sha256, bytes, licence, name) VALUES (?1,?2,?3,?4,?5) ON CONFLICT (sha1) " \
    "DO UPDATE SET sha256=coalesce(max(need.sha256, excluded.sha256), need.sha256, "                         \
    "excluded.sha256),"                                                                                      \
    " bytes=min(bytes, excluded.bytes), licence=max(licence, excluded.licence), name=min(name, "             \
    "excluded.name)"

static int fill_profile_tables(struct su_db *db, const struct su_profile *profile, struct su_err *err)
{
    if (su_db_script(
            db,
            "CREATE TEMP TABLE IF NOT EXISTS need (sha1 BLOB PRIMARY KEY, sha256 BLOB, bytes INTEGER NOT "
            "NULL,"
            " licence INTEGER NOT NULL, name TEXT NOT NULL) WITHOUT ROWID; DELETE FROM temp.need;"
            "CREATE TEMP TABLE IF NOT EXISTS language (name TEXT PRIMARY KEY); DELETE FROM temp.language;",
            err) < 0)
        return -1;
    for (size_t i = 0; profile && i < profile->items.count; i++)
        if (profile->items.at[i].kind == SU_ITEM_LANGUAGE &&
            su_run(db, err, "INSERT OR IGNORE INTO temp.language VALUES (?1)",
                   SU_T(profile->items.at[i].value)) < 0)
            return -1;
    return 0;
}

/* What is live: the newest unexpired revision of an update, and by exact revision what such a one
 * bundles. Payload may be wanted of what approved updates lead to only. */
enum { LIVE = 1, LIVE_FOR_PAYLOAD = 2 };

/* What went into temp.need for a digest last. Taking the same again changes nothing, and many updates
 * name the same file, so most statements are saved where files are shared. */
struct taken {
    uint8_t sha1[SU_SHA1_BYTES], sha256[SU_SHA256_BYTES];
    bool is_taken, has_sha256, is_licence;
    int64_t bytes;
    char name[80]; /* longer ones are not remembered */
};
#define TAKEN_SLOTS 2048 /* power of two */

struct needing {
    struct su_db *db;
    const struct su_profile *profile; /* NULL: everything is needed */
    const struct su_graph *graph;
    const bool *carried; /* by node; NULL: all */
    uint8_t *live;       /* by row */
    bool *withheld;      /* by node; where a selection says what is carried, nothing is */
    uint32_t *queue;
    size_t queued;
    struct taken *taken; /* by the first bytes of the digest */
    bool any_language, has_licence, has_payload, has_express;
    struct {
        int64_t rev_id;
        bool is_known, is_wanted;
    } last; /* what the languages of the revision asked last said; files come grouped by revision */
};

static void enliven(struct needing *n, uint32_t row, uint8_t how)
{
    if ((n->live[row] | how) == n->live[row] || (n->carried && !n->carried[n->graph->rows.at[row].node]))
        return;
    n->live[row] |= how;
    n->queue[n->queued++] = row;
}

/* By node; all false unless only what is approved counts. */
static void mark_approved(const struct needing *n, bool *approved)
{
    for (size_t i = 0; i < n->profile->items.count; i++) {
        const struct su_profile_item *item = &n->profile->items.at[i];
        struct su_guid id;
        uint32_t node = SU_NOBODY;
        if (item->kind == SU_ITEM_APPROVAL && su_guid_parse(&id, item->value, strlen(item->value)))
            node = su_graph_find(n->graph, &id);
        if (node != SU_NOBODY)
            approved[node] = true;
    }
}

static int withhold(void *context, const struct su_guid *id, struct su_err *err)
{
    struct needing *n = context;
    uint32_t node = su_graph_find(n->graph, id);
    (void)err;
    if (node != SU_NOBODY)
        n->withheld[node] = true;
    return 0;
}

static int find_live(struct needing *n, struct su_err *err)
{
    const struct su_graph *g = n->graph;
    bool approved_only = n->profile && n->profile->content == SU_CONTENT_APPROVED;
    bool *approved = calloc(g->nodes.count + 1, sizeof *approved);
    if (!approved)
        return su_fail_memory(err);
    if (approved_only)
        mark_approved(n, approved);
    for (uint32_t i = 0; i < g->nodes.count; i++) {
        uint32_t newest = g->nodes.at[i].first_row + g->nodes.at[i].row_count - 1;
        if (!g->rows.at[newest].is_expired && !n->withheld[i])
            enliven(n, newest, !approved_only || approved[i] ? LIVE | LIVE_FOR_PAYLOAD : LIVE);
    }
    free(approved);
    /* A row is queued again when it becomes live in the second way, so at most twice. */
    while (n->queued > 0) {
        uint32_t at = n->queue[--n->queued];
        const struct su_graph_range *bundled = &g->rows.at[at].bundled;
        for (uint32_t k = bundled->first; k < bundled->first + bundled->count; k++)
            for (uint32_t a = g->clauses.at[k].first; a < su_graph_clause_end(g, k); a++) {
                struct su_graph_target target = su_graph_alternative(g, k, a);
                if (target.node != SU_NOBODY)
                    enliven(n, target.row, n->live[at]);
            }
    }
    return 0;
}

/* An update without languages, or for all of them, always counts. */
static int speaks(struct needing *n, int64_t rev_id, bool *out, struct su_err *err)
{
    int64_t is_wanted = 1;
    if (n->last.is_known && n->last.rev_id == rev_id) {
        *out = n->last.is_wanted;
        return 0;
    }
    if (!n->any_language &&
        su_query_int(n->db, &is_wanted, NULL, err,
                     "SELECT NOT EXISTS (SELECT 1 FROM tag WHERE rev_id=?1 AND kind='language') OR EXISTS"
                     " (SELECT 1 FROM tag WHERE rev_id=?1 AND kind='language' AND (value='all' OR value IN "
                     "(SELECT name FROM temp.language)))",
                     SU_I(rev_id)) < 0)
        return -1;
    *out = is_wanted != 0;
    n->last.rev_id = rev_id;
    n->last.is_wanted = *out;
    n->last.is_known = true;
    return 0;
}

/* Licence terms come in the chosen languages and always in English. */
static int is_needed(struct needing *n, struct su_rows *rows, uint8_t live, bool *out, struct su_err *err)
{
    bool is_licence = su_rows_int(rows, 4) != 0;
    *out = false;
    if (is_licence)
        *out = n->has_licence && (n->any_language || su_rows_int(rows, 7) != 0);
    else if (n->has_payload && live & LIVE_FOR_PAYLOAD && (n->has_express || su_rows_int(rows, 6) == 0))
        return speaks(n, su_rows_int(rows, 0), out, err);
    return 0;
}

static int take_file(struct needing *n, struct su_rows *rows, struct su_err *err)
{
    struct taken t = {
        .is_taken = true, .is_licence = su_rows_int(rows, 4) != 0, .bytes = su_rows_int(rows, 3)};
    const char *name = su_rows_text(rows, 5);
    size_t length = strlen(name);
    t.has_sha256 = !su_rows_is_null(rows, 2);
    if (su_rows_fixed(rows, 1, t.sha1, sizeof t.sha1, err) < 0 ||
        (t.has_sha256 && su_rows_fixed(rows, 2, t.sha256, sizeof t.sha256, err) < 0))
        return -1;
    struct taken *slot = &n->taken[((size_t)t.sha1[0] << 8 | t.sha1[1]) & (TAKEN_SLOTS - 1)];
    if (length < sizeof t.name) {
        memcpy(t.name, name, length);
        if (slot->is_taken && memcmp(slot->sha1, t.sha1, sizeof t.sha1) == 0 &&
            slot->has_sha256 == t.has_sha256 && memcmp(slot->sha256, t.sha256, sizeof t.sha256) == 0 &&
            slot->is_licence == t.is_licence && slot->bytes == t.bytes && strcmp(slot->name, t.name) == 0)
            return 0;
        *slot = t;
    }
    return su_run(n->db, err, INTO_NEED, SU_B(t.sha1, SU_SHA1_BYTES),
                  t.has_sha256 ? SU_B(t.sha256, SU_SHA256_BYTES) : SU_NULL, SU_I(t.bytes), SU_I(t.is_licence),
                  SU_T(name));
}

static int take_files(struct needing *n, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    size_t cursor = 0;
    int more;
    if (su_query(n->db, &rows, err,
                 "SELECT rev_id, sha1, sha256, bytes, licence, name, express, language IN ('', 'en') OR "
                 "language IN (SELECT name FROM temp.language) FROM file ORDER BY rev_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint32_t row = su_graph_row(n->graph, su_rows_int(&rows, 0), &cursor);
        bool is_wanted;
        if (row == SU_NOBODY || !n->live[row])
            continue;
        if (is_needed(n, &rows, n->live[row], &is_wanted, err) < 0 ||
            (is_wanted && take_file(n, &rows, err) < 0))
            return -1;
    }
    return more;
}

static int find(struct needing *n, struct su_err *err)
{
    n->live = calloc(n->graph->rows.count + 1, sizeof *n->live);
    n->queue = malloc((2 * n->graph->rows.count + 1) * sizeof *n->queue);
    n->taken = calloc(TAKEN_SLOTS, sizeof *n->taken);
    n->withheld = calloc(n->graph->nodes.count + 1, sizeof *n->withheld);
    int result = !n->live || !n->queue || !n->taken || !n->withheld             ? su_fail_memory(err)
                 : !n->carried && su_withheld_list(n->db, withhold, n, err) < 0 ? -1
                 : find_live(n, err) < 0 || take_files(n, err) < 0              ? -1
                                                                                : 0;
    free(n->live);
    free(n->queue);
    free(n->taken);
    free(n->withheld);
    return result;
}

int su_content_need(struct su_db *db, const struct su_profile *profile, const struct su_graph *graph,
                    const bool *carried, struct su_err *err)
{
    SU_AUTO(su_graph) struct su_graph *own = NULL;
    enum su_content_mode mode = profile ? profile->content : SU_CONTENT_ALL;
    if (fill_profile_tables(db, profile, err) < 0)
        return -1;
    if (mode == SU_CONTENT_NONE)
        return 0;
    if (!graph && !(graph = own = su_graph_load(db, false, err)))
        return -1;
    struct needing n = {.db = db,
                        .profile = profile,
                        .graph = graph,
                        .carried = carried,
                        .any_language = !profile || !su_profile_has(profile, SU_ITEM_LANGUAGE),
                        .has_licence = mode >= SU_CONTENT_LICENCE,
                        .has_payload = mode >= SU_CONTENT_APPROVED,
                        .has_express = !profile || profile->has_express};
    return find(&n, err);
}
