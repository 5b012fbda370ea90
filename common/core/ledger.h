/*
 * ledger.h - the append-only, hash-chained record of what was exported, imported, undone, trusted.
 *
 * hash = SHA-256("SU-LEDGER 1\n" entry "\n" time "\n" operator "\n" kind "\n" site "\n" sequence "\n"
 *                subject hex "\n" detail "\n" previous hex "\n"); see docs/database.md.
 */
#ifndef SU_LEDGER_H
#define SU_LEDGER_H

#include "common/lib/db.h"
#include "common/lib/digest.h"

/* Who does something, seen by whom, under which change, after which scan of the medium. NULL: not said. */
struct su_actor {
    const char *operator; /* never NULL */
    bool is_named;        /* the operator was named, it is not just the login name */
    const char *witness, *change, *scan_name;
    uint8_t scan_sha256[SU_SHA256_BYTES]; /* of the scan report; meaningful with scan_name */
};
struct su_ledger_entry {
    const struct su_actor *actor;
    const char *kind, *site, *detail;
    uint64_t sequence;
    uint8_t subject[SU_SHA256_BYTES];
};
/* Inside the caller's transaction. */
int su_ledger_add(struct su_db *db, const struct su_ledger_entry *entry, struct su_err *err) SU_CHECKED;
/* Hash of the newest entry; zeros when there is none. */
int su_ledger_head(struct su_db *db, uint8_t out[SU_SHA256_BYTES], struct su_err *err) SU_CHECKED;

#endif
