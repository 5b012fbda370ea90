#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/profile.h"
#include "common/source/upstream/upstream_server.h"
#include "tools/suexport/commands.h"

#define MOST_MISSING 100 /* of a server, shown */

static int copy(const char *what, const char *text, char *out, size_t room, struct su_err *err)
{
    int n = snprintf(out, room, "%s", text);
    return n < 0 || (size_t)n >= room ? su_fail(err, SU_USAGE, "--%s is too long", what) : 0;
}

static bool account_is_valid(const char *name)
{
    size_t n = strlen(name);
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    return n > 0 && n < 255 && strchr(plain, name[0]) && strchr(plain, name[n - 1]) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

static int take_options(struct su_context *c, struct su_server *s, struct su_err *err)
{
    const char *ca = su_given(c, "ca-file"), *proxy = su_given(c, "proxy"), *name = su_given(c, "account"),
               *id = su_given(c, "account-id"), *replica = su_given(c, "replica");
    if ((ca && copy("ca-file", ca, s->ca_file, sizeof s->ca_file, err) < 0) ||
        (proxy && su_server_set_proxy(s, proxy, err) < 0))
        return -1;
    if (name && !account_is_valid(name))
        return su_fail(err, SU_USAGE, "--account %s cannot be the name of a host", name);
    if (name && copy("account", name, s->account_name, sizeof s->account_name, err) < 0)
        return -1;
    if (id && !su_guid_parse(&s->account_id, id, strlen(id)))
        return su_fail(err, SU_USAGE, "--account-id %s is not a GUID", id);
    if (replica && strcmp(replica, "yes") != 0 && strcmp(replica, "no") != 0)
        return su_fail(err, SU_USAGE, "--replica %s is neither yes nor no", replica);
    if (replica)
        s->is_replica = strcmp(replica, "yes") == 0;
    return 0;
}

int cmd_source_add(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_server s;
    const char *url = su_argument(c, 0);
    char id[SU_GUID_TEXT];
    if (su_server_get(c->home.db, url, &s, err) < 0 &&
        (err->code != SU_NO_SOURCE || su_server_make(&s, url, c->home.name, err) < 0))
        return -1;
    if (take_options(c, &s, err) < 0 || su_begin(&t, c->home.db, err) < 0 ||
        su_server_put(c->home.db, &s, err) < 0 || su_commit(&t, err) < 0)
        return -1;
    su_json_text(&c->json, "source", s.url);
    su_json_text(&c->json, "account", s.account_name);
    su_json_text(&c->json, "account_id", su_guid_format(&s.account_id, id));
    su_json_bool(&c->json, "replica", s.is_replica);
    su_line(c, "%s, as %s %s%s", s.url, s.account_name, id, s.is_replica ? ", as its replica" : "");
    return 0;
}

int cmd_source_remove(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_server s;
    if (su_server_get(c->home.db, su_argument(c, 0), &s, err) < 0 || su_begin(&t, c->home.db, err) < 0 ||
        su_server_remove(c->home.db, &s, err) < 0 || su_commit(&t, err) < 0)
        return -1;
    su_json_text(&c->json, "source", s.url);
    su_line(c, "%s is no source any more; the catalogue is as it was", s.url);
    return 0;
}

int cmd_source_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT url, replica, (SELECT count(*) FROM source_choice k WHERE k.source_id=s.source_id "
                 "AND kind=0), (SELECT count(*) FROM source_choice k WHERE k.source_id=s.source_id AND "
                 "kind=1), (SELECT count(*) FROM source_choice k WHERE k.source_id=s.source_id AND kind=2), "
                 "(SELECT count(*) FROM source_missing m WHERE m.source_id=s.source_id), EXISTS (SELECT 1 "
                 "FROM source_run r WHERE r.source_id=s.source_id) FROM source s ORDER BY url") < 0)
        return -1;
    su_json_open(&c->json, "sources", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_line(c, "%s  %lld products, %lld classifications, %lld languages%s%s", su_rows_text(&rows, 0),
                (long long)su_rows_int(&rows, 2), (long long)su_rows_int(&rows, 3),
                (long long)su_rows_int(&rows, 4), su_rows_int(&rows, 1) ? "; replica" : "",
                su_rows_int(&rows, 6) ? "; interrupted, the next synchronization goes on" : "");
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "source", su_rows_text(&rows, 0));
        su_json_bool(&c->json, "replica", su_rows_int(&rows, 1) != 0);
        su_json_int(&c->json, "products", su_rows_int(&rows, 2));
        su_json_int(&c->json, "classifications", su_rows_int(&rows, 3));
        su_json_int(&c->json, "languages", su_rows_int(&rows, 4));
        su_json_int(&c->json, "missing", su_rows_int(&rows, 5));
        su_json_bool(&c->json, "interrupted", su_rows_int(&rows, 6) != 0);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

static int show_count(struct su_context *c, const char *key, const char *sql, const struct su_server *s,
                      struct su_err *err)
{
    int64_t count;
    if (su_db_int(c->home.db, &count, NULL, err, sql, SU_ARGS(SU_I(s->id))) < 0)
        return -1;
    su_json_int(&c->json, key, count);
    su_line(c, "  %-16s %s", key, su_count_text((uint64_t)count));
    return 0;
}

static int show_missing(struct su_context *c, const struct su_server *s, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    char text[SU_GUID_TEXT];
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT update_id, revision, reason, since FROM source_missing WHERE source_id=?1 LIMIT ?2",
                 SU_I(s->id), SU_I(MOST_MISSING)) < 0)
        return -1;
    su_json_open(&c->json, "missing_updates", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0)
            return -1;
        su_line(c, "  missing          %s revision %lld since %s: %s", su_guid_format(&id, text),
                (long long)su_rows_int(&rows, 1), su_rows_text(&rows, 3), su_rows_text(&rows, 2));
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", text);
        su_json_int(&c->json, "revision", su_rows_int(&rows, 1));
        su_json_text(&c->json, "since", su_rows_text(&rows, 3));
        su_json_text(&c->json, "reason", su_rows_text(&rows, 2));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

static int show_choice(struct su_context *c, const struct su_server *s, struct su_err *err)
{
    static const char *const kinds[] = {"product", "classification", "language"};
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT kind, value, coalesce((SELECT title FROM v_update u WHERE u.update_id=value AND "
                 "is_latest), (SELECT l.name FROM source_language l WHERE l.source_id=k.source_id AND "
                 "kind=2 AND CAST(l.language_id AS TEXT)=value), '') FROM source_choice k WHERE source_id=?1 "
                 "ORDER BY kind, 3, value",
                 SU_I(s->id)) < 0)
        return -1;
    su_json_open(&c->json, "chosen", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        const char *kind = kinds[su_rows_int(&rows, 0) % 3];
        su_line(c, "  %-16s %s  %s", kind, su_rows_text(&rows, 1), su_rows_text(&rows, 2));
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "kind", kind);
        su_json_text(&c->json, "id", su_rows_text(&rows, 1));
        su_json_text(&c->json, "title", su_rows_text(&rows, 2));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

int cmd_source_show(struct su_context *c, struct su_err *err)
{
    struct su_server s;
    char id[SU_GUID_TEXT];
    if (su_server_get(c->home.db, su_argument(c, 0), &s, err) < 0)
        return -1;
    su_json_text(&c->json, "source", s.url);
    su_json_text(&c->json, "account", s.account_name);
    su_json_text(&c->json, "account_id", su_guid_format(&s.account_id, id));
    su_json_text(&c->json, "protocol", s.protocol);
    su_json_text(&c->json, "content", s.is_catalogue_only ? "none" : s.is_lazy ? "approved" : "all");
    su_json_text(&c->json, "ca_file", s.ca_file);
    su_json_bool(&c->json, "proxy", s.proxy[0] != 0);
    su_json_bool(&c->json, "replica", s.is_replica);
    su_json_text(&c->json, "config_anchor", s.config_anchor);
    su_json_text(&c->json, "update_anchor", s.update_anchor);
    su_line(c, "%s%s", s.url, s.is_replica ? ", as its replica" : "");
    su_line(c, "  account          %s %s", s.account_name, id);
    su_line(c, "  protocol         %s",
            s.protocol[0] ? s.protocol : "not known before the first synchronization");
    su_line(c, "  known up to      %s", s.update_anchor[0] ? s.update_anchor : "nothing yet");
    if (show_choice(c, &s, err) < 0 ||
        show_count(c, "pending", "SELECT count(*) FROM source_pending WHERE source_id=?1 AND state=0", &s,
                   err) < 0 ||
        show_count(c, "fetched", "SELECT count(*) FROM source_pending WHERE source_id=?1 AND state=1", &s,
                   err) < 0 ||
        show_count(c, "missing", "SELECT count(*) FROM source_missing WHERE source_id=?1", &s, err) < 0 ||
        show_count(c, "groups", "SELECT count(*) FROM replica_group WHERE source_id=?1", &s, err) < 0 ||
        show_count(c, "approvals", "SELECT count(*) FROM replica_approval WHERE source_id=?1", &s, err) < 0 ||
        show_count(c, "declined", "SELECT count(*) FROM replica_declined WHERE source_id=?1", &s, err) < 0 ||
        show_count(c, "licences", "SELECT count(*) FROM replica_licence WHERE source_id=?1", &s, err) < 0)
        return -1;
    return show_missing(c, &s, err);
}

/* One word of the command line as what is kept. */
static int resolve(struct su_context *c, const struct su_server *s, enum su_choice kind, const char *word,
                   char out[SU_GUID_TEXT], struct su_err *err)
{
    struct su_guid id;
    uint32_t language;
    if (kind == SU_CHOOSE_LANGUAGE) {
        if (su_server_language(c->home.db, s, word, &language, err) < 0)
            return -1;
        (void)snprintf(out, SU_GUID_TEXT, "%u", language);
        return 0;
    }
    if (su_category_resolve(c->home.db, kind == SU_CHOOSE_CLASSIFICATION ? "UpdateClassification" : NULL,
                            word, &id, err) < 0) {
        if (err->code == SU_NOT_FOUND)
            (void)su_remedy(err,
                            "'suexport %s' lists what the catalogue has; a first 'suexport sync' brings it.",
                            kind == SU_CHOOSE_CLASSIFICATION ? "classifications" : "products");
        return -1;
    }
    su_guid_format(&id, out);
    return 0;
}

/* Whatever the catalogue has of the kind. */
static int choose_all(struct su_context *c, const struct su_server *s, enum su_choice kind, int64_t *changed,
                      struct su_err *err)
{
    if (su_run(c->home.db, err,
               "INSERT OR IGNORE INTO source_choice SELECT ?1, ?2, update_id, 0 FROM v_update WHERE "
               "type='Category' AND is_latest AND (category_type='UpdateClassification')=?2",
               SU_I(s->id), SU_I(kind)) < 0)
        return -1;
    *changed += su_db_changes(c->home.db);
    return 0;
}

static int choose(struct su_context *c, enum su_choice kind, bool is_wanted, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_server s;
    const char *word;
    int64_t count = 0, changed = 0;
    if (su_server_get(c->home.db, su_given(c, "source"), &s, err) < 0 || su_begin(&t, c->home.db, err) < 0)
        return -1;
    if (is_wanted && !su_argument(c, 0) && !su_has(c, "all"))
        return su_fail(err, SU_USAGE, "what shall be chosen? Name it, or say --all");
    if (su_has(c, "all") && choose_all(c, &s, kind, &changed, err) < 0)
        return -1;
    for (size_t n = 0; (word = su_argument(c, n)); n++) {
        char value[SU_GUID_TEXT];
        bool is_changed;
        if (resolve(c, &s, kind, word, value, err) < 0 ||
            su_server_choose(c->home.db, &s, kind, value, is_wanted, &is_changed, err) < 0)
            return -1;
        changed += is_changed;
    }
    if (su_query_int(c->home.db, &count, NULL, err,
                     "SELECT count(*) FROM source_choice WHERE source_id=?1 AND kind=?2", SU_I(s.id),
                     SU_I(kind)) < 0 ||
        su_commit(&t, err) < 0)
        return -1;
    su_json_text(&c->json, "source", s.url);
    su_json_int(&c->json, "changed", changed);
    su_json_int(&c->json, "chosen", count);
    su_line(c, "%lld changed, %lld chosen of %s; it holds from the next synchronization on",
            (long long)changed, (long long)count, s.url);
    return 0;
}

int cmd_products_add(struct su_context *c, struct su_err *err)
{
    return choose(c, SU_CHOOSE_PRODUCT, true, err);
}

int cmd_products_remove(struct su_context *c, struct su_err *err)
{
    return choose(c, SU_CHOOSE_PRODUCT, false, err);
}

int cmd_classifications_add(struct su_context *c, struct su_err *err)
{
    return choose(c, SU_CHOOSE_CLASSIFICATION, true, err);
}

int cmd_classifications_remove(struct su_context *c, struct su_err *err)
{
    return choose(c, SU_CHOOSE_CLASSIFICATION, false, err);
}

int cmd_languages_add(struct su_context *c, struct su_err *err)
{
    return choose(c, SU_CHOOSE_LANGUAGE, true, err);
}

int cmd_languages_remove(struct su_context *c, struct su_err *err)
{
    return choose(c, SU_CHOOSE_LANGUAGE, false, err);
}

int cmd_languages(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_server s;
    int more;
    if (su_server_get(c->home.db, su_given(c, "source"), &s, err) < 0 ||
        su_query(
            c->home.db, &rows, err,
            "SELECT language_id, tag, name, EXISTS (SELECT 1 FROM source_choice k WHERE "
            "k.source_id=l.source_id AND kind=2 AND value=CAST(language_id AS TEXT)) FROM source_language l "
            "WHERE source_id=?1 ORDER BY tag",
            SU_I(s.id)) < 0)
        return -1;
    su_json_open(&c->json, "languages", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_line(c, "%c %5lld  %-12s %s", su_rows_int(&rows, 3) ? '*' : ' ', (long long)su_rows_int(&rows, 0),
                su_rows_text(&rows, 1), su_rows_text(&rows, 2));
        su_json_open(&c->json, NULL, '{');
        su_json_int(&c->json, "id", su_rows_int(&rows, 0));
        su_json_text(&c->json, "tag", su_rows_text(&rows, 1));
        su_json_text(&c->json, "name", su_rows_text(&rows, 2));
        su_json_bool(&c->json, "chosen", su_rows_int(&rows, 3) != 0);
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}
