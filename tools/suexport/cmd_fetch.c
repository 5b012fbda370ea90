/*
 * cmd_fetch.c - content fetch: which files, from where, and what came of it.
 */
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/catalogue/closure.h"
#include "common/hub/site.h"
#include "common/source/payload/fetch.h"
#include "common/source/payload/fetch_address.h"
#include "common/source/payload/fetch_list.h"
#include "common/source/payload/fetch_upstream.h"
#include "common/sys/clock.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

static void on_finding(void *context, const struct su_fetch_finding *f)
{
    struct su_context *c = context;
    char sha1[2 * SU_SHA1_BYTES + 1];
    bool is_dry = su_has(c, "dry-run");
    if (f->is_stored && !su_has(c, "list"))
        return;
    const char *verdict = f->is_stored ? "fetched" : f->cause[0] ? "failed" : "to fetch";
    su_hex_format(f->sha1, SU_SHA1_BYTES, sha1);
    su_line(c, "%-8s %s%s  %s  %s  %s%s%s%s%s", verdict, f->is_licence ? "(licence) " : "", f->name,
            su_bytes_text(f->bytes), sha1, f->address, f->cause[0] ? "  " : "", f->cause,
            f->update[0] ? "  needed by: " : "", f->update);
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "verdict", is_dry && !f->cause[0] ? "owed" : verdict);
    su_json_text(&c->json, "name", f->name);
    su_json_text(&c->json, "sha1", sha1);
    su_json_int(&c->json, "bytes", (int64_t)f->bytes);
    su_json_int(&c->json, "resumed", (int64_t)f->resumed);
    su_json_bool(&c->json, "is_licence", f->is_licence);
    su_json_text(&c->json, "address", f->address);
    su_json_text(&c->json, "detail", f->cause);
    su_json_text(&c->json, "update", f->update);
    su_json_close(&c->json, '}');
}

/* Which files. */

static int want_site(struct su_context *c, const char *code, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_closure) struct su_closure *closure = NULL;
    if (su_site_load(c->home.db, code, &site, err) < 0 || !(closure = su_closure_load(c->home.db, err)) ||
        su_closure_walk(closure, &site.profile, err) < 0)
        return -1;
    return su_fetch_list_add(c->home.db, &site.profile, su_closure_graph(closure),
                             su_closure_carried(closure), err);
}

static int list_sites(struct su_db *db, struct su_names *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err, "SELECT code FROM site ORDER BY code") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        char **slot = SU_PUSH(out, 1000000);
        if (!slot || !(*slot = strdup(su_rows_text(&rows, 0))))
            return su_fail_memory(err);
    }
    return more;
}

static int want_updates(struct su_context *c, struct su_err *err)
{
    const char *word;
    for (size_t i = 0; (word = su_given_at(c, "update", i)); i++) {
        SU_AUTO(su_ids) struct su_ids ids = {0};
        if (su_look_up(c->home.db, word, &ids, err) < 0 ||
            su_fetch_list_add_updates(c->home.db, ids.list.at, ids.list.count, err) < 0)
            return -1;
    }
    return 0;
}

static int want(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names codes = {0};
    const char *code;
    if (su_has(c, "all") + su_has(c, "site") + su_has(c, "update") > 1)
        return su_fail(err, SU_USAGE, "--all, --site and --update exclude each other");
    if (su_fetch_list_begin(c->home.db, err) < 0)
        return -1;
    if (su_has(c, "update"))
        return want_updates(c, err);
    if (su_has(c, "all"))
        return su_fetch_list_add(c->home.db, NULL, NULL, NULL, err);
    for (size_t i = 0; (code = su_given_at(c, "site", i)); i++)
        if (want_site(c, code, err) < 0)
            return -1;
    if (su_has(c, "site"))
        return 0;
    if (list_sites(c->home.db, &codes, err) < 0)
        return -1;
    if (codes.count == 0)
        return su_fail(err, SU_USAGE,
                       "no site is known, so no file is needed; --all fetches whatever the catalogue names");
    for (size_t i = 0; i < codes.count; i++)
        if (want_site(c, codes.at[i], err) < 0)
            return -1;
    return 0;
}

/* From where. */

/* An update server of the hub's own is asked in its own way too: with its authorities and proxy, and for what
 * it lacks. One that has only the catalogue sends nobody there for files. */
static int choose_server(struct su_context *c, const char *url, struct su_fetch_options *o,
                         struct su_fetch_upstream *upstream, char root[SU_ADDRESS_TEXT], struct su_err *err)
{
    bool is_known;
    if (su_fetch_upstream_find(c->home.db, url, &upstream->server, &is_known, err) < 0)
        return -1;
    if (!is_known && !url)
        return 0;
    const char *server = url ? url : upstream->server.url;
    if (su_fetch_root(server, root, err) < 0)
        return su_prefix(err, "--from");
    o->root = root;
    if (!is_known)
        return 0;
    if (upstream->server.is_catalogue_only && o->has_record_address)
        o->root = NULL;
    if (!o->http.ca_file && upstream->server.ca_file[0])
        o->http.ca_file = upstream->server.ca_file;
    if (!o->http.proxy && upstream->server.proxy[0])
        o->http.proxy = upstream->server.proxy;
    upstream->events = &c->events;
    upstream->retry_wait = o->retry_seconds;
    o->ask = su_fetch_upstream_ask;
    o->ask_context = upstream;
    return 0;
}

static int choose_addresses(struct su_context *c, struct su_fetch_options *o,
                            struct su_fetch_upstream *upstream, char root[SU_ADDRESS_TEXT],
                            struct su_err *err)
{
    const char *from = su_given(c, "from");
    bool is_upstream = from && strcmp(from, "upstream") == 0;
    o->has_record_address = !from || strcmp(from, "microsoft") == 0;
    if (from && strcmp(from, "microsoft") == 0)
        return 0;
    if (choose_server(c, from && !is_upstream ? from : NULL, o, upstream, root, err) < 0)
        return -1;
    if (is_upstream && !o->root)
        return su_fail(err, SU_CONFIG,
                       "the catalogue was never synchronized from a server; give its address: --from URL");
    return 0;
}

/* Bytes a second, with K, M or G. */
static int parse_rate(const char *text, uint64_t *out, struct su_err *err)
{
    static const char suffixes[] = "KMG";
    size_t n = text ? strlen(text) : 0;
    const char *suffix = n > 1 ? strchr(suffixes, text[n - 1]) : NULL;
    unsigned shift = suffix ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
    *out = 0;
    if (!text)
        return 0;
    if (!su_u64_parse(out, text, suffix ? n - 1 : n, ((uint64_t)1 << 50) >> shift) || *out == 0)
        return su_fail(err, SU_USAGE, "--limit-rate %s is not a number of bytes a second (K, M, G allowed)",
                       text);
    *out <<= shift;
    return 0;
}

static int take_number(struct su_context *c, const char *name, unsigned least, unsigned most, unsigned *out,
                       struct su_err *err)
{
    uint64_t value = *out;
    if (su_given_number(c, name, most, &value, err) < 0)
        return -1;
    if (value < least)
        return su_fail(err, SU_USAGE, "--%s is at least %u", name, least);
    *out = (unsigned)value;
    return 0;
}

static int take_options(struct su_context *c, struct su_fetch_options *o, struct su_err *err)
{
    o->http = (struct su_http_options){.ca_file = su_given(c, "ca-file"),
                                       .proxy = su_given(c, "proxy"),
                                       .user_agent = "suexport/" SU_VERSION,
                                       .stall_seconds = 60,
                                       .connections = 6};
    o->tries = 5;
    o->retry_seconds = 5;
    o->is_dry_run = su_has(c, "dry-run");
    return parse_rate(su_given(c, "limit-rate"), &o->http.bytes_per_second, err) < 0 ||
                   take_number(c, "connections", 1, SU_MAX_FETCH_CONNECTIONS, &o->http.connections, err) <
                       0 ||
                   take_number(c, "stall-time", 1, 3600, &o->http.stall_seconds, err) < 0 ||
                   take_number(c, "tries", 1, 100, &o->tries, err) < 0 ||
                   take_number(c, "retry-wait", 0, 3600, &o->retry_seconds, err) < 0
               ? -1
               : 0;
}

static void answer(struct su_context *c, const struct su_fetch_options *o, const struct su_fetch_report *r,
                   double seconds)
{
    char from[SU_URL_SHOWN] = "";
    if (o->root)
        su_url_shown(o->root, from);
    su_json_close(&c->json, ']');
    su_json_text(&c->json, "from", from);
    su_json_int(&c->json, "wanted", (int64_t)r->wanted);
    su_json_int(&c->json, "bytes_wanted", (int64_t)r->bytes_wanted);
    su_json_int(&c->json, "fetched", (int64_t)r->fetched);
    su_json_int(&c->json, "bytes_fetched", (int64_t)r->bytes_fetched);
    su_json_int(&c->json, "bytes_resumed", (int64_t)r->bytes_resumed);
    su_json_int(&c->json, "failed", (int64_t)r->failed);
    su_json_int(&c->json, "bytes_failed", (int64_t)r->bytes_failed);
    su_json_int(&c->json, "licence_failed", (int64_t)r->licence_failed);
    su_json_seconds(&c->json, "seconds", seconds);
    su_line(c,
            "content: %s needed (%s, %s of it had come before), %s fetched, %s came, %s failed (%s licence)",
            su_count_text(r->wanted), su_bytes_text(r->bytes_wanted), su_bytes_text(r->bytes_resumed),
            su_count_text(r->fetched), su_bytes_text(r->bytes_fetched), su_count_text(r->failed),
            su_count_text(r->licence_failed));
}

int cmd_content_fetch(struct su_context *c, struct su_err *err)
{
    struct su_fetch_options o = {0};
    struct su_fetch_report r = {.finding = on_finding, .context = c};
    SU_AUTO(su_fetch_upstream) struct su_fetch_upstream upstream = {.http = NULL};
    char root[SU_ADDRESS_TEXT];
    double started = su_time_monotonic();
    if (take_options(c, &o, err) < 0 || choose_addresses(c, &o, &upstream, root, err) < 0 || want(c, err) < 0)
        return -1;
    su_json_open(&c->json, "files", '[');
    if (su_fetch(&c->home, &o, &c->events, &r, err) < 0)
        return -1;
    answer(c, &o, &r, su_time_monotonic() - started);
    if (r.failed > 0) {
        (void)su_fail(err, r.fetched == 0 && r.code ? r.code : SU_CONTENT_MISSING,
                      "%llu of %llu files %s; each is listed with its cause", (unsigned long long)r.failed,
                      (unsigned long long)r.wanted, o.is_dry_run ? "have no address" : "were not fetched");
        (void)su_remedy(
            err,
            "Mend the causes and run the same command again, or add the files: suexport content add DIR");
        return su_after(err, "What has come is kept.");
    }
    if (o.is_dry_run)
        su_line(c, "nothing fetched (dry run)");
    else
        su_message(&c->events, SU_FETCH_DONE, SU_INFO, "fetch done: %llu files, %llu bytes came",
                   (unsigned long long)r.fetched, (unsigned long long)r.bytes_fetched);
    return 0;
}
