/*
 * site.h - the hub's knowledge of one disconnected site.
 */
#ifndef SU_SITE_H
#define SU_SITE_H

#include "common/base/limits.h"
#include "common/catalogue/profile.h"
#include "common/lib/db.h"

struct su_site_child { char code[17]; };
struct su_site {
    int64_t site_id;
    char code[17];
    struct su_profile profile;
    uint64_t promise_days;
    uint64_t jump_limit; /* how far a sequence may jump at the site without asking; 0: any */
    uint64_t acknowledged; /* sequence */
    uint64_t last_sent, last_full;
    uint64_t complete;     /* newest sequence acknowledged with all its files */
    uint64_t newest_entry; /* of the site's ledger, in the newest receipt taken */
    uint64_t content_owed; /* by the newest receipt */
    uint64_t kept_from;    /* what states before this sequence held is no longer known */
    uint64_t numbers_used; /* by a hub before this one */
    struct su_buf public_key; /* PEM, empty until enrolled */
    char code_secret[65];     /* hex, of its telephone codes; empty: none */
    SU_VEC(struct su_site_child) children; /* sorted */
};
#define SU_SITE_INIT { .public_key = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES) }
void su_site_cleanup(struct su_site *site);

/* Sorted; a second time changes nothing. */
int su_site_add_child(struct su_site *site, const char *code, struct su_err *err) SU_CHECKED;
void su_site_drop_child(struct su_site *site, const char *code);
/* SU_SITE_UNKNOWN when there is none. */
int su_site_load(struct su_db *db, const char *code, struct su_site *out, struct su_err *err) SU_CHECKED;
/* The number of the next urgent bundle: above all this hub has made and all the site says it imported. */
int su_urgent_next(struct su_db *db, const struct su_site *site, uint64_t *out, struct su_err *err) SU_CHECKED;
/* Writes profile, promise, limit, children and key, not what receipts say; `is_new` refuses a code that is taken. Inside a transaction. */
int su_site_save(struct su_db *db, struct su_site *site, bool is_new, struct su_err *err) SU_CHECKED;

#endif
