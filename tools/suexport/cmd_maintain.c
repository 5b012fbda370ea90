/*
 * cmd_maintain.c - what is superseded counts as expired by rule, what is expired goes, and can come back.
 */
#include <stdio.h>
#include <string.h>

#include "common/catalogue/history.h"
#include "common/catalogue/lifecycle.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

#define DEFAULT_BUDGET 30 /* minutes, as the clean-up of an update server takes at most */

static void say_months(char out[32], int64_t months)
{
    if (months == SU_NEVER)
        (void)snprintf(out, 32, "never");
    else if (months == 0)
        (void)snprintf(out, 32, "now");
    else
        (void)snprintf(out, 32, "%lld months", (long long)months);
}

static void answer_rule(struct su_context *c, const char *key, int64_t value)
{
    if (value == SU_NEVER)
        su_json_text(&c->json, key, NULL);
    else
        su_json_int(&c->json, key, value);
}

static void answer_rules(struct su_context *c, const struct su_lifecycle_rules *r)
{
    char updates[32], features[32];
    say_months(updates, r->updates);
    say_months(features, r->feature_updates);
    answer_rule(c, "supersedes", r->updates);
    answer_rule(c, "feature_updates", r->feature_updates);
    su_json_int(&c->json, "grace_days", r->grace);
    su_line(c,
            "superseded updates count as expired: %s; feature updates: %s; expired ones stay for %lld days",
            updates, features, (long long)r->grace);
}

/* never, now, or months. */
static int take_months(struct su_context *c, const char *option, int64_t *out, struct su_err *err)
{
    const char *word = su_given(c, option);
    uint64_t months;
    if (!word)
        return 0;
    if (strcmp(word, "never") == 0)
        *out = SU_NEVER;
    else if (strcmp(word, "now") == 0)
        *out = 0;
    else if (su_u64_parse(&months, word, strlen(word), 120))
        *out = (int64_t)months;
    else
        return su_fail(err, SU_USAGE, "--%s %s is none of never, now, and a number of months up to 120",
                       option, word);
    return 0;
}

static int note(struct su_context *c, const char *detail, struct su_err *err)
{
    struct su_ledger_entry entry = {.actor = &c->actor, .kind = "lifecycle", .site = "", .detail = detail};
    return su_ledger_add(c->home.db, &entry, err);
}

int cmd_lifecycle_set(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_lifecycle_rules rules;
    char updates[32], features[32], detail[160];
    uint64_t grace;
    if (su_begin(&t, c->home.db, err) < 0 || su_lifecycle_rules_load(c->home.db, &rules, err) < 0)
        return su_after(err, "Nothing was written.");
    grace = (uint64_t)rules.grace;
    if (take_months(c, "supersedes", &rules.updates, err) < 0 ||
        take_months(c, "feature-updates", &rules.feature_updates, err) < 0 ||
        su_given_number(c, "grace", 3650, &grace, err) < 0)
        return su_after(err, "Nothing was written.");
    rules.grace = (int64_t)grace;
    say_months(updates, rules.updates);
    say_months(features, rules.feature_updates);
    (void)snprintf(detail, sizeof detail, "supersedes %s, feature updates %s, grace %lld days", updates,
                   features, (long long)rules.grace);
    if (su_lifecycle_rules_save(c->home.db, &rules, err) < 0 || note(c, detail, err) < 0 ||
        su_commit(&t, err) < 0)
        return su_after(err, "Nothing was written.");
    answer_rules(c, &rules);
    return 0;
}

static int list_excluded(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    char text[SU_GUID_TEXT];
    int64_t count = 0;
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT update_id, revision, reason, removed, title FROM excluded_update ORDER BY removed, "
                 "update_id") < 0)
        return -1;
    su_json_open(&c->json, "excluded", '[');
    for (; (more = su_rows_next(&rows, err)) > 0; count++) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        su_guid_format(&id, text);
        su_line(c, "  %s  %-10s removed %s  %s", text, su_rows_text(&rows, 2), su_rows_text(&rows, 3),
                su_rows_text(&rows, 4));
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", text);
        su_json_int(&c->json, "revision", su_rows_int(&rows, 1));
        su_json_text(&c->json, "reason", su_rows_text(&rows, 2));
        su_json_text(&c->json, "removed", su_rows_text(&rows, 3));
        su_json_text(&c->json, "title", su_rows_text(&rows, 4));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    su_line(c, "%s removed and kept from coming back", su_count_text((uint64_t)count));
    return more;
}

int cmd_lifecycle_show(struct su_context *c, struct su_err *err)
{
    struct su_lifecycle_rules rules;
    int64_t expired, superseded;
    if (su_lifecycle_rules_load(c->home.db, &rules, err) < 0 ||
        su_query_int(c->home.db, &expired, NULL, err,
                     "SELECT count(*) FROM lifecycle WHERE reason='expired'") < 0 ||
        su_query_int(c->home.db, &superseded, NULL, err,
                     "SELECT count(*) FROM lifecycle WHERE reason='superseded'") < 0)
        return -1;
    answer_rules(c, &rules);
    su_json_int(&c->json, "expired", expired);
    su_json_int(&c->json, "superseded", superseded);
    su_line(c, "marked by the last 'maintain': %s expired, %s superseded", su_count_text((uint64_t)expired),
            su_count_text((uint64_t)superseded));
    return list_excluded(c, err);
}

/* The id itself: the update is not held any more. */
int cmd_lifecycle_restore(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    const char *word;
    char detail[80];
    if (su_begin(&t, c->home.db, err) < 0)
        return su_after(err, "Nothing was written.");
    su_json_open(&c->json, "updates", '[');
    int result = 0;
    for (size_t n = 0; result == 0 && (word = su_argument(c, n)); n++) {
        struct su_guid id;
        char text[SU_GUID_TEXT];
        if (!su_guid_parse(&id, word, strlen(word))) {
            result = su_fail(err, SU_USAGE, "%s is no update id; 'suexport lifecycle show' lists them", word);
            break;
        }
        (void)snprintf(detail, sizeof detail, "restored %s", su_guid_format(&id, text));
        result =
            su_run(c->home.db, err, "DELETE FROM excluded_update WHERE update_id=?1", SU_B(id.bytes, 16));
        if (result == 0 && su_db_changes(c->home.db) == 0)
            result = su_fail(err, SU_NOT_FOUND, "%s was not removed by 'maintain'", text);
        if (result == 0)
            result = note(c, detail, err);
        su_json_text(&c->json, NULL, text);
        su_line(c, "%s  the next synchronization may bring it again", text);
    }
    su_json_close(&c->json, ']');
    return result < 0 || su_commit(&t, err) < 0 ? su_after(err, "Nothing was written.") : 0;
}

/* The catalogue's own date unless another is given: the clock has no say. */
static int choose_date(struct su_context *c, char out[11], struct su_buf *source, struct su_err *err)
{
    const char *given = su_given(c, "as-of");
    if (su_history_source_time(c->home.db, source, err) < 0)
        return -1;
    (void)snprintf(out, 11, "%.10s", given ? given : source->length > 0 ? source->bytes : "");
    if (given && (strlen(given) != 10 || !su_lifecycle_date_is_valid(out)))
        return su_fail(err, SU_USAGE, "--as-of %s is no date of the form YYYY-MM-DD", given);
    if (!su_lifecycle_date_is_valid(out)) {
        (void)su_fail(err, SU_CONFIG, "the catalogue has no date");
        return su_remedy(err, "Synchronize first, or give --as-of YYYY-MM-DD.");
    }
    return 0;
}

/* Which ones, or would be. */
static int list_leaving(struct su_context *c, bool is_dry, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    char text[SU_GUID_TEXT];
    int more;
    if (su_query(
            c->home.db, &rows, err,
            "SELECT l.update_id, i.title, coalesce((SELECT reason FROM lifecycle m WHERE "
            "m.update_id=l.update_id), 'part') FROM temp.leaving l CROSS JOIN revision r ON "
            "r.update_id=l.update_id CROSS JOIN info i ON i.rev_id=r.rev_id WHERE NOT EXISTS (SELECT 1 FROM "
            "revision n WHERE n.update_id=r.update_id AND n.revision>r.revision) ORDER BY i.title, "
            "l.update_id") < 0)
        return -1;
    su_json_open(&c->json, "leaving", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        su_guid_format(&id, text);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", text);
        su_json_text(&c->json, "title", su_rows_text(&rows, 1));
        su_json_text(&c->json, "reason", su_rows_text(&rows, 2));
        su_json_close(&c->json, '}');
        if (is_dry)
            su_line(c, "  would go     %s  %-10s %s", text, su_rows_text(&rows, 2), su_rows_text(&rows, 1));
    }
    su_json_close(&c->json, ']');
    return more;
}

static void answer(struct su_context *c, const struct su_lifecycle_counts *n, const char *as_of, bool is_dry)
{
    su_json_text(&c->json, "as_of", as_of);
    su_json_bool(&c->json, "dry_run", is_dry);
    su_json_int(&c->json, "processed", (int64_t)n->looked_at);
    su_json_int(&c->json, "expired", (int64_t)n->expired);
    su_json_int(&c->json, "superseded", (int64_t)n->superseded);
    su_json_int(&c->json, "newly_superseded", (int64_t)n->newly_superseded);
    su_json_int(&c->json, "no_longer_superseded", (int64_t)n->no_longer);
    su_json_int(&c->json, "due", (int64_t)n->due);
    su_json_int(&c->json, "kept_pinned", (int64_t)n->pinned);
    su_json_int(&c->json, "kept_approved", (int64_t)n->approved);
    su_json_int(&c->json, "kept_needed", (int64_t)n->needed);
    su_json_int(&c->json, "deleted", (int64_t)n->removed);
    su_json_int(&c->json, "deleted_revisions", (int64_t)n->removed_revisions);
    su_json_int(&c->json, "left", (int64_t)n->left);
    su_line(c, "as of %s", as_of);
    su_line(c,
            "Cleanup processed %s total updates and declined %s (%s expired, %s superseded, %s of them new)",
            su_count_text(n->looked_at), su_count_text(n->expired + n->superseded), su_count_text(n->expired),
            su_count_text(n->superseded), su_count_text(n->newly_superseded));
    su_line(c, "  past grace   %s; kept: %s pinned, %s approved, %s needed by what stays",
            su_count_text(n->due), su_count_text(n->pinned), su_count_text(n->approved),
            su_count_text(n->needed));
    su_line(c, "%s %s expired updates total%s%s", is_dry ? "Would delete" : "Deleted",
            su_count_text(n->removed), n->left ? "; the time was up, left: " : "",
            n->left ? su_count_text(n->left) : "");
}

/* In the history and the ledger, when the catalogue or the marks moved. */
static int close_books(struct su_context *c, const struct su_lifecycle_counts *n,
                       const struct su_state *before, struct su_history *row, const char *as_of,
                       struct su_err *err)
{
    char detail[200];
    if (n->removed > 0) {
        if (su_state_of(c->home.db, &row->state, err) < 0 ||
            su_changes_count(c->home.db, before, &row->state, &row->changes, err) < 0 ||
            su_history_add_change(c->home.db, row, before, err) < 0)
            return -1;
    }
    if (n->removed + n->newly_superseded + n->no_longer == 0)
        return 0;
    (void)snprintf(detail, sizeof detail, "as of %s: %llu superseded, %llu no longer, %llu removed", as_of,
                   (unsigned long long)n->newly_superseded, (unsigned long long)n->no_longer,
                   (unsigned long long)n->removed);
    return note(c, detail, err);
}

static int maintain(struct su_context *c, const char *as_of, const char *source_time, double seconds,
                    bool is_dry, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_lifecycle_counts n = {.due = 0};
    struct su_lifecycle_rules rules;
    struct su_state before;
    SU_AUTO(su_buf) struct su_buf last = SU_BUF_INIT(4096); /* the catalogue comes from where it came */
    struct su_history row = {
        .source = "", .kind = "maintain", .source_time = source_time, .state_code = SU_SYNC_DONE};
    (void)su_time_now(row.started);
    if (su_changes_begin(c->home.db, err) < 0 || su_begin(&t, c->home.db, err) < 0 ||
        su_lifecycle_rules_load(c->home.db, &rules, err) < 0 || su_state_of(c->home.db, &before, err) < 0 ||
        su_query_text(
            c->home.db, &last, NULL, err,
            "SELECT coalesce((SELECT source FROM sync_history ORDER BY sync_id DESC LIMIT 1), '')") < 0 ||
        su_lifecycle_mark(c->home.db, &rules, as_of, &n, err) < 0 ||
        su_lifecycle_find_due(c->home.db, &rules, as_of, &n, err) < 0 || list_leaving(c, is_dry, err) < 0 ||
        su_lifecycle_remove(c->home.db, as_of, seconds, &n, err) < 0)
        return -1;
    row.source = last.bytes ? last.bytes : "";
    if (close_books(c, &n, &before, &row, as_of, err) < 0 || (!is_dry && su_commit(&t, err) < 0))
        return -1;
    answer(c, &n, as_of, is_dry);
    if (is_dry)
        su_line(c, "nothing written (dry run)");
    else
        su_message(&c->events, SU_MAINTAIN_DONE, SU_INFO, "Deleted %llu expired updates total; as of %s",
                   (unsigned long long)n.removed, as_of);
    return 0;
}

int cmd_maintain(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf source = SU_BUF_INIT(64);
    uint64_t minutes = DEFAULT_BUDGET;
    char as_of[11];
    if (su_given_number(c, "budget", 10000, &minutes, err) < 0 || choose_date(c, as_of, &source, err) < 0 ||
        maintain(c, as_of, source.length > 0 ? source.bytes : "", 60.0 * (double)minutes,
                 su_has(c, "dry-run"), err) < 0)
        return su_after(err, "Nothing was written.");
    return 0;
}
