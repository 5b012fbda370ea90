/*
 * fetch_list.h - which files are to be fetched, and how far each has come: temp.fetch, of this connection only.
 */
#ifndef SU_FETCH_LIST_H
#define SU_FETCH_LIST_H

#include "common/catalogue/need.h"

enum su_fetch_state { SU_FETCH_PENDING, SU_FETCH_STORED, SU_FETCH_FAILED };

struct su_fetch_item {
    int64_t number;
    uint8_t sha1[SU_SHA1_BYTES], sha256[SU_SHA256_BYTES];
    bool has_sha256, is_licence;
    uint64_t bytes;
    unsigned tries, place; /* tries in a row that brought nothing; which of its addresses is in turn */
    char *name, *url, *update; /* owned. url: of the record, "" when it names none; update: a title */
    char *address, *cause;     /* owned. What was tried last, and why it failed; "" */
};
void su_fetch_item_cleanup(struct su_fetch_item *item);

/* An empty list. */
int su_fetch_list_begin(struct su_db *db, struct su_err *err) SU_CHECKED;
/* Adds what the profile needs (see su_content_need) and is not stored. Several times for several sites. */
int su_fetch_list_add(struct su_db *db, const struct su_profile *profile, const struct su_graph *graph,
                      const bool *carried, struct su_err *err) SU_CHECKED;
/* The same for single updates, whoever needs them: their newest revisions and what these bundle. */
int su_fetch_list_add_updates(struct su_db *db, const struct su_guid *ids, size_t count, struct su_err *err) SU_CHECKED;
int su_fetch_list_count(struct su_db *db, uint64_t *files, uint64_t *bytes, struct su_err *err) SU_CHECKED;
/* The pending one after *after, which moves on; 1, or 0 when there is none. */
int su_fetch_list_next(struct su_db *db, int64_t *after, struct su_fetch_item *out, struct su_err *err) SU_CHECKED;
/* Keeps tries, place, address and cause of the item, and its state. */
int su_fetch_list_note(struct su_db *db, const struct su_fetch_item *item, enum su_fetch_state state, struct su_err *err) SU_CHECKED;

/* Digests that the server did not hold and was not asked to get yet: up to `max`; how many, or -1. They count as asked. */
int su_fetch_list_absent(struct su_db *db, uint8_t (*out)[SU_SHA1_BYTES], size_t max, struct su_err *err) SU_CHECKED;
int su_fetch_list_note_absent(struct su_db *db, const struct su_fetch_item *item, struct su_err *err) SU_CHECKED;

#endif
