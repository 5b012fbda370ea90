/*
 * brought_confined.h - the same from a confined process (confine.h), which has the file's descriptor and nothing else.
 * What it says of names, kinds and sizes is for people, or is proved: a member is kept when its bytes have the digests.
 */
#ifndef SU_BROUGHT_CONFINED_H
#define SU_BROUGHT_CONFINED_H

#include "common/source/payload/brought.h"

/* Fills what su_brought_identify left open. */
int su_brought_look(int fd, struct su_brought *brought, struct su_err *err) SU_CHECKED;
/* Writes the member into the batch's store. */
int su_brought_extract(int fd, const struct su_brought *brought, const struct su_brought_member *member,
                       struct su_store_batch *batch, struct su_err *err) SU_CHECKED;

/* How what was found crosses; for tests too. */
struct su_wire;
int su_brought_put(struct su_wire *wire, const struct su_brought *brought, struct su_err *err) SU_CHECKED;
/* Checks all of it; adds to what is known of the file. */
int su_brought_get(struct su_wire *wire, struct su_brought *brought, struct su_err *err) SU_CHECKED;

#endif
