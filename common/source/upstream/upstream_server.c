#include "common/source/upstream/upstream_server.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/lib/http_url.h"
#include "common/lib/mac.h"

int su_server_address(const char *url, char out[SU_SERVER_URL_BYTES], struct su_err *err)
{
    const char *host = strstr(url, "://");
    size_t length = strlen(url);
    if (su_url_check(url, err) < 0)
        return -1;
    host = host ? host + 3 : url;
    size_t host_bytes = strcspn(host, "/?#");
    bool is_plain =
        host_bytes > 0 && (host[host_bytes] == 0 || strcmp(host + host_bytes, "/") == 0) &&
        strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]") == host_bytes;
    is_plain = is_plain && host[host_bytes - 1] != ':';
    length -= host[host_bytes] == '/';
    if (!is_plain || length >= SU_SERVER_URL_BYTES) {
        char shown[SU_URL_SHOWN];
        su_url_shown(url, shown);
        (void)su_fail(err, SU_ADDRESS, "%s: an upstream server is scheme, name and port, and no more", shown);
        return su_remedy(err, "Write it as http://server:8530 or https://server:8531.");
    }
    for (size_t i = 0; i < length; i++)
        out[i] = (char)tolower((unsigned char)url[i]);
    out[length] = 0;
    return 0;
}

static int take_text(struct su_rows *rows, int column, char *out, size_t room, struct su_err *err)
{
    int n = snprintf(out, room, "%s", su_rows_text(rows, column));
    return n < 0 || (size_t)n >= room ? su_fail(err, SU_DATA, "database: a text of a source is too long") : 0;
}

#define COLUMNS                                                                                              \
    "SELECT source_id, url, account_name, account_id, ca_file, proxy, replica, config_anchor, "              \
    "update_anchor, deployment_anchor, protocol, catalogue_only, lazy FROM source "

static int take(struct su_rows *rows, struct su_server *out, struct su_err *err)
{
    out->id = su_rows_int(rows, 0);
    out->is_replica = su_rows_int(rows, 6) != 0;
    out->is_catalogue_only = su_rows_int(rows, 11) != 0;
    out->is_lazy = su_rows_int(rows, 12) != 0;
    if (take_text(rows, 1, out->url, sizeof out->url, err) < 0 ||
        take_text(rows, 2, out->account_name, sizeof out->account_name, err) < 0 ||
        su_rows_fixed(rows, 3, out->account_id.bytes, sizeof out->account_id.bytes, err) < 0 ||
        take_text(rows, 4, out->ca_file, sizeof out->ca_file, err) < 0 ||
        take_text(rows, 5, out->proxy, sizeof out->proxy, err) < 0 ||
        take_text(rows, 7, out->config_anchor, SU_ANCHOR_BYTES, err) < 0 ||
        take_text(rows, 8, out->update_anchor, SU_ANCHOR_BYTES, err) < 0 ||
        take_text(rows, 9, out->deployment_anchor, SU_ANCHOR_BYTES, err) < 0 ||
        take_text(rows, 10, out->protocol, sizeof out->protocol, err) < 0)
        return -1;
    return 0;
}

int su_server_get(struct su_db *db, const char *url, struct su_server *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char address[SU_SERVER_URL_BYTES] = "";
    *out = (struct su_server){.id = 0};
    if (url && su_server_address(url, address, err) < 0)
        return -1;
    if (su_query(db, &rows, err, COLUMNS "WHERE ?1='' OR url=?1 ORDER BY url", SU_T(address)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0 || (more > 0 && take(&rows, out, err) < 0))
        return -1;
    if (more == 0)
        return url ? su_fail(err, SU_NO_SOURCE, "%s is not among the upstream servers of this hub", address)
                   : su_fail(err, SU_NO_SOURCE, "this hub knows no upstream server");
    more = su_rows_next(&rows, err);
    return more > 0
               ? su_fail(err, SU_NO_SOURCE, "this hub knows several upstream servers, %s and %s among them",
                         out->url, su_rows_text(&rows, 1))
               : more;
}

int su_server_make(struct su_server *out, const char *url, const char *name, struct su_err *err)
{
    uint8_t chance[SU_SECRET_BYTES];
    *out = (struct su_server){.id = 0};
    if (su_server_address(url, out->url, err) < 0 || su_secret_make(chance, err) < 0)
        return -1;
    memcpy(out->account_id.bytes, chance, sizeof out->account_id.bytes);
    out->account_id.bytes[6] = (uint8_t)((out->account_id.bytes[6] & 0x0f) | 0x40); /* made by chance: 4 */
    out->account_id.bytes[8] = (uint8_t)((out->account_id.bytes[8] & 0x3f) | 0x80);
    /* A server wants what could be the name of a host. */
    size_t length = 0;
    for (; *name && length < 200; name++)
        if (isalnum((unsigned char)*name) || length > 0)
            out->account_name[length++] =
                isalnum((unsigned char)*name) ? (char)tolower((unsigned char)*name) : '-';
    while (length > 0 && out->account_name[length - 1] == '-')
        length--;
    out->account_name[length] = 0;
    if (length == 0)
        (void)snprintf(out->account_name, sizeof out->account_name, "hub");
    return 0;
}

int su_server_set_proxy(struct su_server *s, const char *proxy, struct su_err *err)
{
    if (strchr(proxy, '@')) {
        (void)su_fail(
            err, SU_USAGE,
            "--proxy is remembered, and holds a name or password, which would stand in clear in the "
            "database");
        return su_remedy(err, "Give them in the environment, without --proxy: "
                              "http_proxy=http://NAME:PASSWORD@HOST:PORT, or https_proxy for https.");
    }
    if (proxy[0] && su_url_check(proxy, err) < 0) {
        (void)su_prefix(err, "--proxy");
        return su_remedy(err, "Give it as http://HOST:PORT");
    }
    int n = snprintf(s->proxy, sizeof s->proxy, "%s", proxy);
    return n < 0 || (size_t)n >= sizeof s->proxy ? su_fail(err, SU_USAGE, "--proxy is too long") : 0;
}

int su_server_put(struct su_db *db, struct su_server *s, struct su_err *err)
{
    bool is_new = s->id == 0;
    if (su_run(db, err,
               "INSERT INTO source (url, account_name, account_id, ca_file, proxy, replica, protocol, "
               "catalogue_only, lazy, config_anchor, update_anchor, deployment_anchor) VALUES "
               "(?1,?2,?3,?4,?5,?6,?7,?8,?9,'','','') ON CONFLICT (url) DO UPDATE SET account_name=?2, "
               "account_id=?3, ca_file=?4, proxy=?5, replica=?6, protocol=?7, catalogue_only=?8, lazy=?9",
               SU_T(s->url), SU_T(s->account_name), SU_B(s->account_id.bytes, sizeof s->account_id.bytes),
               SU_T(s->ca_file), SU_T(s->proxy), SU_I(s->is_replica), SU_T(s->protocol),
               SU_I(s->is_catalogue_only), SU_I(s->is_lazy)) < 0)
        return -1;
    if (is_new)
        s->id = su_db_last_rowid(db);
    return 0;
}

int su_server_remove(struct su_db *db, const struct su_server *s, struct su_err *err)
{
    if (su_run(db, err, "DELETE FROM source_pending WHERE source_id=?1", SU_I(s->id)) < 0 ||
        su_run(db, err, "DELETE FROM source_batch WHERE source_id=?1", SU_I(s->id)) < 0)
        return -1;
    if (su_run(db, err, "DELETE FROM setting WHERE key='last_source' AND rtrim(lower(value), '/')=?1",
               SU_T(s->url)) < 0)
        return -1;
    return su_run(db, err, "DELETE FROM source WHERE source_id=?1", SU_I(s->id));
}

int su_server_choose(struct su_db *db, const struct su_server *s, enum su_choice kind, const char *value,
                     bool is_wanted, bool *is_changed, struct su_err *err)
{
    int result =
        is_wanted ? su_run(db, err, "INSERT OR IGNORE INTO source_choice VALUES (?1, ?2, ?3, 0)", SU_I(s->id),
                           SU_I(kind), SU_T(value))
                  : su_run(db, err, "DELETE FROM source_choice WHERE source_id=?1 AND kind=?2 AND value=?3",
                           SU_I(s->id), SU_I(kind), SU_T(value));
    *is_changed = result == 0 && su_db_changes(db) > 0;
    return result;
}

int su_server_language(struct su_db *db, const struct su_server *s, const char *word, uint32_t *out,
                       struct su_err *err)
{
    int64_t id;
    bool is_found;
    if (su_query_int(
            db, &id, &is_found, err,
            "SELECT language_id FROM source_language WHERE source_id=?1 AND (lower(tag)=lower(?2) OR "
            "CAST(language_id AS TEXT)=?2)",
            SU_I(s->id), SU_T(word)) < 0)
        return -1;
    if (!is_found) {
        (void)su_fail(err, SU_NOT_FOUND, "%s offers no language '%s'", s->url, word);
        return su_remedy(err, "'suexport languages' lists those it offered at the last synchronization.");
    }
    *out = (uint32_t)id;
    return 0;
}
