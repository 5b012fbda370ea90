#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/hub/schedule.h"
#include "common/hub/site.h"
#include "common/site/promise.h"
#include "tools/cli/look_report.h"
#include "tools/suexport/commands.h"

/* What the hub knows of a site: what it sent, and what the newest receipt said. */
struct known {
    struct su_site site;
    char exported[SU_TIME_TEXT], taken[SU_TIME_TEXT]; /* the last bundle; the newest receipt; "" when none */
    struct su_age age;
    uint64_t outstanding;
    int64_t link;
};

/* Degraded while a bundle is out without its receipt, while the site lacks files, or when the hub itself is
 * late. */
static int load_site(struct su_db *db, const char *code, const char *exported, const char *taken,
                     struct known *k, struct su_err *err)
{
    if (su_site_load(db, code, &k->site, err) < 0)
        return -1;
    (void)snprintf(k->exported, sizeof k->exported, "%s", exported);
    (void)snprintf(k->taken, sizeof k->taken, "%s", taken);
    k->age = su_age_since(k->exported, k->site.promise_days);
    k->outstanding = k->site.last_sent > k->site.acknowledged ? k->site.last_sent - k->site.acknowledged : 0;
    k->link = k->outstanding > 0 || k->site.content_owed > 0 || k->age.overdue_days > 0;
    return 0;
}

/* Every site in the order of its code, up to the limit. */
static int each_site(struct su_reporting *g,
                     void (*tell)(struct su_reporting *g, const struct known *k, void *context),
                     void *context, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(g->c->home.db, &rows, err,
                 "SELECT code, coalesce((SELECT exported FROM export e WHERE e.site_id=s.site_id ORDER BY "
                 "sequence DESC LIMIT 1), "
                 "''), coalesce((SELECT taken FROM receipt r WHERE r.site_id=s.site_id ORDER BY receipt_id "
                 "DESC LIMIT 1), '') "
                 "FROM site s ORDER BY code LIMIT ?1",
                 SU_I(SU_MAX_REPORT_SITES)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct known k = {.site = SU_SITE_INIT};
        int result = load_site(g->c->home.db, su_rows_text(&rows, 0), su_rows_text(&rows, 1),
                               su_rows_text(&rows, 2), &k, err);
        if (result == 0)
            tell(g, &k, context);
        su_site_cleanup(&k.site);
        if (result < 0)
            return -1;
    }
    return more;
}

static int count_sites(struct su_reporting *g, int64_t *count, struct su_err *err)
{
    return su_query_int(g->c->home.db, count, NULL, err, "SELECT count(*) FROM site");
}

/* ---- what is seen first ------------------------------------------------------------------------------- */

static const struct su_report_column tile_columns[] = {
    SU_REPORT_TILES,
    {"sites", "Sites", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"sites_healthy", "Of them healthy", SU_COLUMN_NUMBER, SU_NO_CHART},
    SU_COLUMNS_END,
};

static int own_link(struct su_reporting *g, int64_t *link, struct su_err *err)
{
    int64_t failed;
    if (su_query_int(g->c->home.db, &failed, NULL, err,
                     "SELECT count(*) FROM (SELECT state FROM sync_history ORDER BY sync_id DESC LIMIT 1) "
                     "WHERE state=6703") < 0)
        return -1;
    *link = failed ? 2 : 0;
    return 0;
}

static void count_healthy(struct su_reporting *g, const struct known *k, void *context)
{
    uint64_t *healthy = context;
    (void)g;
    *healthy += k->link == 0;
}

static int glance(struct su_reporting *g, struct su_err *err)
{
    uint64_t healthy = 0;
    int64_t link, sites;
    if (own_link(g, &link, err) < 0 || count_sites(g, &sites, err) < 0 ||
        each_site(g, count_healthy, &healthy, err) < 0 || su_report_glance(g, tile_columns, link, err) < 0)
        return -1;
    su_report_count(&g->report, (uint64_t)sites);
    if (sites <= (int64_t)SU_MAX_REPORT_SITES)
        su_report_word(&g->report, (int64_t)healthy < sites ? SU_FAIR : SU_PLAIN, (int64_t)healthy, "%s",
                       su_count_text(healthy));
    else
        su_report_none(&g->report);
    return 0;
}

/* ---- status ------------------------------------------------------------------------------------------- */

static void add_status(struct su_reporting *g, const struct known *k, void *context)
{
    bool has_receipt = k->taken[0] != 0;
    (void)context;
    su_report_status(&g->report, &(struct su_report_status){
                                     .site_code = k->site.code,
                                     .server = k->site.code,
                                     .source = g->c->home.name,
                                     .version = -1,
                                     .state = !has_receipt               ? 0
                                              : k->site.content_owed > 0 ? 6707
                                                                         : 6702,
                                     .state_time = k->taken,
                                     .success_time = k->site.complete > 0 ? k->taken : "",
                                     .link = k->link,
                                 });
}

static const struct su_report_column schedule_columns[] = {
    {"rule", "Synchronized", SU_COLUMN_TEXT, SU_NO_CHART},
    {"time_zone", "Time zone", SU_COLUMN_TEXT, SU_NO_CHART},
    {"next_due", "Next due", SU_COLUMN_TEXT, SU_NO_CHART},
    {"overdue_seconds", "Overdue", SU_COLUMN_TEXT, SU_NO_CHART},
    SU_COLUMNS_END,
};

static int schedule(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf rule = SU_BUF_INIT(256);
    struct su_report *r = &g->report;
    struct su_schedule s;
    char utc[SU_TIME_TEXT], late[32];
    if (su_schedule_load(g->c->home.db, &s, err) < 0)
        return -1;
    if (!s.is_set) {
        su_report_say(r, "No schedule is set.");
        return 0;
    }
    struct su_due due = su_schedule_due(&s, su_time_seconds());
    su_recurrence_format(&s.rule, &rule);
    if (su_buf_check(&rule, "a rule", err) < 0)
        return -1;
    su_report_part(r, SU_PART_FACTS, "schedule", "Schedule", schedule_columns, "");
    su_report_text(r, rule.bytes);
    su_report_text(r, s.rule.zone);
    su_report_when(r, due.has_next ? su_time_format(due.at, utc) : "");
    su_report_word(r, due.overdue > 0 ? SU_FAIR : SU_PLAIN, due.overdue, "%s%s",
                   due.overdue > 0 ? "by " : "no",
                   due.overdue > 0 ? su_duration_text(due.overdue, late) : "");
    return 0;
}

static int status(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf source = SU_BUF_INIT(4096);
    int64_t link, sites;
    bool found;
    if (own_link(g, &link, err) < 0 || count_sites(g, &sites, err) < 0 ||
        su_query_text(g->c->home.db, &source, &found, err,
                      "SELECT source FROM sync_history ORDER BY sync_id DESC LIMIT 1") < 0)
        return -1;
    su_report_section(&g->report, "status", "Synchronization status", false);
    su_report_part(&g->report, SU_PART_TABLE, "points", "", su_report_status_columns, "");
    if (su_report_own_status(g, found ? source.bytes : "", link, err) < 0 ||
        each_site(g, add_status, NULL, err) < 0)
        return -1;
    if (sites > (int64_t)SU_MAX_REPORT_SITES)
        su_report_say(&g->report, "The first %u of %lld sites.", SU_MAX_REPORT_SITES, (long long)sites);
    su_report_say(&g->report,
                  "All times are UTC. A site's row is what its newest receipt says. Its link is healthy when "
                  "every bundle is "
                  "acknowledged and no file is owed, degraded while a bundle is outstanding, content is owed "
                  "or a promised "
                  "bundle is late; the hub's own is in error when its last synchronization failed.");
    return schedule(g, err);
}

/* ---- bundles ------------------------------------------------------------------------------------------ */

static const struct su_report_column bundle_columns[] = {
    {"site", "Site", SU_COLUMN_WORD, SU_NO_CHART},
    {"last_sequence", "Last bundle", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"acknowledged", "Acknowledged", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"outstanding", "Outstanding", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"exported", "Made", SU_COLUMN_WORDS, SU_NO_CHART},
    {"age_days", "Since then", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"promise_days", "Promised every", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"overdue_days", "Overdue by", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"receipt", "Newest receipt", SU_COLUMN_WORDS, SU_NO_CHART},
    {"content_owed", "Files owed", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"ReplicationLinkStatus", "Link", SU_COLUMN_WORD, SU_NO_CHART},
    SU_COLUMNS_END,
};

static void add_days(struct su_report *r, uint64_t days, enum su_mark mark)
{
    su_report_word(r, mark, (int64_t)days, "%llu day%s", (unsigned long long)days, days == 1 ? "" : "s");
}

static void add_bundle(struct su_reporting *g, const struct known *k, void *context)
{
    struct su_report *r = &g->report;
    enum su_mark mark;
    const char *word = su_report_link_word(k->link, &mark);
    (void)context;
    su_report_text(r, k->site.code);
    su_report_count(r, k->site.last_sent);
    su_report_count(r, k->site.acknowledged);
    su_report_count(r, k->outstanding);
    su_report_when(r, k->exported);
    su_report_age(r, k->exported);
    if (k->site.promise_days > 0)
        add_days(r, k->site.promise_days, SU_PLAIN);
    else
        su_report_none(r);
    if (k->age.overdue_days > 0)
        add_days(r, k->age.overdue_days, SU_FAIR);
    else
        su_report_count(r, 0);
    su_report_when(r, k->taken);
    su_report_count(r, k->site.content_owed);
    su_report_word(r, mark, k->link, "%s", word);
}

static int bundles(struct su_reporting *g, struct su_err *err)
{
    su_report_section(&g->report, "bundles", "Bundles and receipts", false);
    su_report_part(&g->report, SU_PART_TABLE, "sites", "", bundle_columns, "No site is known.");
    return each_site(g, add_bundle, NULL, err);
}

int cmd_report(struct su_context *c, struct su_err *err)
{
    static const su_report_maker makers[] = {glance,
                                             su_report_alerts,
                                             status,
                                             bundles,
                                             su_report_history,
                                             su_report_catalogue,
                                             su_report_security,
                                             su_report_sizes,
                                             su_report_missing,
                                             su_report_ledger,
                                             NULL};
    return su_look_report(c, makers, err);
}
