#include "common/hub/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void su_site_cleanup(struct su_site *site)
{
    su_profile_cleanup(&site->profile);
    su_buf_cleanup(&site->public_key);
    free(site->children.at);
    site->children.at = NULL;
    site->children.count = site->children.capacity = 0;
}

int su_site_add_child(struct su_site *s, const char *code, struct su_err *err)
{
    size_t at = 0;
    if (!su_site_code_is_valid(code) || strcmp(code, s->code) == 0)
        return su_fail(err, SU_USAGE, "'%s' is no code of another site, of the form [A-Z0-9-]{1,16}", code);
    while (at < s->children.count && strcmp(s->children.at[at].code, code) < 0)
        at++;
    if (at < s->children.count && strcmp(s->children.at[at].code, code) == 0)
        return 0;
    if (!SU_PUSH(&s->children, SU_MAX_CHILDREN))
        return su_fail_full(err, "site %s has more than %u child sites", s->code, SU_MAX_CHILDREN);
    memmove(s->children.at + at + 1, s->children.at + at,
            (s->children.count - 1 - at) * sizeof *s->children.at);
    (void)snprintf(s->children.at[at].code, sizeof s->children.at[at].code, "%s", code);
    return 0;
}

void su_site_drop_child(struct su_site *s, const char *code)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->children.count; i++)
        if (strcmp(s->children.at[i].code, code) != 0)
            s->children.at[kept++] = s->children.at[i];
    s->children.count = kept;
}

static int load_children(struct su_db *db, struct su_site *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err, "SELECT code FROM site_child WHERE site_id=?1 ORDER BY code",
                 SU_I(s->site_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_site_add_child(s, su_rows_text(&rows, 0), err) < 0)
            return -1;
    return more;
}

static int load_items(struct su_db *db, struct su_site *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err, "SELECT kind, value FROM site_item WHERE site_id=?1 ORDER BY kind, value",
                 SU_I(s->site_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        int64_t kind = su_rows_int(&rows, 0);
        if (kind < SU_ITEM_PRODUCT || kind > SU_ITEM_APPROVAL)
            return su_fail(err, SU_DATA, "database: a profile item has an unknown kind");
        if (su_profile_add(&s->profile, (enum su_item_kind)kind, su_rows_text(&rows, 1), err) < 0)
            return -1;
    }
    return more;
}

int su_site_load(struct su_db *db, const char *code, struct su_site *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_query(db, &rows, err,
                 "SELECT site_id, content_mode, express, promise_days, public_key, acknowledged,"
                 " coalesce((SELECT max(sequence) FROM export e WHERE e.site_id=s.site_id), 0),"
                 " coalesce((SELECT max(sequence) FROM export e WHERE e.site_id=s.site_id AND kind='full'), "
                 "0), jump_limit,"
                 " complete, newest_entry, content_owed, kept_from, numbers_used, code_secret"
                 " FROM site s WHERE code=?1",
                 SU_T(code)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0)
        return -1;
    if (more == 0)
        return su_fail(err, SU_SITE_UNKNOWN, "no site %s is known here", code);
    s->site_id = su_rows_int(&rows, 0);
    (void)snprintf(s->code, sizeof s->code, "%s", code);
    s->profile.content = (enum su_content_mode)(su_rows_int(&rows, 1) & 3);
    s->profile.has_express = su_rows_int(&rows, 2) != 0;
    s->promise_days = (uint64_t)su_rows_int(&rows, 3);
    su_buf_clear(&s->public_key);
    su_buf_adds(&s->public_key, su_rows_text(&rows, 4));
    s->acknowledged = (uint64_t)su_rows_int(&rows, 5);
    s->last_sent = (uint64_t)su_rows_int(&rows, 6);
    s->last_full = (uint64_t)su_rows_int(&rows, 7);
    s->jump_limit = (uint64_t)su_rows_int(&rows, 8);
    s->complete = (uint64_t)su_rows_int(&rows, 9);
    s->newest_entry = (uint64_t)su_rows_int(&rows, 10);
    s->content_owed = (uint64_t)su_rows_int(&rows, 11);
    s->kept_from = (uint64_t)su_rows_int(&rows, 12);
    s->numbers_used = (uint64_t)su_rows_int(&rows, 13);
    (void)snprintf(s->code_secret, sizeof s->code_secret, "%s", su_rows_text(&rows, 14));
    if (su_buf_check(&s->public_key, "a site's key", err) < 0)
        return -1;
    return load_items(db, s, err) < 0 ? -1 : load_children(db, s, err);
}

int su_site_save(struct su_db *db, struct su_site *s, bool is_new, struct su_err *err)
{
    bool found;
    int64_t id;
    if (!su_site_code_is_valid(s->code))
        return su_fail(err, SU_USAGE, "site code '%s' is not of the form [A-Z0-9-]{1,16}", s->code);
    if (su_query_int(db, &id, &found, err, "SELECT site_id FROM site WHERE code=?1", SU_T(s->code)) < 0)
        return -1;
    if (found && is_new)
        return su_fail(err, SU_EXISTS, "site %s exists already; change it with: suexport site set %s",
                       s->code, s->code);
    if (is_new) {
        if (su_run(db, err,
                   "INSERT INTO site (code, content_mode, express, promise_days, public_key, acknowledged)"
                   " VALUES (?1,0,0,0,'',0)",
                   SU_T(s->code)) < 0)
            return -1;
        s->site_id = su_db_last_rowid(db);
    }
    su_profile_sort(&s->profile);
    if (su_run(db, err,
               "UPDATE site SET content_mode=?2, express=?3, promise_days=?4, public_key=?5, jump_limit=?6,"
               " code_secret=?7, newest_entry=?8 WHERE site_id=?1",
               SU_I(s->site_id), SU_I(s->profile.content), SU_I(s->profile.has_express),
               SU_I(s->promise_days), SU_T(s->public_key.bytes ? s->public_key.bytes : ""),
               SU_I(s->jump_limit), SU_T(s->code_secret), SU_I(s->newest_entry)) < 0 ||
        su_run(db, err, "DELETE FROM site_item WHERE site_id=?1", SU_I(s->site_id)) < 0 ||
        su_run(db, err, "DELETE FROM site_child WHERE site_id=?1", SU_I(s->site_id)) < 0)
        return -1;
    for (size_t i = 0; i < s->children.count; i++)
        if (su_run(db, err, "INSERT INTO site_child VALUES (?1,?2)", SU_I(s->site_id),
                   SU_T(s->children.at[i].code)) < 0)
            return -1;
    for (size_t i = 0; i < s->profile.items.count; i++)
        if (su_run(db, err, "INSERT INTO site_item VALUES (?1,?2,?3)", SU_I(s->site_id),
                   SU_I(s->profile.items.at[i].kind), SU_T(s->profile.items.at[i].value)) < 0)
            return -1;
    return 0;
}

int su_urgent_next(struct su_db *db, const struct su_site *s, uint64_t *out, struct su_err *err)
{
    int64_t last;
    if (su_query_int(db, &last, NULL, err,
                     "SELECT max(urgent_taken, coalesce((SELECT max(number) FROM urgent_export u WHERE "
                     "u.site_id=s.site_id), 0)) FROM site s WHERE site_id=?1",
                     SU_I(s->site_id)) < 0)
        return -1;
    *out = (uint64_t)last + 1;
    return 0;
}
