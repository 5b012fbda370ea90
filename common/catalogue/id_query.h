/*
 * id_query.h - the update ids that a query gives: each of them, or a digest that tells whether they are the same ones.
 *
 * `sql` is a literal that selects 16 bytes in its first column, in an order of its own.
 */
#ifndef SU_ID_QUERY_H
#define SU_ID_QUERY_H

#include "common/base/text.h"
#include "common/lib/db.h"
#include "common/lib/digest.h"

typedef int (*su_id_take)(void *context, const struct su_guid *id, struct su_err *err);
/* Calls `take` for each; it returns -1 to end the listing. */
int su_id_query(struct su_db *db, const char *sql, su_id_take take, void *context, struct su_err *err) SU_CHECKED;
/* *count 0: the digest is of nothing. */
int su_id_query_digest(struct su_db *db, const char *sql, uint8_t out[SU_SHA256_BYTES], uint64_t *count,
                       struct su_err *err) SU_CHECKED;

#endif
