#include <stdio.h>

#include "common/base/limits.h"
#include "common/site/position.h"
#include "common/site/promise.h"
#include "tools/cli/look_report.h"
#include "tools/suimport/commands.h"

enum { IMPORTS = 12, HOLES = 30 };

struct standing {
    char hub[128], imported[SU_TIME_TEXT];
    int64_t import_id, sequence, promise_days, holes, link;
    struct su_age age;
};

static int load_standing(struct su_reporting *g, struct standing *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *s = (struct standing){.link = 0};
    if (su_query(g->c->home.db, &rows, err,
                 "SELECT import_id, sequence, promise_days, hub, imported FROM import WHERE NOT undone ORDER "
                 "BY import_id DESC LIMIT 1") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0)
        return -1;
    if (more > 0) {
        s->import_id = su_rows_int(&rows, 0);
        s->sequence = su_rows_int(&rows, 1);
        s->promise_days = su_rows_int(&rows, 2);
        (void)snprintf(s->hub, sizeof s->hub, "%s", su_rows_text(&rows, 3));
        (void)snprintf(s->imported, sizeof s->imported, "%s", su_rows_text(&rows, 4));
    }
    s->age = su_age_since(s->imported, (uint64_t)s->promise_days);
    if (su_query_int(g->c->home.db, &s->holes, NULL, err, "SELECT count(*) FROM hole WHERE import_id=?1",
                     SU_I(s->import_id)) < 0)
        return -1;
    s->link = s->holes > 0 || s->age.overdue_days > 0;
    return 0;
}

static const struct su_report_column tile_columns[] = {
    SU_REPORT_TILES,
    {"last_sequence", "Last bundle", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"last_import_days", "Since its import", SU_COLUMN_NUMBER, SU_NO_CHART},
    SU_COLUMNS_END,
};

static int glance(struct su_reporting *g, struct su_err *err)
{
    struct standing s;
    if (load_standing(g, &s, err) < 0 || su_report_glance(g, tile_columns, s.link, err) < 0)
        return -1;
    su_report_count(&g->report, (uint64_t)s.sequence);
    su_report_age(&g->report, s.imported);
    return 0;
}

static int status(struct su_reporting *g, struct su_err *err)
{
    struct standing s;
    su_report_section(&g->report, "status", "Synchronization status", false);
    su_report_part(&g->report, SU_PART_TABLE, "points", "", su_report_status_columns, "");
    if (load_standing(g, &s, err) < 0 || su_report_own_status(g, s.hub, s.link, err) < 0)
        return -1;
    su_report_say(&g->report, "All times are UTC. The link is healthy when nothing is owed and no promised "
                              "bundle is late, degraded otherwise.");
    if (s.promise_days > 0)
        su_report_say(&g->report, "The hub promised a bundle every %lld days%s", (long long)s.promise_days,
                      s.age.overdue_days > 0 ? "; the next one is late." : ".");
    return 0;
}

static const struct su_report_column import_columns[] = {
    {"sequence", "Bundle", SU_COLUMN_NUMBER, SU_NO_CHART},
    {"kind", "Kind", SU_COLUMN_WORD, SU_NO_CHART},
    {"hub", "Hub", SU_COLUMN_TEXT, SU_NO_CHART},
    {"created", "Catalogue of", SU_COLUMN_WORDS, SU_NO_CHART},
    {"imported", "Imported", SU_COLUMN_WORDS, SU_NO_CHART},
    {"is_undone", "Undone", SU_COLUMN_WORD, SU_NO_CHART},
    {"manifest_sha256", "Manifest", SU_COLUMN_CODE, SU_NO_CHART},
    SU_COLUMNS_END,
};

static int bundles(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    int more;
    if (su_query(g->c->home.db, &rows, err,
                 "SELECT sequence, kind, hub, created, imported, undone, lower(hex(manifest_sha256)) FROM "
                 "import ORDER BY import_id "
                 "DESC LIMIT ?1",
                 SU_I(IMPORTS)) < 0)
        return -1;
    su_report_section(r, "bundles", "Bundles", false);
    su_report_part(r, SU_PART_TABLE, "imports", "", import_columns, "No bundle was imported yet.");
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_report_count(r, (uint64_t)su_rows_int(&rows, 0));
        su_report_text(r, su_rows_text(&rows, 1));
        su_report_text(r, su_rows_text(&rows, 2));
        su_report_when(r, su_rows_text(&rows, 3));
        su_report_when(r, su_rows_text(&rows, 4));
        su_report_text(r, su_rows_int(&rows, 5) ? "yes" : "no");
        su_report_text(r, su_rows_text(&rows, 6));
    }
    return more;
}

static const struct su_report_column hole_columns[] = {
    {"line", "What", SU_COLUMN_CODE, SU_NO_CHART},
    {"bundle", "Carried by", SU_COLUMN_WORD, SU_NO_CHART},
    SU_COLUMNS_END,
};

static int holes(struct su_reporting *g, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_report *r = &g->report;
    struct standing s;
    int more;
    if (load_standing(g, &s, err) < 0 ||
        su_query(g->c->home.db, &rows, err,
                 "SELECT line, bundle FROM hole WHERE import_id=?1 ORDER BY line LIMIT ?2", SU_I(s.import_id),
                 SU_I(HOLES)) < 0)
        return -1;
    su_report_section(r, "owed", "What the bundles owe", false);
    if (s.holes > HOLES)
        su_report_say(r, "The first %d of %lld.", HOLES, (long long)s.holes);
    su_report_part(r, SU_PART_TABLE, "holes", "", hole_columns,
                   "Nothing: the closure holds and every file came.");
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_report_text(r, su_rows_text(&rows, 0));
        su_report_text(r, su_rows_text(&rows, 1));
    }
    return more;
}

int cmd_report(struct su_context *c, struct su_err *err)
{
    static const su_report_maker makers[] = {glance,
                                             su_report_alerts,
                                             status,
                                             bundles,
                                             holes,
                                             su_report_history,
                                             su_report_catalogue,
                                             su_report_security,
                                             su_report_sizes,
                                             su_report_missing,
                                             su_report_ledger,
                                             NULL};
    return su_look_report(c, makers, err);
}
