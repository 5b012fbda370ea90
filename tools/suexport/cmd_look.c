#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/catalogue/closure.h"
#include "common/hub/schedule.h"
#include "common/hub/site.h"
#include "common/site/promise.h"
#include "tools/cli/check.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

/* "2 products/1 classification/de,fr/all" */
static void profile_text(const struct su_profile *p, struct su_buf *out)
{
    size_t products = 0, classifications = 0, languages = 0;
    for (size_t i = 0; i < p->items.count; i++) {
        products += p->items.at[i].kind == SU_ITEM_PRODUCT;
        classifications += p->items.at[i].kind == SU_ITEM_CLASSIFICATION;
    }
    if (products > 0)
        su_buf_addf(out, "%zu product%s/", products, products == 1 ? "" : "s");
    if (classifications > 0)
        su_buf_addf(out, "%zu classification%s/", classifications, classifications == 1 ? "" : "s");
    for (size_t i = 0; i < p->items.count; i++)
        if (p->items.at[i].kind == SU_ITEM_LANGUAGE)
            su_buf_addf(out, "%s%s", languages++ ? "," : "", p->items.at[i].value);
    su_buf_addf(out, "%s%s", languages ? "/" : "", su_content_mode_text(p->content));
}

struct site_row {
    char code[sizeof((struct su_site *)NULL)->code];
    struct su_sync_row row;
};

struct site_rows {
    SU_VEC(struct site_row) list;
};

static void site_rows_cleanup(struct site_rows *rows)
{
    free(rows->list.at);
}

/* A site in the columns of SMS_SUPSyncStatus, as far as the hub knows it: by receipts. The link is 2 when a
 * receipt that claims to be the site's was refused since the newest one that was taken. */
static int load_row(struct su_context *c, const struct su_site *s, bool is_degraded, struct su_sync_row *row,
                    struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf taken = SU_BUF_INIT(64), refused = SU_BUF_INIT(64);
    bool found;
    *row = (struct su_sync_row){.site_code = s->code, .server = s->code, .source = c->home.name};
    if (su_query_text(c->home.db, &taken, &found, err,
                      "SELECT taken FROM receipt WHERE site_id=?1 ORDER BY receipt_id DESC LIMIT 1",
                      SU_I(s->site_id)) < 0 ||
        su_query_text(
            c->home.db, &refused, &found, err,
            "SELECT time FROM ledger WHERE kind='refuse' AND detail LIKE '7603 %; claims receipt of '||?1 "
            "AND entry>coalesce((SELECT max(entry) FROM ledger WHERE kind='receipt' AND site=?1), 0) "
            "ORDER BY entry DESC LIMIT 1",
            SU_T(s->code)) < 0 ||
        su_query_int(c->home.db, &row->version, NULL, err,
                     "SELECT coalesce((SELECT h.content_version FROM export e JOIN sync_history h ON "
                     "h.finished<=e.exported WHERE e.site_id=?1 AND e.sequence=?2 ORDER BY h.sync_id DESC "
                     "LIMIT 1), 0)",
                     SU_I(s->site_id), SU_I(s->acknowledged)) < 0)
        return -1;
    const char *last = taken.length > 0 ? taken.bytes : "";
    bool is_refused = refused.length > 0;
    row->state = !last[0] ? 0 : s->content_owed > 0 ? 6707 : 6702;
    row->error = is_refused ? 7603 : 0;
    row->link = is_refused ? 2 : is_degraded;
    (void)snprintf(row->state_time, sizeof row->state_time, "%s", last);
    (void)snprintf(row->success_time, sizeof row->success_time, "%s", last);
    (void)snprintf(row->link_time, sizeof row->link_time, "%s", is_refused ? refused.bytes : last);
    return 0;
}

/* What a monitoring system is told of a site. That a bundle waits for its receipt is no trouble in itself. */
static void check_site(struct su_check *check, const struct su_site *s, const struct su_age *age,
                       int64_t link)
{
    if (link == 2)
        su_check_add(check, 2, "site %s: a receipt was refused", s->code);
    if (age->overdue_days > 0)
        su_check_add(check, 1, "site %s: the promised bundle is overdue by %llu days", s->code,
                     (unsigned long long)age->overdue_days);
    if (s->content_owed > 0)
        su_check_add(check, 1, "site %s lacks %llu files", s->code, (unsigned long long)s->content_owed);
}

/* Degraded while a bundle is out without its receipt, while the site lacks files, or when the hub itself
 * is late with the bundle it promised. */
static int list_site(struct su_context *c, const char *code, const char *exported, struct su_check *check,
                     struct site_rows *kept, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site s = SU_SITE_INIT;
    SU_AUTO(su_buf) struct su_buf profile = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 16);
    char days[24] = "-";
    if (su_site_load(c->home.db, code, &s, err) < 0)
        return -1;
    profile_text(&s.profile, &profile);
    if (su_buf_check(&profile, "a profile", err) < 0)
        return -1;
    struct su_age age = su_age_since(exported, s.promise_days);
    uint64_t pending = s.last_sent > s.acknowledged ? s.last_sent - s.acknowledged : 0;
    bool is_degraded = pending > 0 || s.content_owed > 0 || age.overdue_days > 0;
    struct site_row *slot = SU_PUSH(&kept->list, 1000000);
    if (!slot)
        return su_fail_memory(err);
    (void)snprintf(slot->code, sizeof slot->code, "%s", s.code);
    if (load_row(c, &s, is_degraded, &slot->row, err) < 0)
        return -1;
    int64_t link = slot->row.link;
    su_json_open(&c->json, NULL, '{');
    su_answer_sync_row(c, &slot->row);
    check_site(check, &s, &age, link);
    if (age.is_known)
        (void)snprintf(days, sizeof days, "%llu d", (unsigned long long)age.days);
    else if (age.is_clock_behind)
        (void)snprintf(days, sizeof days, "clock?");
    su_line(c, "%-16s %9llu %6llu %8llu  %-9s %-7s %s", s.code, (unsigned long long)s.last_sent,
            (unsigned long long)s.acknowledged, (unsigned long long)pending, su_link_text(link), days,
            profile.bytes);
    if (age.overdue_days > 0)
        su_line(c,
                "  %s was promised a bundle every %llu days; the last was made %llu days ago: overdue by "
                "%llu days",
                s.code, (unsigned long long)s.promise_days, (unsigned long long)age.days,
                (unsigned long long)age.overdue_days);
    if (s.content_owed > 0)
        su_line(c, "  %s lacks %llu files, as its newest receipt says", s.code,
                (unsigned long long)s.content_owed);
    su_json_text(&c->json, "code", s.code);
    su_json_int(&c->json, "last_sent", (int64_t)s.last_sent);
    su_json_int(&c->json, "acknowledged", (int64_t)s.acknowledged);
    su_json_int(&c->json, "pending", (int64_t)pending);
    su_json_text(&c->json, "link", su_link_text(link));
    if (age.is_known)
        su_json_int(&c->json, "age_days", (int64_t)age.days);
    else
        su_json_text(&c->json, "age_days", NULL);
    su_json_int(&c->json, "promise_days", (int64_t)s.promise_days);
    su_json_int(&c->json, "overdue_days", (int64_t)age.overdue_days);
    su_json_int(&c->json, "content_owed", (int64_t)s.content_owed);
    su_json_text(&c->json, "exported", exported);
    su_json_text(&c->json, "profile", profile.bytes);
    su_json_close(&c->json, '}');
    return 0;
}

/* The sites' rows of SMS_SUPSyncStatus, below the table. */
static void show_rows(struct su_context *c, struct site_rows *kept)
{
    for (size_t i = 0; i < kept->list.count; i++) {
        struct site_row *one = &kept->list.at[i];
        one->row.site_code = one->row.server = one->code;
        su_line(c, "site %s", one->code);
        su_show_sync_row(c, &one->row);
    }
}

static int list_sites(struct su_context *c, struct su_check *check, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(site_rows) struct site_rows kept = {0};
    int more;
    bool has_heading = false;
    if (su_query(c->home.db, &rows, err,
                 "SELECT code, coalesce((SELECT exported FROM export e WHERE e.site_id=s.site_id ORDER BY "
                 "sequence DESC LIMIT 1), '') FROM site s ORDER BY code") < 0)
        return -1;
    su_json_open(&c->json, "sites", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (!has_heading)
            su_line(c, "%-16s %9s %6s %8s  %-9s %-7s %s", "SITE", "LAST SENT", "ACKED", "PENDING", "LINK",
                    "AGE", "PROFILE");
        has_heading = true;
        if (list_site(c, su_rows_text(&rows, 0), su_rows_text(&rows, 1), check, &kept, err) < 0)
            return -1;
    }
    su_json_close(&c->json, ']');
    show_rows(c, &kept);
    return more;
}

/* What the schedule says; not said while none is set. */
static int answer_schedule(struct su_context *c, struct su_check *check, bool has_failed, struct su_err *err)
{
    struct su_schedule s;
    char at[SU_TIME_TEXT] = "never", overdue[32];
    if (su_schedule_load(c->home.db, &s, err) < 0)
        return -1;
    struct su_due due = su_schedule_due(&s, su_time_seconds());
    bool is_late = due.overdue > 15 * 60; /* a timer asks every five minutes */
    su_json_text(&c->json, "next_due", due.has_next ? su_time_format(due.at, at) : NULL);
    su_json_int(&c->json, "overdue_seconds", due.overdue);
    if (s.is_set)
        su_line(c, "  next due     %s%s%s", at, is_late ? ", overdue by " : "",
                is_late ? su_duration_text(due.overdue, overdue) : "");
    if (is_late && !has_failed)
        su_check_add(check, 1, "synchronization is overdue by %s", su_duration_text(due.overdue, overdue));
    return 0;
}

int cmd_status(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_check) struct su_check check = SU_CHECK_INIT;
    SU_AUTO(su_buf) struct su_buf success = SU_BUF_INIT(64);
    SU_AUTO(su_buf) struct su_buf source = SU_BUF_INIT(512);
    struct su_status facts = {.site_code = c->home.name, .server = c->home.name};
    int64_t sequence, failed;
    bool found;
    if (su_query_text(c->home.db, &source, &found, err,
                      "SELECT source FROM sync_history ORDER BY sync_id DESC LIMIT 1") < 0 ||
        su_query_int(c->home.db, &sequence, NULL, err, "SELECT coalesce(max(sequence), 0) FROM export") < 0 ||
        su_query_int(c->home.db, &failed, NULL, err,
                     "SELECT count(*) FROM (SELECT state FROM sync_history ORDER BY sync_id DESC LIMIT 1) "
                     "WHERE state=6703") < 0 ||
        su_state_of(c->home.db, &facts.state, err) < 0)
        return -1;
    facts.source = found ? source.bytes : "";
    facts.last_sequence = (uint64_t)sequence;
    facts.link = failed ? 2 : 0;
    c->is_muted = su_has(c, "check");
    if (su_query_text(
            c->home.db, &success, NULL, err,
            "SELECT coalesce((SELECT finished FROM sync_history WHERE error='' ORDER BY sync_id DESC LIMIT "
            "1), '')") < 0)
        return -1;
    if (failed)
        su_check_add(&check, 2, "the last synchronization failed");
    if (su_look_status(c, &facts, err) < 0 || answer_schedule(c, &check, failed != 0, err) < 0 ||
        su_scan_status(c, err) < 0 || list_sites(c, &check, err) < 0 ||
        (c->is_muted && su_check_ages(c, &check, success.bytes, 7, 30, err) < 0))
        return -1;
    return c->is_muted ? su_check_end(c, &check, "synchronized, and every site is in order", err) : 0;
}

int cmd_explain(struct su_context *c, struct su_err *err)
{
    const char *word = su_argument(c, 0), *code = su_given(c, "site");
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_ids) struct su_ids ids = {0};
    if (!code && su_look_is_id(word))
        return su_look_explain_id(c, word, err);
    if (!code)
        return su_fail(err, SU_USAGE,
                       "explain needs --site CODE to say why an update travels there, or a message id of "
                       "four or five digits");
    if (su_open_home(c, SU_READ, err) < 0 || su_site_load(c->home.db, code, &site, err) < 0)
        return -1;
    if (su_look_up(c->home.db, word, &ids, err) < 0) {
        struct su_err second = SU_ERR_INIT;
        bool is_known = false;
        return err->code == SU_NOT_FOUND && su_scan_explain(c, word, &is_known, &second) == 0 && is_known
                   ? 0
                   : -1;
    }
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
