#include <stdlib.h>
#include <string.h>

#include "common/core/closure.h"
#include "common/core/site.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

/* Degraded while a bundle is out without its receipt. */
static int list_sites(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    bool has_heading = false;
    if (su_query(c->home.db, &rows, err,
                 "SELECT code, acknowledged, coalesce((SELECT max(sequence) FROM export e WHERE "
                 "e.site_id=s.site_id), 0),"
                 " coalesce((SELECT exported FROM export e WHERE e.site_id=s.site_id ORDER BY sequence DESC "
                 "LIMIT 1), ''), content_mode FROM site s ORDER BY code") < 0)
        return -1;
    su_json_open(&c->json, "sites", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        int64_t acknowledged = su_rows_int(&rows, 1), sent = su_rows_int(&rows, 2);
        if (!has_heading)
            su_line(c, "%-16s %9s %6s %8s  %-9s %-20s %s", "SITE", "LAST SENT", "ACKED", "PENDING", "LINK",
                    "EXPORTED", "CONTENT");
        has_heading = true;
        const char *mode = su_content_mode_text((enum su_content_mode)(su_rows_int(&rows, 4) & 3));
        su_line(c, "%-16s %9lld %6lld %8lld  %-9s %-20s %s", su_rows_text(&rows, 0), (long long)sent,
                (long long)acknowledged, (long long)(sent - acknowledged),
                sent > acknowledged ? "degraded" : "healthy", su_rows_text(&rows, 3), mode);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "SiteCode", su_rows_text(&rows, 0));
        su_json_int(&c->json, "last_sent", sent);
        su_json_int(&c->json, "acknowledged", acknowledged);
        su_json_int(&c->json, "pending", sent - acknowledged);
        su_json_int(&c->json, "ReplicationLinkStatus", sent > acknowledged);
        su_json_text(&c->json, "exported", su_rows_text(&rows, 3));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

int cmd_status(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf source = SU_BUF_INIT(512);
    struct su_status facts = {.site_code = c->home.name, .server = c->home.name};
    int64_t sequence, failed;
    bool found;
    if (su_query_text(c->home.db, &source, &found, err,
                      "SELECT source FROM sync_history ORDER BY sync_id DESC LIMIT 1") < 0 ||
        su_query_int(c->home.db, &sequence, NULL, err, "SELECT coalesce(max(sequence), 0) FROM export") < 0 ||
        su_query_int(c->home.db, &failed, NULL, err,
                     "SELECT count(*) FROM (SELECT state FROM sync_history ORDER BY sync_id DESC LIMIT 1) "
                     "WHERE state=6703") < 0)
        return -1;
    facts.source = found ? source.bytes : "";
    facts.last_sequence = (uint64_t)sequence;
    facts.link = failed ? 2 : 0;
    if (su_look_status(c, &facts, err) < 0)
        return -1;
    return list_sites(c, err);
}

int cmd_explain(struct su_context *c, struct su_err *err)
{
    const char *word = su_argument(c, 0), *code = su_given(c, "site");
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_ids) struct su_ids ids = {0};
    if (!code && strlen(word) == 4 && strspn(word, "0123456789") == 4)
        return su_look_explain_id(c, atoi(word), err);
    if (!code)
        return su_fail(
            err, SU_USAGE,
            "explain needs --site CODE to say why an update travels there, or a message id of four digits");
    if (!c->home_path) {
        (void)su_fail(err, SU_USAGE, "no home given");
        return su_remedy(err, "Give --home DIR or set SU_HOME.");
    }
    if (su_home_open(&c->home, c->home_path, SU_HUB, SU_READ, "explain", err) < 0 ||
        su_site_load(c->home.db, code, &site, err) < 0 || su_look_up(c->home.db, word, &ids, err) < 0)
        return -1;
    SU_AUTO(su_closure) struct su_closure *closure = su_closure_load(c->home.db, err);
    if (!closure || su_closure_walk(closure, &site.profile, err) < 0)
        return -1;
    su_json_open(&c->json, "chains", '[');
    for (size_t i = 0; i < ids.list.count; i++) {
        SU_AUTO(su_buf) struct su_buf chain = SU_BUF_INIT(1024 * 1024);
        if (su_closure_explain(closure, &ids.list.at[i], &chain, err) < 0)
            return -1;
        su_json_text(&c->json, NULL, chain.bytes);
        su_line(c, "%s", chain.bytes);
    }
    su_json_close(&c->json, ']');
    return 0;
}
