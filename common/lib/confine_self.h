/*
 * confine_self.h - the calling process gives up what it will not need. For confine.c alone.
 */
#ifndef SU_CONFINE_SELF_H
#define SU_CONFINE_SELF_H

#include "common/lib/confine.h"

enum { SU_GIVE_UP_PRIVILEGES = 1, SU_GIVE_UP_MEMORY = 2, SU_GIVE_UP_FILES = 4, SU_GIVE_UP_CALLS = 8, SU_GIVE_UP_ALL = 15 };
/* SU_NO_CONFINEMENT when one of the asked parts cannot be had. Files and calls need SU_GIVE_UP_PRIVILEGES with them.
 * There is no way back. */
int su_give_up(const struct su_confined_plan *plan, unsigned parts, struct su_err *err) SU_CHECKED;
/* The indices that SQLite shares with all who have a database open; a child could write to them. What else is shared
 * and mapped is the channel, and what a preloaded library of the operator's brought. */
int su_give_up_databases(struct su_err *err) SU_CHECKED;
int su_landlock_abi(void); /* 0: none */
/* A process that was made under a sanitizer cannot live within the limits of memory. */
extern const bool su_is_sanitized;

#endif
