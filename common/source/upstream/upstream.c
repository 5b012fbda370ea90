#include "common/source/upstream/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/pin.h"
#include "common/source/upstream/upstream_list.h"
#include "common/source/upstream/upstream_need.h"
#include "common/source/upstream/upstream_replica.h"

#define RETRY_WAIT 10.0
#define STALL_SECONDS 180
#define MOST_CHANGES 2 /* how often a server may change while it is asked */

struct upstream {
    struct su_source *source;
    struct su_server server;
    struct su_http *http;
    struct su_session session;
    struct su_pending pending;
    struct su_replica replica;
    struct su_need_result need;
    uint64_t fetched, missing;
    bool is_open, is_taken_up;
};

struct su_guids {
    SU_VEC(struct su_guid) list;
};

static void su_guids_cleanup(struct su_guids *ids)
{
    free(ids->list.at);
}

static bool knows(const struct su_source_look *look)
{
    return look->is_url;
}

static int post(void *context, const char *url, const struct su_http_post *request, su_http_sink *sink,
                void *sink_context, long *status, struct su_err *err)
{
    return su_http_post(context, url, request, sink, sink_context, status, err);
}

static int take_setting(const char *given, char *out, size_t room, struct su_err *err)
{
    int n = given ? snprintf(out, room, "%s", given) : 0;
    return n < 0 || (size_t)n >= room ? su_fail(err, SU_USAGE, "%s: too long", given) : 0;
}

/* A server is remembered by its address, with what was said about it last. */
static int open_server(struct upstream *u, struct su_err *err)
{
    const struct su_sync_request *request = u->source->request;
    const struct su_upstream_options *o = request->upstream;
    struct su_db *db = u->source->home->db;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (su_server_get(db, request->from, &u->server, err) < 0 &&
        (err->code != SU_NO_SOURCE ||
         su_server_make(&u->server, request->from, u->source->home->name, err) < 0))
        return -1;
    if (o && o->sets_replica)
        u->server.is_replica = o->is_replica;
    if ((o && (take_setting(o->ca_file, u->server.ca_file, sizeof u->server.ca_file, err) < 0 ||
               (o->proxy && su_server_set_proxy(&u->server, o->proxy, err) < 0))) ||
        su_begin(&t, db, err) < 0 || su_server_put(db, &u->server, err) < 0)
        return -1;
    return su_commit(&t, err);
}

static int open_session(struct upstream *u, struct su_err *err)
{
    const struct su_upstream_options *o = u->source->request->upstream;
    const struct su_http_options options = {.ca_file = u->server.ca_file[0] ? u->server.ca_file : NULL,
                                            .proxy = u->server.proxy[0] ? u->server.proxy : NULL,
                                            .user_agent = "suexport",
                                            .stall_seconds =
                                                o && o->stall_seconds > 0 ? o->stall_seconds : STALL_SECONDS,
                                            .max_bytes = SU_MAX_LIST_ANSWER_BYTES};
    if (!u->http && !(u->http = su_http_new(&options, err)))
        return -1;
    su_session_cleanup(&u->session); /* of a server that has changed */
    u->session.config = (struct su_upstream_config){0};
    u->session.carrier = (struct su_carrier){.post = post, .context = u->http};
    u->session.events = u->source->events;
    u->session.root = u->server.url;
    u->session.account_name = u->server.account_name;
    u->session.retry_wait = o && o->retry_wait >= 0 ? o->retry_wait : RETRY_WAIT;
    su_guid_format(&u->server.account_id, u->session.account_id);
    return su_session_open(&u->session, err);
}

/* What the server said about itself; it stays, whatever comes of the rest. */
static int note_server(struct upstream *u, struct su_err *err)
{
    const struct su_upstream_config *config = &u->session.config;
    struct su_db *db = u->source->home->db;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    u->server.is_catalogue_only = config->is_catalogue_only;
    u->server.is_lazy = config->is_lazy;
    (void)snprintf(u->server.protocol, sizeof u->server.protocol, "%s", config->protocol);
    if (su_begin(&t, db, err) < 0 || su_server_put(db, &u->server, err) < 0 ||
        (config->languages.count > 0 &&
         su_run(db, err, "DELETE FROM source_language WHERE source_id=?1", SU_I(u->server.id)) < 0))
        return -1;
    for (size_t i = 0; i < config->languages.count; i++) {
        const struct su_upstream_language *l = &config->languages.at[i];
        if (su_run(db, err, "INSERT OR REPLACE INTO source_language VALUES (?1, ?2, ?3, ?4, ?5)",
                   SU_I(u->server.id), SU_I(l->id), SU_T(l->tag), SU_T(l->name), SU_I(l->is_enabled)) < 0)
            return -1;
    }
    return su_commit(&t, err);
}

static int list(struct upstream *u, enum su_phase phase, uint64_t *count, struct su_err *err)
{
    SU_AUTO(su_identities) struct su_identities identities = {0};
    char anchor[SU_ANCHOR_BYTES] = "";
    if (su_upstream_list(&u->session, u->source->home->db, &u->server, phase, !u->pending.is_full,
                         &identities, anchor, err) < 0)
        return -1;
    *count = identities.list.count;
    return su_pending_list(&u->pending, phase, &identities, anchor, err);
}

/* At least one product and one classification: servers answer nothing useful otherwise. */
static int has_choice(struct upstream *u, bool *out, struct su_err *err)
{
    int64_t kinds;
    if (su_query_int(u->source->home->db, &kinds, NULL, err,
                     "SELECT count(DISTINCT kind) FROM source_choice WHERE source_id=?1 AND kind IN (0, 1)",
                     SU_I(u->server.id)) < 0)
        return -1;
    *out = kinds == 2;
    return 0;
}

/* A snapshot, when everything was listed that is chosen; a server that lists nothing at all is not believed.
 */
static int ask_updates(struct upstream *u, struct su_fetching *fetching, struct su_err *err)
{
    uint64_t count = 0;
    int64_t listed;
    bool is_chosen;
    if (has_choice(u, &is_chosen, err) < 0)
        return -1;
    if (!is_chosen) {
        const struct su_identities none = {0};
        su_message(u->source->events, SU_UPSTREAM_UNCHOSEN, SU_WARNING,
                   "only categories are synchronized: choose with 'suexport products add NAME' and "
                   "'suexport classifications add NAME', then synchronize again");
        return su_pending_list(&u->pending, SU_PHASE_UPDATES, &none, NULL, err);
    }
    if (!u->pending.has_updates && list(u, SU_PHASE_UPDATES, &count, err) < 0)
        return -1;
    if (su_query_int(u->source->home->db, &listed, NULL, err,
                     "SELECT count(*) FROM source_pending WHERE source_id=?1 AND phase=1",
                     SU_I(u->server.id)) < 0)
        return -1;
    u->source->is_snapshot = u->pending.is_full && listed > 0;
    if (u->pending.is_full && listed == 0)
        su_message(u->source->events, SU_UPSTREAM_UNCHOSEN, SU_WARNING,
                   "the server lists no update of what is chosen; nothing is removed");
    return su_upstream_fetch(fetching, SU_PHASE_UPDATES, "updates", err);
}

static int ask_replica(struct upstream *u, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf anchor = SU_BUF_INIT(SU_ANCHOR_BYTES);
    if (!u->server.is_replica)
        return 0;
    if (su_query_text(u->source->home->db, &anchor, NULL, err,
                      "SELECT coalesce(r.update_anchor, s.update_anchor) FROM source s JOIN source_run r "
                      "USING (source_id) WHERE source_id=?1",
                      SU_I(u->server.id)) < 0)
        return -1;
    su_replica_cleanup(&u->replica);
    return anchor.length > 0 ? su_replica_ask(&u->session, &u->server, anchor.bytes, &u->replica, err) : 0;
}

/* Updates imported by id are followed whatever is chosen: newer revisions of them come with every
 * synchronization.
 */
static int follow_imports(struct upstream *u, struct su_fetching *fetching, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_guids) struct su_guids ids = {0};
    int more;
    if (su_query(u->source->home->db, &rows, err,
                 "SELECT update_id FROM pin WHERE reason='catalogue' ORDER BY 1") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_guid *slot = SU_PUSH(&ids.list, SU_MAX_IMPORT_IDS);
        if (!slot)
            return su_fail_full(err, "more than %u imported updates are pinned", SU_MAX_IMPORT_IDS);
        if (su_rows_fixed(&rows, 0, slot->bytes, sizeof slot->bytes, err) < 0)
            return -1;
    }
    su_rows_cleanup(&rows);
    if (more < 0 || ids.list.count == 0)
        return more;
    fetching->origin = SU_FROM_CATALOGUE_IMPORT;
    int result = su_upstream_import(fetching, ids.list.at, ids.list.count, false, err);
    fetching->origin = SU_FROM_SYNC;
    return result;
}

static int ask_imports(struct upstream *u, struct su_err *err)
{
    const struct su_sync_request *request = u->source->request;
    struct su_fetching fetching = {.session = &u->session,
                                   .pending = &u->pending,
                                   .events = u->source->events,
                                   .origin = SU_FROM_CATALOGUE_IMPORT};
    if (su_pending_open_import(&u->pending, u->source->home->db, u->server.id, err) < 0 ||
        su_upstream_import(&fetching, request->ids, request->id_count, true, err) < 0)
        return -1;
    return su_upstream_need(&fetching, &u->need, err);
}

static int ask_all(struct upstream *u, struct su_err *err)
{
    struct su_fetching fetching = {
        .session = &u->session, .pending = &u->pending, .events = u->source->events, .origin = SU_FROM_SYNC};
    uint64_t count = 0;
    int result = 0;
    if (!u->pending.has_categories)
        result = list(u, SU_PHASE_CATEGORIES, &count, err);
    if (result == 0)
        result = su_upstream_fetch(&fetching, SU_PHASE_CATEGORIES, "categories", err);
    if (result == 0)
        result = ask_updates(u, &fetching, err);
    if (result == 0)
        result = follow_imports(u, &fetching, err);
    if (result == 0)
        result = su_upstream_need(&fetching, &u->need, err);
    if (result == 0)
        result = ask_replica(u, err);
    u->fetched += fetching.fetched;
    u->missing = fetching.missing;
    u->source->calls = u->session.calls;
    u->source->received = u->session.received;
    u->source->missing = u->missing;
    u->source->open_bundled = u->need.open_bundled;
    return result;
}

/* Whatever is there already of opening, listing and fetching is not done again. */
static int ask_once(struct upstream *u, struct su_err *err)
{
    const struct su_sync_request *request = u->source->request;
    if (!u->is_open && (open_session(u, err) < 0 || note_server(u, err) < 0))
        return -1;
    u->is_open = true;
    if (request->id_count > 0)
        return ask_imports(u, err);
    if (!u->is_taken_up &&
        su_pending_open(&u->pending, u->source->home->db, u->server.id, request->is_full, err) < 0)
        return -1;
    if (!u->is_taken_up && u->pending.is_resumed)
        su_message(u->source->events, SU_UPSTREAM_RESUMED, SU_INFO,
                   "an interrupted synchronization goes on where it was");
    u->is_taken_up = true;
    return ask_all(u, err);
}

/* A server that says it has changed, with whatever call, is asked from the beginning. */
static int ask(struct upstream *u, struct su_err *err)
{
    u->pending = (struct su_pending){.db = u->source->home->db, .source_id = u->server.id};
    for (int changes = 0;; changes++) {
        if (ask_once(u, err) == 0)
            return 0;
        if (err->code != SU_UPSTREAM_FAULT || u->session.fault.kind != SU_FAULT_SERVER_CHANGED ||
            changes == MOST_CHANGES)
            return -1;
        su_message(u->source->events, SU_UPSTREAM_CHANGED, SU_WARNING, "%s; everything is compared anew",
                   err->text);
        u->server.config_anchor[0] = u->server.update_anchor[0] = u->server.deployment_anchor[0] = 0;
        if (su_pending_forget(&u->pending, err) < 0)
            return -1;
    }
}

static void count_and_say(struct upstream *u)
{
    const struct su_events *events = u->source->events;
    if (u->missing > 0)
        su_message(events, SU_UPSTREAM_MISSING, SU_WARNING,
                   "%llu updates are missing: the server did not give them; every synchronization asks again",
                   (unsigned long long)u->missing);
    if (u->need.open_bundled > 0)
        su_message(events, SU_UPSTREAM_MISSING, SU_WARNING,
                   "%llu bundles lack an update that the server does not have",
                   (unsigned long long)u->need.open_bundled);
}

static int count_records(struct upstream *u, struct su_err *err)
{
    int64_t count;
    if (su_query_int(u->source->home->db, &count, NULL, err,
                     "SELECT count(*) FROM source_pending WHERE source_id=?1 AND state=1",
                     SU_I(u->server.id)) < 0)
        return -1;
    u->source->total = (uint64_t)count;
    return 0;
}

static int open_upstream(struct su_source *source, struct su_err *err)
{
    struct upstream *u = calloc(1, sizeof *u);
    if (!u)
        return su_fail_memory(err);
    u->source = source;
    source->self = u;
    source->name = "upstream-wsusss";
    if (open_server(u, err) < 0)
        return -1;
    if (ask(u, err) < 0) {
        char title[256];
        bool is_kept = u->fetched > 0 || u->pending.is_resumed;
        su_source_title(source->request->from, title, sizeof title);
        bool is_passing = err->code == SU_NETWORK || err->code == SU_INTERRUPTED ||
                          (err->code == SU_HTTP_STATUS && u->session.status >= 500);
        if (is_passing)
            (void)su_remedy(err, "%sRun the same command again; it goes on where it was.",
                            is_kept ? "What was fetched is kept. " : "");
        else if ((err->code == SU_DATA || err->code == SU_LIMIT) && u->session.calls > 0)
            (void)su_remedy(
                err, "See that the address is an update server's and that nothing on the way changes its "
                     "answers, then run the same command again; it goes on where it was.");
        return su_prefix(err, "%s", title);
    }
    count_and_say(u);
    return count_records(u, err);
}

static int read_upstream(struct su_source *source, su_source_take take, void *context, struct su_err *err)
{
    struct upstream *u = source->self;
    struct su_record record;
    SU_AUTO(su_pending_reader) struct su_pending_reader *reader = su_pending_reader_new(&u->pending, err);
    int more = -1;
    while (reader && (more = su_pending_next(reader, &record, err)) > 0)
        if (take(context, &record, 0, err) < 0)
            return -1;
    return more;
}

/* What was not listed and yet stays: what a listed one needs, and what the server lists but would not give.
 */
static int spare(struct su_source *source, struct su_err *err)
{
    struct upstream *u = source->self;
    struct su_db *db = source->home->db;
    int64_t seen;
    if (su_run(db, err,
               "INSERT OR IGNORE INTO temp.seen SELECT r.rev_id FROM source_pending p JOIN revision r USING "
               "(update_id, revision) WHERE p.source_id=?1 AND p.state=2",
               SU_I(u->server.id)) < 0 ||
        su_run(db, err, "INSERT OR IGNORE INTO temp.seen SELECT rev_id FROM revision WHERE origin<>0") < 0)
        return -1;
    do {
        if (su_run(db, err,
                   "INSERT OR IGNORE INTO temp.seen SELECT r.rev_id FROM temp.seen s JOIN bundled b USING "
                   "(rev_id) JOIN revision r ON r.update_id=b.target AND r.revision=b.target_revision WHERE "
                   "r.rev_id NOT IN (SELECT rev_id FROM temp.seen)") < 0)
            return -1;
        seen = su_db_changes(db);
        if (su_run(
                db, err,
                "INSERT OR IGNORE INTO temp.seen SELECT max(r.rev_id) FROM temp.seen s JOIN prerequisite "
                "p USING (rev_id) JOIN revision r ON r.update_id=p.target WHERE NOT EXISTS (SELECT 1 FROM "
                "revision o JOIN temp.seen os USING (rev_id) WHERE o.update_id=p.target) GROUP BY p.target") <
            0)
            return -1;
        seen += su_db_changes(db);
    } while (seen > 0);
    return 0;
}

/* Of what was asked for by id, what is held travels to every site from now on. */
static int pin_imports(const struct su_source *source, struct su_err *err)
{
    struct su_db *db = source->home->db;
    for (size_t i = 0; i < source->request->id_count; i++) {
        const struct su_guid *id = &source->request->ids[i];
        int64_t count;
        if (su_query_int(db, &count, NULL, err, "SELECT count(*) FROM revision WHERE update_id=?1",
                         SU_B(id->bytes, sizeof id->bytes)) < 0 ||
            (count > 0 && su_pin_add(db, id, SU_PIN_CATALOGUE, NULL, err) < 0))
            return -1;
    }
    return 0;
}

static int settle(struct su_source *source, struct su_err *err)
{
    struct upstream *u = source->self;
    if (su_pending_settle(&u->pending, err) < 0 || pin_imports(source, err) < 0)
        return -1;
    return u->replica.is_asked ? su_replica_settle(source->home->db, &u->server, &u->replica, err) : 0;
}

static void close_upstream(struct su_source *source)
{
    struct upstream *u = source->self;
    if (u) {
        su_session_cleanup(&u->session);
        su_http_cleanup(&u->http);
        su_replica_cleanup(&u->replica);
    }
    free(u);
    source->self = NULL;
}

const struct su_source_kind su_upstream_source = {.knows = knows,
                                                  .open = open_upstream,
                                                  .read = read_upstream,
                                                  .spare = spare,
                                                  .settle = settle,
                                                  .close = close_upstream};
