/*
 * look_report.c - the command `report`: one transaction, the sections in order, the form that was asked for.
 */
#include "tools/cli/look_report.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/catalogue/need.h"
#include "common/site/position.h"
#include "common/site/promise.h"

#ifndef SU_VERSION
#define SU_VERSION "0"
#endif

const struct su_report_column su_report_status_columns[] = {
    {"SiteCode", "SiteCode", SU_COLUMN_WORD, SU_NO_CHART},
    {"WSUSServerName", "WSUSServerName", SU_COLUMN_TEXT, SU_NO_CHART},
    {"WSUSSourceServer", "WSUSSourceServer", SU_COLUMN_TEXT, SU_NO_CHART},
    {"SyncCatalogVersion", "SyncCatalogVersion", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"LastSyncState", "LastSyncState", SU_COLUMN_WORDS, SU_NO_CHART},
    {"LastSyncStateTime", "LastSyncStateTime", SU_COLUMN_WORDS, SU_NO_CHART},
    {"LastSuccessfulSyncTime", "LastSuccessfulSyncTime", SU_COLUMN_WORDS, SU_NO_CHART},
    {"LastSyncErrorCode", "LastSyncErrorCode", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"ReplicationLinkStatus", "ReplicationLinkStatus", SU_COLUMN_WORD, SU_NO_CHART},
    SU_COLUMNS_END,
};

const char *su_report_link_word(int64_t link, enum su_mark *mark)
{
    *mark = link == 0 ? SU_GOOD : link == 1 ? SU_FAIR : SU_BAD;
    return link == 0 ? "healthy" : link == 1 ? "degraded" : "error";
}

void su_report_status(struct su_report *r, const struct su_report_status *row)
{
    enum su_mark mark;
    const char *word = su_report_link_word(row->link, &mark);
    su_report_text(r, row->site_code);
    su_report_text(r, row->server);
    su_report_text(r, row->source);
    if (row->version >= 0)
        su_report_count(r, (uint64_t)row->version);
    else
        su_report_none(r);
    if (row->state > 0)
        su_report_result(r, row->state, true);
    else
        su_report_none(r);
    su_report_when(r, row->state_time);
    su_report_when(r, row->success_time);
    su_report_count(r, (uint64_t)row->error_code);
    su_report_word(r, mark, row->link, "%s", word);
}

int su_report_own_status(struct su_reporting *g, const char *source, int64_t link, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf success = SU_BUF_INIT(64);
    struct su_home *home = &g->c->home;
    int64_t version;
    bool has_success;
    if (su_setting_int(home->db, "content_version", &version, err) < 0 ||
        su_query_text(home->db, &success, &has_success, err,
                      "SELECT finished FROM sync_history WHERE error='' ORDER BY sync_id DESC LIMIT 1") < 0 ||
        su_query(home->db, &rows, err,
                 "SELECT state, finished, iif(error='', 0, max(error_id, 1)) FROM sync_history ORDER BY "
                 "sync_id DESC LIMIT 1") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0)
        return -1;
    su_report_status(&g->report, &(struct su_report_status){
                                     .site_code = home->name,
                                     .server = home->name,
                                     .source = source,
                                     .version = version,
                                     .state = more ? su_rows_int(&rows, 0) : 0,
                                     .state_time = more ? su_rows_text(&rows, 1) : "",
                                     .success_time = has_success ? success.bytes : "",
                                     .error_code = more ? su_rows_int(&rows, 2) : 0,
                                     .link = link,
                                 });
    return 0;
}

/* CreationDates of documents may have a fraction of the second. */
static struct su_age age_of(const char *time)
{
    char text[SU_TIME_TEXT];
    (void)snprintf(text, sizeof text, "%.19sZ", time);
    return su_age_since(text, 0);
}

void su_report_age(struct su_report *r, const char *time)
{
    struct su_age age = age_of(time ? time : "");
    if (age.is_known)
        su_report_word(r, SU_PLAIN, (int64_t)age.days, "%s day%s", su_count_text(age.days),
                       age.days == 1 ? "" : "s");
    else
        su_report_none(r);
}

int su_report_glance(struct su_reporting *g, const struct su_report_column *columns, int64_t link,
                     struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf newest = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
    enum su_mark mark;
    const char *word = su_report_link_word(link, &mark);
    if (su_query_text(g->c->home.db, &newest, NULL, err,
                      "SELECT coalesce(max(created), '') FROM info WHERE type>=2") < 0)
        return -1;
    su_report_part(&g->report, SU_PART_TILES, "glance", "", columns, "");
    su_report_word(&g->report, mark, link, "%s", word);
    su_report_count(&g->report, g->state.updates);
    su_report_age(&g->report, newest.bytes);
    su_report_word(&g->report, g->need.missing > 0 ? SU_FAIR : SU_PLAIN, (int64_t)g->need.missing, "%s",
                   su_count_text(g->need.missing));
    return 0;
}

static int load_need(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_home *home = &g->c->home;
    bool is_site = home->role == SU_SITE; /* a hub keeps content for every profile */
    if ((is_site && su_position_profile(home->db, &g->profile, err) < 0) ||
        su_content_need(home->db, is_site ? &g->profile : NULL, g->graph, NULL, err) < 0 ||
        su_query(home->db, &rows, err,
                 "SELECT count(*), coalesce(sum(bytes),0), coalesce(sum(held),0), coalesce(sum(NOT held),0), "
                 "coalesce(sum(bytes*NOT held),0), coalesce(sum(licence AND NOT held),0) FROM (SELECT "
                 "n.bytes, n.licence, "
                 "EXISTS (SELECT 1 FROM stored_file s WHERE " SU_STORED_AS_NEEDED
                 ") AS held FROM temp.need n)") < 0 ||
        su_rows_next(&rows, err) < 0)
        return -1;
    uint64_t *const into[] = {&g->need.count,   &g->need.bytes,         &g->need.stored,
                              &g->need.missing, &g->need.missing_bytes, &g->need.missing_licence};
    for (int i = 0; i < 6; i++)
        *into[i] = (uint64_t)su_rows_int(&rows, i);
    return 0;
}

static const struct su_report_column head_columns[] = {
    {"role", "Update point", SU_COLUMN_TEXT, SU_NO_CHART},
    {"name", "Name", SU_COLUMN_TEXT, SU_NO_CHART},
    {"made", "Made", SU_COLUMN_TEXT, SU_NO_CHART},
    {"program", "Program", SU_COLUMN_TEXT, SU_NO_CHART},
    {"state_digest", "State", SU_COLUMN_CODE, SU_NO_CHART},
    SU_COLUMNS_END,
};

static void add_head(struct su_reporting *g)
{
    struct su_home *home = &g->c->home;
    bool is_hub = home->role == SU_HUB;
    char digest[SU_SHA256_TEXT], made[SU_TIME_TEXT + 8];
    su_hex_format(g->state.digest, SU_SHA256_BYTES, digest);
    (void)snprintf(made, sizeof made, "%.10s %.5s UTC", g->now, g->now + 11);
    su_report_title(&g->report, g->now, "%s %s, %.10s", is_hub ? "Hub" : "Site", home->name, g->now);
    su_report_section(&g->report, "update_point", "", false);
    su_report_part(&g->report, SU_PART_FACTS, "identity", "", head_columns, "");
    su_report_text(&g->report, is_hub ? "hub, the connected side" : "site, the disconnected side");
    su_report_text(&g->report, home->name);
    su_report_text(&g->report, made);
    su_report_marked(&g->report, SU_PLAIN, "%s %s", g->c->program->name, SU_VERSION);
    su_report_text(&g->report, digest);
}

static int gather(struct su_reporting *g, const su_report_maker *makers, struct su_err *err)
{
    struct su_db *db = g->c->home.db;
    (void)su_time_now(g->now);
    if (su_db_script(db, "BEGIN", err) < 0) /* reading: whatever goes on meanwhile is not seen */
        return -1;
    SU_AUTO(su_transaction) struct su_transaction t = {db};
    g->graph = su_graph_load(db, true, err);
    if (!g->graph || su_graph_state(g->graph, NULL, &g->state, err) < 0 || load_need(g, err) < 0)
        return -1;
    add_head(g);
    for (; *makers; makers++)
        if ((*makers)(g, err) < 0)
            return -1;
    return su_commit(&t, err) < 0 ? -1 : su_report_check(&g->report, err);
}

/* A report of yesterday is replaced; whatever else bears the name stays. */
static int may_replace(const char *path, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd fd = -1;
    char begin[sizeof SU_REPORT_FIRST_LINE] = {0};
    struct su_err why = SU_ERR_INIT;
    if (!su_file_exists(AT_FDCWD, path))
        return 0;
    if (su_file_open(&fd, AT_FDCWD, path, NULL, &why) == 0 &&
        su_file_read(fd, begin, sizeof begin - 1, &why) >= 0 && strcmp(begin, SU_REPORT_FIRST_LINE) == 0)
        return 0;
    (void)su_fail(err, SU_EXISTS, "%s is there and is no report", path);
    return su_remedy(err, "Name another file, or remove that one.");
}

static int write_html(const struct su_reporting *g, const char *path, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf page = SU_BUF_INIT(SU_MAX_JSON_BYTES);
    su_report_html(&g->report, &page);
    if (su_buf_check(&page, "the report", err) < 0 || may_replace(path, err) < 0 ||
        su_path_save(path, 0644, true, page.bytes, page.length, err) < 0)
        return su_after(err, "Nothing was written.");
    su_line(g->c, "report written to %s (%s)", path, su_bytes_text(page.length));
    return 0;
}

static int answer(const struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_JSON_BYTES);
    const char *path = su_given(g->c, "html");
    if (path && write_html(g, path, err) < 0)
        return -1;
    if (g->c->is_json) {
        su_json_text(&g->c->json, "html", path);
        su_report_json(&g->report, &g->c->json);
    } else if (!path) {
        su_report_plain(&g->report, &text);
        if (su_buf_check(&text, "the report", err) < 0)
            return -1;
        (void)fputs(text.bytes, stdout);
    }
    return 0;
}

int su_look_report(struct su_context *c, const su_report_maker *makers, struct su_err *err)
{
    struct su_reporting g = {.c = c, .report = SU_REPORT_INIT};
    int result = gather(&g, makers, err) < 0 || answer(&g, err) < 0 ? -1 : 0;
    su_report_cleanup(&g.report);
    su_graph_cleanup(&g.graph);
    su_profile_cleanup(&g.profile);
    return result;
}
