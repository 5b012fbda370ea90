/*
 * cmd_audit.c - what only the hub can prove: why an update does not travel, and the receipts it took.
 */
#include <string.h>

#include "common/catalogue/closure.h"
#include "common/hub/site.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

static const char *const reasons[] = {"travels",
                                      "product not chosen",
                                      "classification not chosen",
                                      "product and classification not chosen",
                                      "nothing that is chosen needs it",
                                      "superseded, and expired by rule"};

static int list_excluded(struct su_context *c, const struct su_closure *closure,
                         uint64_t counts[SU_EXCLUSIONS], struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const char *since;
    struct su_guid id;
    int more;
    if (su_look_since(c, &since, err) < 0 ||
        su_query(
            c->home.db, &rows, err,
            "SELECT r.update_id, v.update_id, v.kb, v.title, v.created FROM revision r JOIN info i USING "
            "(rev_id) JOIN v_update v USING (rev_id) WHERE i.type IN (2, 3) AND v.is_latest AND "
            "i.created>=?1 ORDER BY i.created DESC, r.update_id",
            SU_T(since)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, 16, err) < 0)
            return -1;
        enum su_exclusion why = su_closure_exclusion(closure, &id);
        counts[why]++;
        if (why == SU_TRAVELS)
            continue;
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", su_rows_text(&rows, 1));
        su_json_text(&c->json, "kb", su_rows_text(&rows, 2));
        su_json_text(&c->json, "title", su_rows_text(&rows, 3));
        su_json_text(&c->json, "created", su_rows_text(&rows, 4));
        su_json_text(&c->json, "reason", reasons[why]);
        su_json_close(&c->json, '}');
        su_line(c, "%.10s  %s%-10s %-38s %s", su_rows_text(&rows, 4), su_rows_text(&rows, 2)[0] ? "KB" : "  ",
                su_rows_text(&rows, 2), reasons[why], su_rows_text(&rows, 3));
    }
    return more;
}

int cmd_audit_excluded(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    static const char *const keys[] = {"travel", "product",    "classification",
                                       "both",   "not_needed", "ruled_out"};
    uint64_t counts[SU_EXCLUSIONS] = {0};
    if (!su_given(c, "site"))
        return su_fail(err, SU_USAGE, "which site? Give --site CODE");
    if (su_site_load(c->home.db, su_given(c, "site"), &site, err) < 0)
        return -1;
    SU_AUTO(su_closure) struct su_closure *closure = su_closure_load(c->home.db, err);
    if (!closure || su_closure_walk(closure, &site.profile, err) < 0)
        return -1;
    su_json_text(&c->json, "site", site.code);
    su_json_open(&c->json, "excluded", '[');
    int result = list_excluded(c, closure, counts, err);
    su_json_close(&c->json, ']');
    su_json_open(&c->json, "counts", '{');
    for (size_t i = 0; i < SU_EXCLUSIONS; i++)
        su_json_int(&c->json, keys[i], (int64_t)counts[i]);
    su_json_close(&c->json, '}');
    su_line(c,
            "%s: %s updates travel; not: %s for the product, %s for the classification, %s for both, %s not "
            "needed, %s expired by rule",
            site.code, su_count_text(counts[0]), su_count_text(counts[1]), su_count_text(counts[2]),
            su_count_text(counts[3]), su_count_text(counts[4]), su_count_text(counts[5]));
    return result;
}

int cmd_audit_receipts(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const char *site = su_given(c, "site") ? su_given(c, "site") : "";
    int more;
    if (su_query(
            c->home.db, &rows, err,
            "SELECT s.code, r.taken, r.kind, r.sequence, r.entry, r.content_owed, r.text FROM receipt r JOIN "
            "site s USING (site_id) WHERE ?1='' OR s.code=?1 ORDER BY receipt_id",
            SU_T(site)) < 0)
        return -1;
    su_json_open(&c->json, "receipts", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "site", su_rows_text(&rows, 0));
        su_json_text(&c->json, "time", su_rows_text(&rows, 1));
        su_json_text(&c->json, "kind", su_rows_text(&rows, 2));
        su_json_int(&c->json, "sequence", su_rows_int(&rows, 3));
        su_json_int(&c->json, "entry", su_rows_int(&rows, 4));
        su_json_int(&c->json, "content_owed", su_rows_int(&rows, 5));
        su_json_text(&c->json, "text", su_rows_text(&rows, 6));
        su_json_close(&c->json, '}');
        su_line(c, "# %s sequence %lld, %s, taken %s", su_rows_text(&rows, 0),
                (long long)su_rows_int(&rows, 3), su_rows_text(&rows, 2), su_rows_text(&rows, 1));
        for (const char *at = su_rows_text(&rows, 6);
             *at;) { /* a line each: a line end is not shown as text */
            size_t n = strcspn(at, "\n");
            su_line(c, "%.*s", (int)n, at);
            at += n + (at[n] == '\n');
        }
    }
    su_json_close(&c->json, ']');
    return more;
}
