#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/hub/export.h"
#include "common/hub/site.h"
#include "common/hub/successor.h"
#include "common/point/ledger.h"
#include "common/receipt/receipt_code.h"
#include "common/trust/keys.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

#define DEFAULT_PROMISE_DAYS 35 /* a monthly rhythm with some days to spare */

static void drop_kind(struct su_profile *p, enum su_item_kind kind, const char *value)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->items.count; i++)
        if (p->items.at[i].kind != kind || (value && strcmp(p->items.at[i].value, value) != 0))
            p->items.at[kept++] = p->items.at[i];
    p->items.count = kept;
}

static int add_named(struct su_context *c, struct su_profile *p, enum su_item_kind kind, const char *name,
                     struct su_err *err)
{
    struct su_guid id;
    char text[SU_GUID_TEXT];
    if (kind == SU_ITEM_LANGUAGE)
        return su_profile_add(p, kind, name, err);
    if (su_category_resolve(c->home.db, kind == SU_ITEM_CLASSIFICATION ? "UpdateClassification" : NULL, name,
                            &id, err) < 0)
        return -1;
    return su_profile_add(p, kind, su_guid_format(&id, text), err);
}

/* "a, b; c"; a list replaces what the profile had. A name that holds a comma itself is tried whole. */
static int add_list(struct su_context *c, struct su_profile *p, enum su_item_kind kind, const char *list,
                    struct su_err *err)
{
    struct su_err whole = SU_ERR_INIT;
    if (list[0] && kind != SU_ITEM_LANGUAGE && add_named(c, p, kind, list, &whole) == 0)
        return 0;
    while (*list) {
        char name[512];
        size_t n = strcspn(list, ",;"), from = strspn(list, " "), to = n;
        while (to > from && list[to - 1] == ' ')
            to--;
        if (to - from >= sizeof name)
            return su_fail(err, SU_USAGE, "a name in the list is too long");
        (void)snprintf(name, sizeof name, "%.*s", (int)(to > from ? to - from : 0), list + from);
        if (name[0] && add_named(c, p, kind, name, err) < 0)
            return -1;
        list += n + (list[n] != 0);
    }
    return 0;
}

static int take_kind(struct su_context *c, struct su_profile *p, enum su_item_kind kind, const char *one,
                     const char *many, struct su_err *err)
{
    const char *value;
    if (su_has(c, many) || (one && su_has(c, one)))
        drop_kind(p, kind, NULL);
    for (size_t n = 0; (value = su_given_at(c, many, n)); n++)
        if (add_list(c, p, kind, value, err) < 0)
            return -1;
    for (size_t n = 0; one && (value = su_given_at(c, one, n)); n++)
        if (add_named(c, p, kind, value, err) < 0)
            return -1;
    return 0;
}

static int take_approvals(struct su_context *c, struct su_profile *p, const char *option, bool is_approved,
                          struct su_err *err)
{
    const char *word;
    for (size_t n = 0; (word = su_given_at(c, option, n)); n++) {
        SU_AUTO(su_ids) struct su_ids ids = {0};
        if (su_look_up(c->home.db, word, &ids, err) < 0)
            return -1;
        for (size_t i = 0; i < ids.list.count; i++) {
            char text[SU_GUID_TEXT];
            su_guid_format(&ids.list.at[i], text);
            drop_kind(p, SU_ITEM_APPROVAL, text);
            if (is_approved && su_profile_add(p, SU_ITEM_APPROVAL, text, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int take_children(struct su_context *c, struct su_site *s, struct su_err *err)
{
    const char *code;
    for (size_t n = 0; (code = su_given_at(c, "child", n)); n++)
        if (su_site_add_child(s, code, err) < 0)
            return -1;
    for (size_t n = 0; (code = su_given_at(c, "no-child", n)); n++)
        su_site_drop_child(s, code);
    return 0;
}

static int take_options(struct su_context *c, struct su_site *s, struct su_err *err)
{
    const char *content = su_given(c, "content"), *express = su_given(c, "express"),
               *key = su_given(c, "key");
    if (content && !su_content_mode_parse(&s->profile.content, content))
        return su_fail(err, SU_USAGE, "--content %s is none of none, licence, approved, all", content);
    if (express && strcmp(express, "yes") != 0 && strcmp(express, "no") != 0)
        return su_fail(err, SU_USAGE, "--express %s is neither yes nor no", express);
    if (express)
        s->profile.has_express = strcmp(express, "yes") == 0;
    if (su_given_number(c, "promise-days", 36500, &s->promise_days, err) < 0 ||
        su_given_number(c, "jump-limit", 999999, &s->jump_limit, err) < 0 || take_children(c, s, err) < 0 ||
        take_kind(c, &s->profile, SU_ITEM_PRODUCT, "product", "products", err) < 0 ||
        take_kind(c, &s->profile, SU_ITEM_CLASSIFICATION, "classification", "classifications", err) < 0 ||
        take_kind(c, &s->profile, SU_ITEM_LANGUAGE, NULL, "languages", err) < 0 ||
        take_approvals(c, &s->profile, "approve", true, err) < 0 ||
        take_approvals(c, &s->profile, "unapprove", false, err) < 0)
        return -1;
    if (key) {
        SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
        if (su_keys_read_public(AT_FDCWD, key, &file, err) < 0)
            return -1;
        if (su_spoken_secret_read(key, s->code_secret, err) < 0)
            return -1;
        s->newest_entry = 0; /* a site that was set up anew counts its ledger from 1 again */
        su_buf_clear(&s->public_key);
        if (su_key_save_public(&file.key, &s->public_key, err) < 0)
            return -1;
    }
    return 0;
}

static void on_successor(void *context, const struct su_product_successor *s)
{
    struct su_context *c = context;
    char id[SU_GUID_TEXT];
    su_line(c, "  %s goes on as %s (%s), which this profile does not take", s->product, s->successor,
            su_guid_format(&s->id, id));
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "product", s->product);
    su_json_text(&c->json, "successor", s->successor);
    su_json_text(&c->json, "update_id", id);
    su_json_close(&c->json, '}');
}

static int answer(struct su_context *c, const struct su_site *s, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64);
    struct su_err ignored = SU_ERR_INIT;
    uint8_t digest[SU_SHA256_BYTES] = {0};
    su_profile_format(&s->profile, &text);
    su_profile_format_approvals(&s->profile, &text);
    if (su_profile_digest(&s->profile, digest, &ignored) == 0)
        su_json_hex(&c->json, "profile_digest", digest, SU_SHA256_BYTES);
    su_json_text(&c->json, "site", s->code);
    su_json_text(&c->json, "profile", text.bytes);
    su_json_int(&c->json, "promise_days", (int64_t)s->promise_days);
    su_json_int(&c->json, "jump_limit", (int64_t)s->jump_limit);
    su_json_open(&c->json, "children", '[');
    for (size_t i = 0; i < s->children.count; i++)
        su_json_text(&c->json, NULL, s->children.at[i].code);
    su_json_close(&c->json, ']');
    su_json_bool(&c->json, "is_enrolled", s->public_key.length > 0);
    su_json_bool(&c->json, "takes_codes", s->code_secret[0] != 0);
    su_json_int(&c->json, "last_sent", (int64_t)s->last_sent);
    su_json_int(&c->json, "acknowledged", (int64_t)s->acknowledged);
    su_line(c, "site %s   last sent %llu, acknowledged %llu, promise %llu days, %s", s->code,
            (unsigned long long)s->last_sent, (unsigned long long)s->acknowledged,
            (unsigned long long)s->promise_days,
            !s->public_key.length ? "not enrolled for receipts"
            : s->code_secret[0]   ? "enrolled for receipts and telephone codes"
                                  : "enrolled for receipts");
    for (size_t i = 0; i < s->children.count; i++)
        su_line(c, "  may be relayed to %s", s->children.at[i].code);
    for (char *line = text.bytes; line && *line;) {
        size_t n = strcspn(line, "\n");
        su_line(c, "  %.*s", (int)n, line);
        line += n + (line[n] != 0);
    }
    su_json_open(&c->json, "successors", '[');
    int result = su_successors(c->home.db, &s->profile, on_successor, c, err);
    su_json_close(&c->json, ']');
    return result;
}

/* What a changed profile will do to a site that has bundles already, before one is made. It is advice: what
 * keeps a plan from being made is said when it is asked for. */
static void foretell(struct su_context *c, const struct su_site *s)
{
    SU_AUTO(su_export_result) struct su_export_result r = SU_EXPORT_RESULT_INIT;
    struct su_export_options o = {.site = s->code, .actor = &c->actor, .is_plan = true};
    struct su_err why = SU_ERR_INIT;
    if (su_export(&c->home, &o, &c->events, &r, &why) < 0) {
        su_line(c, "  the next bundle could not be planned: %s", why.text);
        return;
    }
    su_json_open(&c->json, "next", '{');
    su_json_int(&c->json, "new", (int64_t)r.new);
    su_json_int(&c->json, "removed", (int64_t)r.removed);
    su_json_int(&c->json, "files", (int64_t)r.files);
    su_json_close(&c->json, '}');
    su_line(c, "  the next bundle would add %s updates and %s files, and would remove %s updates%s",
            su_count_text(r.new), su_count_text(r.files), su_count_text(r.removed), r.removed ? ":" : "");
    for (size_t i = 0; i < r.leaving.count && i < 20; i++)
        su_line(c, "    %s", r.leaving.at[i].text);
    if (r.removed > 20)
        su_line(c, "    and %s more; 'suexport plan' lists them", su_count_text(r.removed - 20));
}

static int profile_text(const struct su_site *s, struct su_buf *out, struct su_err *err)
{
    su_profile_format(&s->profile, out);
    su_profile_format_approvals(&s->profile, out);
    return su_buf_check(out, "a profile", err);
}

static int save(struct su_context *c, struct su_site *s, bool is_new, struct su_err *err)
{
    SU_AUTO(su_buf)
    struct su_buf before = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64),
                  now = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64);
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_ledger_entry entry = {
        .actor = &c->actor, .kind = "site", .site = s->code, .detail = is_new ? "added" : "changed"};
    if (profile_text(s, &before, err) < 0 || take_options(c, s, err) < 0 ||
        su_begin(&t, c->home.db, err) < 0 || su_site_save(c->home.db, s, is_new, err) < 0 ||
        su_profile_digest(&s->profile, entry.subject, err) < 0 ||
        su_ledger_add(c->home.db, &entry, err) < 0 || su_commit(&t, err) < 0)
        return su_after(err, "Nothing was written.");
    if (answer(c, s, err) < 0)
        return -1;
    su_profile_sort(&s->profile);
    if (s->last_sent > 0 && profile_text(s, &now, err) == 0 && strcmp(before.bytes, now.bytes) != 0)
        foretell(c, s);
    return 0;
}

int cmd_site_add(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site s = SU_SITE_INIT;
    if (!su_site_code_is_valid(su_argument(c, 0)))
        return su_fail(err, SU_USAGE, "site code '%s' is not of the form [A-Z0-9-]{1,16}", su_argument(c, 0));
    (void)snprintf(s.code, sizeof s.code, "%s", su_argument(c, 0));
    s.profile.content = SU_CONTENT_ALL;
    s.promise_days = DEFAULT_PROMISE_DAYS;
    s.jump_limit = SU_DEFAULT_JUMP_LIMIT;
    return save(c, &s, true, err);
}

int cmd_site_set(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site s = SU_SITE_INIT;
    return su_site_load(c->home.db, su_argument(c, 0), &s, err) < 0 ? -1 : save(c, &s, false, err);
}

static int show_exports(struct su_context *c, const struct su_site *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char name[40];
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT sequence, kind, exported, volumes, bytes, records, files, lower(hex(state_digest)) "
                 "FROM export WHERE site_id=?1 ORDER BY sequence",
                 SU_I(s->site_id)) < 0)
        return -1;
    su_json_open(&c->json, "bundles", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        (void)snprintf(name, sizeof name, "SU-%s-%06lld", s->code, (long long)su_rows_int(&rows, 0));
        su_line(c, "  %s  %-5s %s  %lld volumes, %s, %lld records, %lld files%s", name,
                su_rows_text(&rows, 1), su_rows_text(&rows, 2), (long long)su_rows_int(&rows, 3),
                su_bytes_text((uint64_t)su_rows_int(&rows, 4)), (long long)su_rows_int(&rows, 5),
                (long long)su_rows_int(&rows, 6),
                (uint64_t)su_rows_int(&rows, 0) <= s->acknowledged ? ", acknowledged" : "");
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "bundle", name);
        su_json_int(&c->json, "sequence", su_rows_int(&rows, 0));
        su_json_text(&c->json, "kind", su_rows_text(&rows, 1));
        su_json_text(&c->json, "exported", su_rows_text(&rows, 2));
        su_json_int(&c->json, "bytes", su_rows_int(&rows, 4));
        su_json_text(&c->json, "state_digest", su_rows_text(&rows, 7));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

int cmd_site_show(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site s = SU_SITE_INIT;
    return su_site_load(c->home.db, su_argument(c, 0), &s, err) < 0 || answer(c, &s, err) < 0
               ? -1
               : show_exports(c, &s, err);
}

int cmd_site_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(c->home.db, &rows, err, "SELECT code FROM site ORDER BY code") < 0)
        return -1;
    su_json_open(&c->json, "sites", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        SU_AUTO(su_site) struct su_site s = SU_SITE_INIT;
        if (su_site_load(c->home.db, su_rows_text(&rows, 0), &s, err) < 0)
            return -1;
        su_json_open(&c->json, NULL, '{');
        if (answer(c, &s, err) < 0)
            return -1;
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}
