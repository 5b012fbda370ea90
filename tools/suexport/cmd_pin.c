/*
 * cmd_pin.c - single updates that travel to every site, whatever its profile.
 */
#include <string.h>

#include "common/catalogue/pin.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

struct pinning {
    struct su_context *c;
    bool is_removal;
    uint64_t changed, unchanged;
};

static int change_one(struct pinning *p, const struct su_guid *id, const char *word, struct su_err *err)
{
    struct su_db *db = p->c->home.db;
    char text[SU_GUID_TEXT];
    bool is_pinned;
    if (su_pin_has(db, id, &is_pinned, err) < 0 ||
        (p->is_removal ? su_pin_remove(db, id, err)
                       : su_pin_add(db, id, SU_PIN_OPERATOR, su_given(p->c, "note"), err)) < 0)
        return -1;
    bool is_changed = is_pinned == p->is_removal;
    (*(is_changed ? &p->changed : &p->unchanged))++;
    su_json_text(&p->c->json, NULL, su_guid_format(id, text));
    su_line(p->c, "%s  %s (%s)", text,
            p->is_removal ? (is_changed ? "no longer pinned" : "was not pinned")
            : is_changed  ? "pinned"
                          : "is pinned already",
            word);
    return 0;
}

/* An id need not be held, so that a pin can be taken back after its update has gone. */
static int change(struct pinning *p, struct su_err *err)
{
    const char *word;
    for (size_t n = 0; (word = su_argument(p->c, n)); n++) {
        SU_AUTO(su_ids) struct su_ids ids = {0};
        struct su_guid id;
        if (su_guid_parse(&id, word, strlen(word))) {
            bool is_pinned;
            if (su_pin_has(p->c->home.db, &id, &is_pinned, err) < 0)
                return -1;
            if (p->is_removal && is_pinned) {
                if (change_one(p, &id, word, err) < 0)
                    return -1;
                continue;
            }
        }
        if (su_look_up(p->c->home.db, word, &ids, err) < 0)
            return -1;
        for (size_t i = 0; i < ids.list.count; i++)
            if (change_one(p, &ids.list.at[i], word, err) < 0)
                return -1;
    }
    return 0;
}

static int note(const struct pinning *p, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf detail = SU_BUF_INIT(8192);
    struct su_ledger_entry entry = {.actor = &p->c->actor, .kind = "pin", .site = ""};
    uint64_t count;
    const char *word;
    if (p->changed == 0)
        return 0;
    su_buf_adds(&detail, p->is_removal ? "removed" : "added");
    for (size_t n = 0; (word = su_argument(p->c, n)) && detail.length < 4096; n++)
        su_buf_addf(&detail, " %.80s", word);
    if (su_buf_check(&detail, "a ledger entry", err) < 0 ||
        su_pin_digest(p->c->home.db, entry.subject, &count, err) < 0)
        return -1;
    entry.detail = detail.bytes;
    return su_ledger_add(p->c->home.db, &entry, err);
}

static int run(struct su_context *c, bool is_removal, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct pinning p = {.c = c, .is_removal = is_removal};
    su_json_open(&c->json, "updates", '[');
    int result = su_begin(&t, c->home.db, err) < 0 || change(&p, err) < 0 || note(&p, err) < 0 ||
                         su_commit(&t, err) < 0
                     ? -1
                     : 0;
    su_json_close(&c->json, ']');
    if (result < 0)
        return su_after(err, "Nothing was written.");
    su_json_int(&c->json, "changed", (int64_t)p.changed);
    su_json_int(&c->json, "unchanged", (int64_t)p.unchanged);
    return 0;
}

int cmd_pin_add(struct su_context *c, struct su_err *err)
{
    return run(c, false, err);
}

int cmd_pin_remove(struct su_context *c, struct su_err *err)
{
    return run(c, true, err);
}

int cmd_pin_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char text[SU_GUID_TEXT];
    struct su_guid id;
    int64_t count = 0;
    int more;
    if (su_query(
            c->home.db, &rows, err,
            "SELECT p.update_id, p.reason, p.added, p.note, v.kb, v.title FROM pin p LEFT JOIN revision r ON "
            "r.update_id=p.update_id AND r.revision=(SELECT max(revision) FROM revision n WHERE "
            "n.update_id=p.update_id) LEFT JOIN v_update v ON v.rev_id=r.rev_id ORDER BY p.added, "
            "p.update_id") < 0)
        return -1;
    su_json_open(&c->json, "pins", '[');
    for (; (more = su_rows_next(&rows, err)) > 0; count++) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        const char *kb = su_rows_text(&rows, 4), *title = su_rows_text(&rows, 5),
                   *why = su_rows_text(&rows, 3);
        bool is_held = !su_rows_is_null(&rows, 5);
        su_guid_format(&id, text);
        su_line(c, "%s  %-11s %.10s  %s%-10s %s%s%s", text, su_rows_text(&rows, 1), su_rows_text(&rows, 2),
                kb[0] ? "KB" : "  ", kb, is_held ? title : "(not held)", why[0] ? "; " : "", why);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", text);
        su_json_text(&c->json, "reason", su_rows_text(&rows, 1));
        su_json_text(&c->json, "added", su_rows_text(&rows, 2));
        su_json_text(&c->json, "note", why);
        su_json_text(&c->json, "kb", kb);
        su_json_text(&c->json, "title", title);
        su_json_bool(&c->json, "is_held", is_held);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    su_json_int(&c->json, "count", count);
    su_line(c, "%s pinned", su_count_text((uint64_t)count));
    return more;
}
