/*
 * home.h - an update point's home directory: database, content store, keys, log, lock.
 *
 *   update-point.db   content/xx/<sha256>   keys/<name>.key|.pub   log/su{ex,im}port.log   lock
 *   sent/<bundle> at a hub (sent.h)   inbox at a hub (request.h)
 */
#ifndef SU_HOME_H
#define SU_HOME_H

#include "common/lib/db.h"
#include "common/sys/file.h"

#define SU_INBOX_NAME "inbox"

enum su_role { SU_HUB, SU_SITE };
const char *su_role_text(enum su_role role);

struct su_home {
    su_fd dir, content, keys, log, lock;
    struct su_db *db;
    enum su_role role;
    char name[65];
};
#define SU_HOME_INIT { .dir = -1, .content = -1, .keys = -1, .log = -1, .lock = -1 }

/* Makes a home; a second time with the same role and name it changes nothing. `*is_new` says which.
 * `name` NULL takes a hub's name as it is, HUB for a new one. */
int su_home_init(const char *path, enum su_role role, const char *name, bool *is_new, struct su_err *err) SU_CHECKED;
enum su_access { SU_READ, SU_WRITE };
/* Opens and proves the schema is ours. SU_WRITE takes the lock for `command`. */
int su_home_open(struct su_home *home, const char *path, enum su_role role, enum su_access access,
                 const char *command, struct su_err *err) SU_CHECKED;
void su_home_cleanup(struct su_home *home);

/* An empty database of the present schema, in memory: for what is proved beside a home's. */
int su_home_memory(struct su_db **out, struct su_err *err) SU_CHECKED;

/* Facts in the setting table. Absent reads as "" or 0. */
int su_setting_int(struct su_db *db, const char *key, int64_t *out, struct su_err *err) SU_CHECKED;
int su_setting_put_int(struct su_db *db, const char *key, int64_t value, struct su_err *err) SU_CHECKED;

#endif
