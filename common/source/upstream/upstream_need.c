#include "common/source/upstream/upstream_need.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/relations.h"
#include "common/source/upstream/upstream_list.h"

#define MOST_ROUNDS 8    /* bundles in bundles are two deep at most */
#define MOST_RELATED 100 /* ids in one GetRelatedRevisionsForUpdates */
#define MOST_GUESSED 64u /* prerequisites whose revision is guessed in one synchronization */

struct need {
    struct su_fetching *fetching;
    struct su_identities present;   /* the catalogue's and those fetched, sorted */
    struct su_identities fetched;   /* those fetched alone, sorted */
    struct su_identities bundled;   /* wanted: exact revisions */
    SU_VEC(struct su_guid) updates; /* wanted: any revision */
    struct su_need_result open;     /* of the last look */
    size_t guesses;                 /* left */
};

static int compare_identities(const void *a, const void *b)
{
    const struct su_identity *x = a, *y = b;
    int order = memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes);
    return order ? order : (x->revision > y->revision) - (x->revision < y->revision);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct su_guid)); /* an identity begins with its id */
}

static bool has(const struct su_identities *list, const struct su_packed_relation *relation)
{
    const struct su_identity key = {relation->id, relation->revision};
    return bsearch(&key, list->list.at, list->list.count, sizeof key,
                   relation->is_bundled ? compare_identities : compare_ids) != NULL;
}

static int load(struct su_db *db, const char *sql, const struct su_arg *args, struct su_identities *out,
                struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_db_query(db, &rows, err, sql, args) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_identity *slot = SU_PUSH(&out->list, 2 * SU_MAX_PACKAGE_REVISIONS);
        if (!slot)
            return su_fail_memory(err);
        slot->revision = (uint32_t)su_rows_int(&rows, 1);
        if (su_rows_fixed(&rows, 0, slot->id.bytes, sizeof slot->id.bytes, err) < 0)
            return -1;
    }
    return more;
}

static void sort(struct su_identities *list)
{
    if (list->list.count > 1)
        qsort(list->list.at, list->list.count, sizeof *list->list.at, compare_identities);
}

static int load_present(struct need *n, struct su_err *err)
{
    struct su_db *db = n->fetching->pending->db;
    static const char fetched[] = "SELECT update_id, revision FROM source_pending WHERE source_id=?1 AND "
                                  "state=1";
    n->present.list.count = n->fetched.list.count = 0;
    if (load(db, fetched, SU_ARGS(SU_I(n->fetching->pending->source_id)), &n->fetched, err) < 0 ||
        load(db, fetched, SU_ARGS(SU_I(n->fetching->pending->source_id)), &n->present, err) < 0 ||
        load(db, "SELECT update_id, revision FROM revision", SU_ARGS(), &n->present, err) < 0)
        return -1;
    sort(&n->fetched);
    sort(&n->present);
    return 0;
}

/* All alternatives of a clause that nothing answers. */
static int want(struct need *n, const struct su_packed_relation *clause, size_t count, struct su_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct su_packed_relation *r = &clause[i];
        if (r->is_bundled) {
            struct su_identity *slot = SU_PUSH(&n->bundled.list, SU_MAX_PACKAGE_REVISIONS);
            if (!slot)
                return su_fail_memory(err);
            *slot = (struct su_identity){r->id, r->revision};
        } else {
            struct su_guid *slot = SU_PUSH(&n->updates, SU_MAX_PACKAGE_REVISIONS);
            if (!slot)
                return su_fail_memory(err);
            *slot = r->id;
        }
    }
    *(clause->is_bundled ? &n->open.open_bundled : &n->open.open_prerequisites) += 1;
    return 0;
}

#define MOST_ALTERNATIVES 64 /* of a clause; more are as good as these */

static int look_at(struct need *n, const char *relations, size_t bytes, struct su_err *err)
{
    struct su_relations_reader reader = {.at = relations, .end = relations + bytes};
    struct su_packed_relation clause[MOST_ALTERNATIVES], next;
    size_t count = 0;
    bool is_answered = true;
    int more;
    while ((more = su_relations_next(&reader, &next, err)) > 0) {
        if (next.is_first) {
            if (!is_answered && want(n, clause, count, err) < 0)
                return -1;
            count = 0;
            is_answered = false;
        }
        is_answered = is_answered || has(&n->present, &next);
        if (count < MOST_ALTERNATIVES)
            clause[count++] = next;
    }
    if (more < 0)
        return -1;
    return !is_answered ? want(n, clause, count, err) : 0;
}

/* The relations of each document in a batch, behind a head (su_pending_relation_head). */
static int look_at_batch(struct need *n, const char *at, size_t length, struct su_err *err)
{
    const char *end = at + length;
    while (at < end) {
        struct su_packed_relation self = {.is_bundled = true};
        uint32_t bytes = 0;
        if (end - at < 24)
            return su_fail(err, SU_DATA, "database: relations of documents fetched are cut");
        memcpy(self.id.bytes, at, 16);
        for (unsigned i = 0; i < 4; i++) {
            self.revision |= (uint32_t)(uint8_t)at[16 + i] << 8 * i;
            bytes |= (uint32_t)(uint8_t)at[20 + i] << 8 * i;
        }
        at += 24;
        if ((size_t)(end - at) < bytes)
            return su_fail(err, SU_DATA, "database: relations of documents fetched are cut");
        if (has(&n->fetched, &self) && look_at(n, at, bytes, err) < 0)
            return -1;
        at += bytes;
    }
    return 0;
}

static void drop_repeated(struct need *n)
{
    size_t kept = 0;
    if (n->updates.count < 2)
        return;
    qsort(n->updates.at, n->updates.count, sizeof *n->updates.at, compare_ids);
    for (size_t i = 1; i < n->updates.count; i++)
        if (compare_ids(&n->updates.at[kept], &n->updates.at[i]) != 0)
            n->updates.at[++kept] = n->updates.at[i];
    n->updates.count = kept + 1;
}

static int look(struct need *n, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const struct su_pending *p = n->fetching->pending;
    size_t length;
    int more;
    n->bundled.list.count = n->updates.count = 0;
    n->open = (struct su_need_result){0};
    if (load_present(n, err) < 0 ||
        su_query(p->db, &rows, err, "SELECT relations FROM source_batch WHERE source_id=?1",
                 SU_I(p->source_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        const char *relations = su_rows_blob(&rows, 0, &length);
        if (look_at_batch(n, relations, length, err) < 0)
            return -1;
    }
    drop_repeated(n);
    return more;
}

/* Revisions the server tells of itself; the specification lets it ignore the call. */
static int ask_related(struct need *n, struct su_identities *told, struct su_err *err)
{
    struct su_err ignored = SU_ERR_INIT;
    for (size_t at = 0; at < n->updates.count; at += MOST_RELATED) {
        size_t count = n->updates.count - at < MOST_RELATED ? n->updates.count - at : MOST_RELATED;
        SU_AUTO(su_identities) struct su_identities some = {0};
        if (su_upstream_related(n->fetching->session, &n->updates.at[at], count, &some, &ignored) < 0)
            return ignored.code == SU_INTERRUPTED ? (*err = ignored, -1) : 0;
        for (size_t i = 0; i < some.list.count; i++) {
            struct su_identity *slot = SU_PUSH(&told->list, SU_MAX_PACKAGE_REVISIONS);
            if (!slot)
                return su_fail_memory(err);
            *slot = some.list.at[i];
        }
    }
    sort(told);
    return 0;
}

static int on_probe(void *context, const char *name, const char *parent, struct su_buf *text,
                    struct su_err *err)
{
    (void)parent, (void)text, (void)err;
    if (strcmp(name, "ServerSyncUpdateData") == 0)
        *(bool *)context = true;
    return 0;
}

/* *is_there: the server has the update in this revision. */
static int probe(struct need *n, const struct su_identity *identity, bool *is_there, struct su_err *err)
{
    char id[SU_GUID_TEXT];
    SU_AUTO(su_buf) struct su_buf rest = SU_BUF_INIT(SU_KIB);
    const struct su_call call = {.operation = "GetUpdateData",
                                 .rest = &rest,
                                 .form = {.most_text = SU_MAX_DATA_ANSWER_BYTES, .end = on_probe},
                                 .context = is_there,
                                 .most_bytes = SU_MAX_DATA_ANSWER_BYTES};
    su_buf_addf(&rest,
                "<updateIds><UpdateIdentity><UpdateID>%s</UpdateID><RevisionNumber>%u</RevisionNumber>"
                "</UpdateIdentity></updateIds>",
                su_guid_format(&identity->id, id), identity->revision);
    *is_there = false;
    if (su_session_call(n->fetching->session, &call, err) == 0)
        return 0;
    return err->code == SU_UPSTREAM_FAULT && n->fetching->session->fault.kind == SU_FAULT_INTERNAL ? 0 : -1;
}

/* Revisions count from 100 or 200 upwards; the newest that is there will do. */
static int guess(struct need *n, const struct su_guid *id, struct su_err *err)
{
    static const uint32_t customary[] = {205, 204, 203, 202, 201, 200, 105, 104, 103, 102, 101, 100, 1};
    for (size_t i = 0; i < sizeof customary / sizeof *customary; i++) {
        const struct su_identity identity = {*id, customary[i]};
        bool is_there;
        if (probe(n, &identity, &is_there, err) < 0)
            return -1;
        if (!is_there)
            continue;
        struct su_identity *slot = SU_PUSH(&n->bundled.list, SU_MAX_PACKAGE_REVISIONS);
        if (!slot)
            return su_fail_memory(err);
        *slot = identity;
        return 0;
    }
    return 0;
}

/* Of each prerequisite the newest revision the server tells, or else one that is found by trying. */
static int add_prerequisites(struct need *n, struct su_err *err)
{
    SU_AUTO(su_identities) struct su_identities told = {0};
    if (ask_related(n, &told, err) < 0)
        return -1;
    for (size_t i = 0; i < n->updates.count; i++) {
        const struct su_guid *id = &n->updates.at[i];
        const struct su_identity *found =
            told.list.count > 0 ? bsearch(id, told.list.at, told.list.count, sizeof *found, compare_ids)
                                : NULL;
        if (!found) {
            if (n->guesses > 0 && (n->guesses--, guess(n, id, err) < 0))
                return -1;
            continue;
        }
        while (found + 1 < told.list.at + told.list.count && compare_ids(found + 1, id) == 0)
            found++;
        struct su_identity *slot = SU_PUSH(&n->bundled.list, SU_MAX_PACKAGE_REVISIONS);
        if (!slot)
            return su_fail_memory(err);
        *slot = *found;
    }
    return 0;
}

/* Rounds of looking, asking and fetching, until nothing is open or nothing more is to be had. */
static int run(struct need *n, struct su_err *err)
{
    uint64_t added = 0;
    if (su_upstream_fetch(n->fetching, SU_PHASE_NEEDED, "needed", err) < 0 || look(n, err) < 0)
        return -1;
    for (int round = 0; round < MOST_ROUNDS && n->bundled.list.count + n->updates.count > 0; round++) {
        if (add_prerequisites(n, err) < 0 ||
            su_pending_need(n->fetching->pending, &n->bundled, &added, err) < 0)
            return -1;
        if (added == 0)
            break;
        if (su_upstream_fetch(n->fetching, SU_PHASE_NEEDED, "needed", err) < 0 || look(n, err) < 0)
            return -1;
    }
    return 0;
}

static void close_need(struct need *n)
{
    su_identities_cleanup(&n->present);
    su_identities_cleanup(&n->fetched);
    su_identities_cleanup(&n->bundled);
    free(n->updates.at);
}

int su_upstream_need(struct su_fetching *fetching, struct su_need_result *result, struct su_err *err)
{
    struct need n = {.fetching = fetching, .guesses = MOST_GUESSED};
    int code = run(&n, err);
    *result = n.open;
    close_need(&n);
    return code;
}

/* What is held or fetched already is not wanted. */
static void drop_present(struct need *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->bundled.list.count; i++) {
        const struct su_identity *one = &n->bundled.list.at[i];
        if (n->present.list.count == 0 ||
            !bsearch(one, n->present.list.at, n->present.list.count, sizeof *one, compare_identities))
            n->bundled.list.at[kept++] = *one;
    }
    n->bundled.list.count = kept;
}

static int import(struct need *n, struct su_err *err)
{
    uint64_t added;
    if (load_present(n, err) < 0 || add_prerequisites(n, err) < 0)
        return -1;
    drop_present(n);
    if (su_pending_need(n->fetching->pending, &n->bundled, &added, err) < 0)
        return -1;
    return su_upstream_fetch(n->fetching, SU_PHASE_NEEDED, "imported", err);
}

int su_upstream_import(struct su_fetching *fetching, const struct su_guid *ids, size_t count, bool may_guess,
                       struct su_err *err)
{
    struct need n = {.fetching = fetching, .guesses = may_guess ? count : 0};
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        struct su_guid *slot = SU_PUSH(&n.updates, SU_MAX_PACKAGE_REVISIONS);
        if (slot)
            *slot = ids[i];
        else
            code = su_fail_memory(err);
    }
    drop_repeated(&n);
    if (code == 0)
        code = import(&n, err);
    close_need(&n);
    return code;
}
