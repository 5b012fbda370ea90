/*
 * ledger.h - the append-only, hash-chained record of what was exported, imported, undone, trusted, refused.
 *
 * Form 2: hash = SHA-256 over these texts, each ended by "\n": SU-LEDGER 2, entry, time, operator, kind,
 * site, sequence, subject hex, detail, witness, change, scan_name, scan hex ("" when none), previous hex.
 * Form 1, of homes older than schema step 2, ends its list with detail and previous; see docs/database.md.
 */
#ifndef SU_LEDGER_H
#define SU_LEDGER_H

#include "common/point/event.h"
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

/* Notes what a command refused, in a transaction of its own, after everything else was rolled back. What
 * is no refusal (usage, a lock, an interrupt) and what the newest entry says already is left out, so that
 * a medium tried again and again does not grow the ledger. `entry` needs no kind and no detail; `claims`
 * is what an unverified bundle says of itself, NULL when there is nothing. A note that cannot be written
 * is a warning: the refusal itself stands. */
void su_ledger_refuse(struct su_db *db, const struct su_ledger_entry *entry, const char *claims,
                      const struct su_events *events, const struct su_err *why);

struct su_ledger_check {
    uint64_t entries;
    uint8_t head[SU_SHA256_BYTES];
    bool has_wanted;    /* `wanted` is the hash of an entry */
    int64_t bad_entry;  /* the first that is wrong; 0: none */
    char what[200];     /* what differs there */
};
/* Recomputes the chain; a wrong row is no failure here but stands in the result. `wanted` may be NULL. */
int su_ledger_verify(struct su_db *db, const uint8_t *wanted, struct su_ledger_check *out, struct su_err *err) SU_CHECKED;

#endif
