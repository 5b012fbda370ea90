#include "common/source/payload/fetch_list.h"

#include <stdlib.h>
#include <string.h>

void su_fetch_item_cleanup(struct su_fetch_item *item)
{
    free(item->name);
    free(item->url);
    free(item->update);
    free(item->address);
    free(item->cause);
    *item = (struct su_fetch_item){0};
}

int su_fetch_list_begin(struct su_db *db, struct su_err *err)
{
    return su_db_script(
        db,
        "CREATE TEMP TABLE IF NOT EXISTS fetch (number INTEGER PRIMARY KEY, sha1 BLOB NOT NULL UNIQUE, "
        "sha256 BLOB, bytes INTEGER NOT NULL, licence INTEGER NOT NULL, name TEXT NOT NULL, "
        "state INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, place INTEGER NOT NULL DEFAULT "
        "0, "
        "absent INTEGER NOT NULL DEFAULT 0, address TEXT NOT NULL DEFAULT '', cause TEXT NOT NULL DEFAULT "
        "''); "
        "DELETE FROM temp.fetch;",
        err);
}

/* Licence terms first: they are small, and no update can be approved without them. */
int su_fetch_list_add(struct su_db *db, const struct su_profile *profile, const struct su_graph *graph,
                      const bool *carried, struct su_err *err)
{
    if (su_content_need(db, profile, graph, carried, err) < 0)
        return -1;
    return su_run(db, err,
                  "INSERT OR IGNORE INTO temp.fetch (sha1, sha256, bytes, licence, name)"
                  " SELECT sha1, sha256, bytes, licence, name FROM temp.need n WHERE NOT EXISTS"
                  " (SELECT 1 FROM stored_file s WHERE " SU_STORED_AS_NEEDED ")"
                  " ORDER BY licence DESC, sha1");
}

/* Marks the node and, from its newest revision, whatever is bundled, at any depth. */
static void carry(const struct su_graph *g, uint32_t node, bool *carried, uint32_t *queue)
{
    size_t queued = 0;
    if (!carried[node])
        queue[queued++] = node;
    carried[node] = true;
    while (queued > 0) {
        const struct su_graph_range *bundled = &su_graph_newest(g, queue[--queued])->bundled;
        for (uint32_t k = bundled->first; k < bundled->first + bundled->count; k++)
            for (uint32_t a = g->clauses.at[k].first; a < su_graph_clause_end(g, k); a++) {
                uint32_t to = su_graph_alternative(g, k, a).node;
                if (to == SU_NOBODY || carried[to])
                    continue;
                carried[to] = true;
                queue[queued++] = to;
            }
    }
}

static int add_carried(struct su_db *db, const struct su_graph *g, const struct su_guid *ids, size_t count,
                       bool *carried, uint32_t *queue, struct su_err *err)
{
    SU_AUTO(su_profile) struct su_profile profile = {.content = SU_CONTENT_APPROVED, .has_express = true};
    char text[SU_GUID_TEXT];
    for (size_t i = 0; i < count; i++) {
        uint32_t node = su_graph_find(g, &ids[i]);
        if (node == SU_NOBODY)
            continue;
        if (su_profile_add(&profile, SU_ITEM_APPROVAL, su_guid_format(&ids[i], text), err) < 0)
            return -1;
        carry(g, node, carried, queue);
    }
    su_profile_sort(&profile);
    return su_fetch_list_add(db, &profile, g, carried, err);
}

int su_fetch_list_add_updates(struct su_db *db, const struct su_guid *ids, size_t count, struct su_err *err)
{
    SU_AUTO(su_graph) struct su_graph *g = su_graph_load(db, false, err);
    if (!g)
        return -1;
    bool *carried = calloc(g->nodes.count + 1, sizeof *carried);
    uint32_t *queue = calloc(g->nodes.count + 1, sizeof *queue);
    int result = carried && queue ? add_carried(db, g, ids, count, carried, queue, err) : su_fail_memory(err);
    free(carried);
    free(queue);
    return result;
}

/* No sum of sizes that somebody made up may overflow. */
int su_fetch_list_count(struct su_db *db, uint64_t *files, uint64_t *bytes, struct su_err *err)
{
    int64_t count, sum;
    if (su_query_int(db, &count, NULL, err, "SELECT count(*) FROM temp.fetch WHERE state=0") < 0 ||
        su_query_int(db, &sum, NULL, err,
                     "SELECT CAST(min(total(bytes), 1e18) AS INTEGER) FROM temp.fetch WHERE state=0") < 0)
        return -1;
    *files = (uint64_t)count;
    *bytes = (uint64_t)sum;
    return 0;
}

static char *copy(struct su_rows *rows, int column)
{
    return strdup(su_rows_text(rows, column));
}

int su_fetch_list_next(struct su_db *db, int64_t *after, struct su_fetch_item *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    su_fetch_item_cleanup(out);
    if (su_query(db, &rows, err,
                 "SELECT number, sha1, sha256, bytes, licence, name, tries, place,"
                 " coalesce((SELECT url FROM file f WHERE f.sha1=t.sha1 AND url<>'' ORDER BY rev_id DESC "
                 "LIMIT 1), ''),"
                 " coalesce((SELECT i.title FROM file f JOIN info i USING (rev_id) WHERE f.sha1=t.sha1 LIMIT "
                 "1), ''),"
                 " address, cause"
                 " FROM temp.fetch t WHERE number>?1 AND state=0 ORDER BY number LIMIT 1",
                 SU_I(*after)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    out->number = *after = su_rows_int(&rows, 0);
    out->has_sha256 = !su_rows_is_null(&rows, 2);
    out->bytes = (uint64_t)su_rows_int(&rows, 3);
    out->is_licence = su_rows_int(&rows, 4) != 0;
    out->tries = (unsigned)su_rows_int(&rows, 6);
    out->place = (unsigned)su_rows_int(&rows, 7);
    if (su_rows_fixed(&rows, 1, out->sha1, SU_SHA1_BYTES, err) < 0 ||
        (out->has_sha256 && su_rows_fixed(&rows, 2, out->sha256, SU_SHA256_BYTES, err) < 0))
        return -1;
    out->name = copy(&rows, 5);
    out->url = copy(&rows, 8);
    out->update = copy(&rows, 9);
    out->address = copy(&rows, 10);
    out->cause = copy(&rows, 11);
    return out->name && out->url && out->update && out->address && out->cause ? 1 : su_fail_memory(err);
}

int su_fetch_list_note(struct su_db *db, const struct su_fetch_item *item, enum su_fetch_state state,
                       struct su_err *err)
{
    return su_run(db, err,
                  "UPDATE temp.fetch SET state=?2, tries=?3, place=?4, address=?5, cause=?6 WHERE number=?1",
                  SU_I(item->number), SU_I(state), SU_I(item->tries), SU_I(item->place), SU_T(item->address),
                  SU_T(item->cause));
}

int su_fetch_list_note_absent(struct su_db *db, const struct su_fetch_item *item, struct su_err *err)
{
    return su_run(db, err, "UPDATE temp.fetch SET absent=1 WHERE number=?1 AND absent=0", SU_I(item->number));
}

int su_fetch_list_absent(struct su_db *db, uint8_t (*out)[SU_SHA1_BYTES], size_t max, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int64_t last = 0;
    size_t count = 0;
    int more;
    if (su_query(db, &rows, err,
                 "SELECT sha1, number FROM temp.fetch WHERE absent=1 AND state=0 ORDER BY number LIMIT ?1",
                 SU_I(max)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, out[count], SU_SHA1_BYTES, err) < 0)
            return -1;
        last = su_rows_int(&rows, 1);
        count++;
    }
    if (more < 0 ||
        su_run(db, err, "UPDATE temp.fetch SET absent=2 WHERE absent=1 AND state=0 AND number<=?1",
               SU_I(last)) < 0)
        return -1;
    return (int)count;
}
