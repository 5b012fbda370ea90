/*
 * scan_store.h - the tables of scan metadata: one edition replaces the one before. Inside the caller's transaction, on
 * the thread of the database.
 */
#ifndef SU_SCAN_STORE_H
#define SU_SCAN_STORE_H

#include "common/catalogue/changes.h"
#include "common/lib/db.h"
#include "common/source/scan/scan_package.h"

struct su_scan_store {
    struct su_db *db;
    int64_t updates, cores, extended, titles; /* given so far */
};
#define SU_SCAN_STORE_INIT(of) { .db = (of) }
/* Empties the tables; what they held of identities is kept aside for the counts. */
int su_scan_store_begin(struct su_scan_store *store, struct su_err *err) SU_CHECKED;
int su_scan_store_add(struct su_scan_store *store, const struct su_scan_rows *rows, struct su_err *err) SU_CHECKED;

struct su_scan_counts {
    int64_t revisions, titles, files, homeless; /* homeless: fragments of revisions that package.xml does not list */
};
/*
 * Joins what came, proves that it fits together, and counts changes by update id against the edition before: revised
 * is another set of revisions. A scan cabinet says nothing of expiry; what is withdrawn is absent.
 */
int su_scan_store_end(struct su_scan_store *store, const char *source, const struct su_scan_edition *edition,
                      struct su_changes *changes, struct su_scan_counts *counts, struct su_err *err) SU_CHECKED;

#endif
