/*
 * upstream_server.h - the upstream servers a hub knows, and what of each is wanted.
 *
 * Everything here is small and in the database; changes are made in the caller's transaction.
 */
#ifndef SU_UPSTREAM_SERVER_H
#define SU_UPSTREAM_SERVER_H

#include "common/base/text.h"
#include "common/lib/db.h"

#define SU_SERVER_URL_BYTES 300
#define SU_ANCHOR_BYTES 1024

struct su_server {
    int64_t id; /* 0: not in the database yet */
    char url[SU_SERVER_URL_BYTES]; /* scheme://host[:port], lower case */
    char account_name[256], ca_file[1024], proxy[1024];
    struct su_guid account_id;
    bool is_replica;
    char config_anchor[SU_ANCHOR_BYTES], update_anchor[SU_ANCHOR_BYTES], deployment_anchor[SU_ANCHOR_BYTES];
    char protocol[16];
    bool is_catalogue_only, is_lazy;
};

/* The form in which an address is kept: of the server alone, lower case. SU_ADDRESS for anything else. */
int su_server_address(const char *url, char out[SU_SERVER_URL_BYTES], struct su_err *err) SU_CHECKED;
/* By address; NULL: the only one there is. SU_NO_SOURCE when there is none such. */
int su_server_get(struct su_db *db, const char *url, struct su_server *out, struct su_err *err) SU_CHECKED;
/* Another one, with an account of its own; name: of the hub. Nothing is written. */
int su_server_make(struct su_server *out, const char *url, const char *name, struct su_err *err) SU_CHECKED;
/* The proxy that is remembered, "" for none. One with a name or password in it is refused: they would stand in clear in
 * the database. */
int su_server_set_proxy(struct su_server *s, const char *proxy, struct su_err *err) SU_CHECKED;
/* Writes all but the anchors, and sets the id of a new one. */
int su_server_put(struct su_db *db, struct su_server *server, struct su_err *err) SU_CHECKED;
int su_server_remove(struct su_db *db, const struct su_server *server, struct su_err *err) SU_CHECKED;

enum su_choice { SU_CHOOSE_PRODUCT, SU_CHOOSE_CLASSIFICATION, SU_CHOOSE_LANGUAGE };
/* `*is_changed`: it was not so before. */
int su_server_choose(struct su_db *db, const struct su_server *server, enum su_choice kind, const char *value,
                     bool is_wanted, bool *is_changed, struct su_err *err) SU_CHECKED;
/* A language the server offers, by number or by tag in any case, as its number. */
int su_server_language(struct su_db *db, const struct su_server *server, const char *word, uint32_t *out,
                       struct su_err *err) SU_CHECKED;

#endif
