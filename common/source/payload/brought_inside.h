/*
 * brought_inside.h - what a cabinet that was brought by hand carries about itself, and its members' bytes.
 *
 * It comes from anybody: called in a confined process alone (brought_confined.h), and by tests.
 */
#ifndef SU_BROUGHT_INSIDE_H
#define SU_BROUGHT_INSIDE_H

#include "common/source/payload/brought.h"

/* Of a file that was identified; what is no cabinet has nothing inside. Damage is a failure. */
int su_brought_look_inside(int fd, struct su_brought *brought, struct su_err *err) SU_CHECKED;
/* All bytes of a member, in pieces of at most 64 KiB. */
typedef int (*su_brought_sink)(void *context, const void *bytes, size_t length, struct su_err *err);
int su_brought_read_member(int fd, const struct su_brought *brought, const struct su_brought_member *member,
                           su_brought_sink sink, void *context, struct su_err *err) SU_CHECKED;

#endif
