#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/receipt/receipt_code.h"
#include "common/receipt/statement.h"
#include "common/site/position.h"
#include "common/site/promise.h"
#include "tools/cli/check.h"
#include "tools/cli/look.h"
#include "tools/suimport/commands.h"

static int give_code(struct su_context *c, struct su_err *err)
{
    struct su_receipt receipt = {.sequence = 0};
    struct su_spoken code;
    char secret[SU_SECRET_TEXT], text[SU_SPOKEN_TEXT];
    bool is_new;
    if (su_receipt_fill(&c->home, &receipt, err) < 0 || su_spoken_secret(&c->home, secret, &is_new, err) < 0)
        return -1;
    int result = su_spoken_make(&receipt, secret, &code, err);
    su_wipe(secret, sizeof secret);
    if (result < 0)
        return -1;
    su_spoken_format(&code, text);
    su_json_text(&c->json, "code", text);
    su_line(c, "%s", text);
    if (is_new)
        su_message(&c->events, SU_OK, SU_WARNING,
                   "the secret for codes was made just now: the hub takes none before keys/site.enrol is "
                   "carried there");
    return 0;
}

static int give_state(struct su_context *c, const char *out, struct su_err *err)
{
    uint64_t revisions, files;
    if (!out || su_has(c, "code"))
        return su_fail(err, SU_USAGE, "--state needs --out FILE, and goes without --code");
    if (su_statement_make(&c->home, out, &revisions, &files, err) < 0)
        return -1;
    su_json_int(&c->json, "revisions", (int64_t)revisions);
    su_json_int(&c->json, "files", (int64_t)files);
    su_line(c, "state file written to %s: %s revisions, %s files. It is an inventory of this site.", out,
            su_count_text(revisions), su_count_text(files));
    return 0;
}

int cmd_receipt(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_RECEIPT_BYTES);
    const char *out = su_given(c, "out");
    if (su_has(c, "state"))
        return give_state(c, out, err);
    if (su_has(c, "code"))
        return out ? su_fail(err, SU_USAGE, "--code is read aloud; it takes no --out") : give_code(c, err);
    if (su_receipt_make(&c->home, &text, err) < 0)
        return -1;
    if (out && su_path_save(out, 0644, false, text.bytes, text.length, err) < 0)
        return -1;
    su_json_text(&c->json, "receipt", text.bytes);
    if (out)
        su_line(c, "receipt written to %s (%zu bytes)", out, text.length);
    else if (!c->is_json)
        (void)fputs(text.bytes, stdout);
    return 0;
}

static void answer_promise(struct su_context *c, const struct su_position *p, const struct su_age *age)
{
    su_json_int(&c->json, "promise_days", (int64_t)p->promise_days);
    su_json_int(&c->json, "highest_sequence", (int64_t)p->highest);
    if (age->is_known)
        su_json_int(&c->json, "age_days", (int64_t)age->days);
    else
        su_json_text(&c->json, "age_days", NULL);
    su_json_int(&c->json, "overdue_days", (int64_t)age->overdue_days);
    if (p->highest > p->sequence)
        su_line(c, "  highest      bundle %llu was imported once and undone", (unsigned long long)p->highest);
    if (!p->has_import)
        return;
    char what[80] = "", since[160] = "the clock of this machine is before the last import; age unknown";
    if (p->promise_days > 0)
        (void)snprintf(what, sizeof what, "the hub promised a bundle every %llu days; ",
                       (unsigned long long)p->promise_days);
    if (age->is_known && age->overdue_days > 0)
        (void)snprintf(since, sizeof since, "the last was imported %llu days ago: overdue by %llu days",
                       (unsigned long long)age->days, (unsigned long long)age->overdue_days);
    else if (age->is_known)
        (void)snprintf(since, sizeof since, "the last was imported %llu days ago",
                       (unsigned long long)age->days);
    su_line(c, "  promise      %s%s", what, since);
}

/* Whether a bundle was refused for a gap or its signature since the newest import: the message id, and when.
 */
static int find_refused(struct su_context *c, int64_t *id, struct su_buf *when, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *id = 0;
    if (su_query(c->home.db, &rows, err,
                 "SELECT CAST(substr(detail, 1, 4) AS INTEGER) AS id, time FROM ledger WHERE kind='refuse' "
                 "AND (id IN "
                 "(7301, 7305) OR id BETWEEN 7310 AND 7317) AND entry>coalesce((SELECT max(entry) FROM "
                 "ledger WHERE "
                 "kind='import'), 0) ORDER BY entry DESC LIMIT 1") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more > 0) {
        *id = su_rows_int(&rows, 0);
        su_buf_adds(when, su_rows_text(&rows, 1));
    }
    return more < 0 ? -1 : su_buf_check(when, "a time", err);
}

static int check(struct su_context *c, const struct su_position *p, const struct su_age *age, int64_t holes,
                 int64_t refused, struct su_err *err)
{
    SU_AUTO(su_check) struct su_check check = SU_CHECK_INIT;
    if (refused > 0)
        su_check_add(&check, 2, "a bundle was refused since the last import: %lld %s", (long long)refused,
                     su_message_by_id((int)refused) ? su_message_by_id((int)refused)->text : "");
    if (age->overdue_days > 0)
        su_check_add(&check, 1, "the promised bundle is overdue by %llu days",
                     (unsigned long long)age->overdue_days);
    if (holes > 0)
        su_check_add(&check, 1, "%lld files or references are owed", (long long)holes);
    return su_check_ages(c, &check, p->imported, 35, 70, err) < 0
               ? -1
               : su_check_end(c, &check, "imported, and nothing is owed", err);
}

int cmd_status(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf refused_at = SU_BUF_INIT(64);
    int64_t refused;
    SU_AUTO(su_position) struct su_position p = SU_POSITION_INIT;
    SU_AUTO(su_buf) struct su_buf hub = SU_BUF_INIT(128);
    struct su_status facts = {.site_code = c->home.name, .server = c->home.name};
    int64_t owed, holes, keys;
    bool found;
    if (su_position_load(c->home.db, &p, err) < 0 ||
        su_query_text(c->home.db, &hub, &found, err,
                      "SELECT hub FROM import WHERE NOT undone ORDER BY import_id DESC LIMIT 1") < 0 ||
        su_query_int(c->home.db, &keys, NULL, err, "SELECT count(*) FROM trust") < 0 ||
        su_query_int(c->home.db, &holes, NULL, err, "SELECT count(*) FROM hole WHERE import_id=?1",
                     SU_I(p.import_id)) < 0 ||
        su_query_int(c->home.db, &owed, NULL, err,
                     "SELECT count(*) FROM hole WHERE import_id=?1 AND (line LIKE 'licence %' OR line LIKE "
                     "'content %')",
                     SU_I(p.import_id)) < 0)
        return -1;
    facts.state = p.state;
    facts.source = found ? hub.bytes : "";
    facts.last_sequence = p.sequence;
    struct su_age age = su_age_since(p.imported, p.promise_days);
    if (find_refused(c, &refused, &refused_at, err) < 0)
        return -1;
    facts.link = refused > 0 ? 2 : holes > 0 || age.overdue_days > 0 ? 1 : 0;
    facts.checked = refused > 0 ? refused_at.bytes : p.imported;
    c->is_muted = su_has(c, "check");
    if (su_look_status(c, &facts, err) < 0)
        return -1;
    su_json_int(&c->json, "content_owed", owed);
    su_json_int(&c->json, "holes", holes);
    su_json_int(&c->json, "trusted_keys", keys);
    su_line(c, "  bundle       %s%s%s", p.has_import ? p.bundle : "none yet",
            p.has_import ? ", imported " : "", p.imported);
    su_json_text(&c->json, "urgent", p.urgent.urgent_id ? p.urgent.bundle : NULL);
    su_json_int(&c->json, "urgent_updates", (int64_t)p.urgent.updates);
    if (p.urgent.urgent_id)
        su_line(c, "  urgent       %s, imported %s: %s updates beside the state, until bundle %llu",
                p.urgent.bundle, p.urgent.imported, su_count_text(p.urgent.updates),
                (unsigned long long)p.urgent.sequence);
    answer_promise(c, &p, &age);
    su_line(c, "  trust        %lld keys pinned", (long long)keys);
    if (holes > 0)
        su_line(c, "  owed         %lld files or references the hub signed as missing", (long long)holes);
    if (refused > 0)
        su_line(c, "  refused      a bundle, with message %lld at %s", (long long)refused, refused_at.bytes);
    return c->is_muted ? check(c, &p, &age, holes, refused, err) : 0;
}

int cmd_explain(struct su_context *c, struct su_err *err)
{
    const char *word = su_argument(c, 0);
    if (!su_look_is_id(word))
        return su_fail(err, SU_USAGE, "explain wants a message id of four or five digits");
    return su_look_explain_id(c, word, err);
}
