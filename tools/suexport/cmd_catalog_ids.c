/*
 * cmd_catalog_ids.c - single updates by UpdateID from an upstream server, whatever is chosen of it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/source/sync.h"
#include "common/source/upstream/upstream.h"
#include "common/source/upstream/upstream_server.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

static int add_id(struct su_ids *ids, const struct su_guid *id, struct su_err *err)
{
    for (size_t i = 0; i < ids->list.count; i++)
        if (memcmp(&ids->list.at[i], id, sizeof *id) == 0)
            return 0;
    struct su_guid *slot = SU_PUSH(&ids->list, SU_MAX_IMPORT_IDS);
    if (!slot)
        return su_fail_full(err, "more than %u updates are named", SU_MAX_IMPORT_IDS);
    *slot = *id;
    return 0;
}

/* One UpdateID a line, as the vendor's own import script takes them; blank lines and lines that begin with #
 * are skipped. */
/* NOLINTNEXTLINE(readability-function-cognitive-complexity): 30: a line of each kind, in one loop */
static int read_list(struct su_ids *ids, const char *path, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_ID_LIST_BYTES);
    struct su_guid id;
    unsigned number = 0;
    if (su_file_read_all(AT_FDCWD, path, &text, err) < 0)
        return su_remedy(err, "Name an UpdateID, or a file with one UpdateID a line.");
    const char *at = text.bytes ? text.bytes : "", *end = at + text.length;
    if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop ? stop + 1 : end, *last = stop ? stop : end;
        number++;
        while (at < last && (*at == ' ' || *at == '\t' || *at == '{'))
            at++;
        while (last > at && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == '\r' || last[-1] == '}'))
            last--;
        if (last > at && *at != '#') {
            if (!su_guid_parse(&id, at, (size_t)(last - at))) {
                (void)su_fail(err, SU_USAGE, "%s: line %u is no UpdateID: %.*s", path, number,
                              last - at > 80 ? 80 : (int)(last - at), at);
                return su_remedy(
                    err, "Give one UpdateID (a GUID) a line; the catalogue shows it in the address of an "
                         "update's details.");
            }
            if (add_id(ids, &id, err) < 0)
                return -1;
        }
        at = next;
    }
    return 0;
}

static int take_word(struct su_ids *ids, const char *word, struct su_err *err)
{
    struct su_guid id;
    return su_guid_parse(&id, word, strlen(word)) ? add_id(ids, &id, err) : read_list(ids, word, err);
}

/* What of the ids is held now; the rest could not be had. */
static int answer_ids(struct su_context *c, const struct su_ids *ids, struct su_err *err)
{
    uint64_t missing = 0;
    char text[SU_GUID_TEXT];
    su_json_open(&c->json, "imported", '[');
    for (size_t i = 0; i < ids->list.count; i++) {
        SU_AUTO(su_buf) struct su_buf title = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES + 1);
        bool found;
        if (su_query_text(
                c->home.db, &title, &found, err,
                "SELECT i.title FROM revision r JOIN info i USING (rev_id) WHERE r.update_id=?1 ORDER BY "
                "r.revision DESC LIMIT 1",
                SU_B(ids->list.at[i].bytes, sizeof ids->list.at[i].bytes)) < 0)
            return -1;
        su_guid_format(&ids->list.at[i], text);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", text);
        su_json_bool(&c->json, "held", found);
        su_json_text(&c->json, "title", found ? title.bytes : NULL);
        su_json_close(&c->json, '}');
        su_line(c, "  %s  %s", text, found ? title.bytes : "not known to the server");
        missing += !found;
    }
    su_json_close(&c->json, ']');
    if (missing == 0)
        return 0;
    (void)su_fail(err, SU_IMPORT_UNKNOWN, "%llu of %zu updates are not known to the server",
                  (unsigned long long)missing, ids->list.count);
    (void)su_remedy(err,
                    "Compare the UpdateIDs with the catalogue's; what was withdrawn cannot be imported.");
    return su_after(err, missing == ids->list.count ? "Nothing was imported." : "The others are imported.");
}

int cmd_catalog_import_ids(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_ids) struct su_ids ids = {0};
    const char *word, *from = su_given(c, "from");
    struct su_server server;
    struct su_sync_result r;
    for (size_t i = 0; (word = su_given_at(c, "update-ids", i)); i++)
        if (take_word(&ids, word, err) < 0)
            return su_after(err, "Nothing was written.");
    for (size_t i = 0; (word = su_argument(c, i)); i++)
        if (take_word(&ids, word, err) < 0)
            return su_after(err, "Nothing was written.");
    if (ids.list.count == 0)
        return su_fail(err, SU_USAGE, "catalog import needs UpdateIDs, or --file FILE");
    if (!from) {
        if (su_server_get(c->home.db, NULL, &server, err) < 0)
            return -1;
        from = server.url;
    }
    const struct su_upstream_options upstream = {
        .ca_file = su_given(c, "ca-file"), .proxy = su_given(c, "proxy"), .retry_wait = -1};
    const struct su_sync_request request = {
        .from = from, .upstream = &upstream, .ids = ids.list.at, .id_count = ids.list.count};
    if (!strstr(from, "://"))
        return su_fail(err, SU_USAGE, "updates are imported by id from an upstream server, and %s is none",
                       from);
    if (su_sync(&c->home, &request, &c->events, &r, err) < 0)
        return -1;
    su_json_text(&c->json, "source", r.source);
    su_line(c, "%s", r.source);
    su_answer_changes(c, &r.changes, true);
    su_json_int(&c->json, "updates", (int64_t)r.state.updates);
    su_json_int(&c->json, "revisions", (int64_t)r.state.revisions);
    su_json_hex(&c->json, "state_digest", r.state.digest, SU_SHA256_BYTES);
    su_json_int(&c->json, "open_prerequisites", (int64_t)r.open_prerequisites);
    return answer_ids(c, &ids, err);
}
