/*
 * update_code.h - a struct su_update as bytes: how a document that was taken apart in a confined process gets out of it.
 *
 * One table says what is written and what is demanded of what is read, so that the two cannot differ. Between processes
 * of one program on one machine only: numbers are in the machine's order, and nothing of it is ever kept.
 *
 * Reading believes nothing: counts and texts are held against the limits that the parser has and against the bytes that
 * are there, before memory is asked for; flags are 0 or 1, kinds are known ones, texts are UTF-8 without NUL, and
 * nothing may be left over. Pure functions of their bytes; any thread.
 */
#ifndef SU_UPDATE_CODE_H
#define SU_UPDATE_CODE_H

#include "common/catalogue/update.h"

/* What it may take, within a message (wire.h). */
#define SU_MAX_UPDATE_CODE_BYTES (SU_MAX_WIRE_BYTES - SU_KIB)

/* Appends; all but packed_relations, which is made anew. */
int su_update_encode(const struct su_update *update, struct su_buf *out, struct su_err *err) SU_CHECKED;
/* All of `bytes` is one update. Replaces what `update` held; complete as su_update_parse leaves it. SU_CONFINED: it is
 * not what su_update_encode writes. */
int su_update_decode(struct su_update *update, const void *bytes, size_t length, struct su_err *err) SU_CHECKED;

#endif
