/*
 * site.h - the hub's knowledge of one disconnected site.
 */
#ifndef SU_SITE_H
#define SU_SITE_H

#include "common/base/limits.h"
#include "common/core/profile.h"
#include "common/lib/db.h"

struct su_site {
    int64_t site_id;
    char code[17];
    struct su_profile profile;
    uint64_t promise_days;
    uint64_t jump_limit; /* how far a sequence may jump at the site without asking; 0: any */
    uint64_t acknowledged; /* sequence */
    uint64_t last_sent, last_full;
    struct su_buf public_key; /* PEM, empty until enrolled */
};
#define SU_SITE_INIT { .public_key = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES) }
void su_site_cleanup(struct su_site *site);

/* SU_SITE_UNKNOWN when there is none. */
int su_site_load(struct su_db *db, const char *code, struct su_site *out, struct su_err *err) SU_CHECKED;
/* Writes profile, promise and key; `is_new` refuses a code that is taken. Inside a transaction. */
int su_site_save(struct su_db *db, struct su_site *site, bool is_new, struct su_err *err) SU_CHECKED;

#endif
