/*
 * statement.h - a site's state file: all that a hub needs to go on after it has lost its books.
 *
 * Unlike a receipt it IS an inventory: every revision and every stored file by digest. It is streamed,
 * so what is signed is the SHA-256 of all before the signature. Grammar: docs/bundle-format.md.
 */
#ifndef SU_STATEMENT_H
#define SU_STATEMENT_H

#include "common/receipt/acknowledge.h"

#define SU_STATEMENT_FIRST "SU-SITE-STATE 1\n"

/* At the site, into a new file; counts what it holds. */
int su_statement_make(struct su_home *site, const char *path, uint64_t *revisions, uint64_t *files,
                      struct su_err *err) SU_CHECKED;

/* What is signed, of the digest of all before the signature. */
#define SU_STATEMENT_SIGNED_TEXT 90
void su_statement_signed_text(const uint8_t digest[SU_SHA256_BYTES], char out[SU_STATEMENT_SIGNED_TEXT]);

struct su_rebuild_result {
    char site[17];
    uint64_t sequence, next; /* the next bundle's number */
    uint64_t next_urgent;    /* of the next urgent bundle */
    uint64_t revisions, files;
    bool is_complete; /* the next bundle is a delta; false: only the number is known, it is a full one */
};
/* At a hub whose books know less than the file: they are made again from it. */
int su_statement_take(struct su_home *hub, const char *path, const struct su_actor *actor,
                      struct su_rebuild_result *result, struct su_err *err) SU_CHECKED;
/* The same from a receipt: complete when this hub would send just the state it names, else the number. */
int su_receipt_rebuild(struct su_home *hub, const char *text, const struct su_actor *actor,
                       struct su_rebuild_result *result, struct su_err *err) SU_CHECKED;

#endif
