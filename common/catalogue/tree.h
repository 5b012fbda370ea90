/*
 * tree.h - the state digest opened up, so that two people find by a few short codes where two catalogues
 * differ.
 *
 * A node is a prefix of 0 to 31 hex digits of update ids; its digest is SHA-256 over the record digests below
 * it in order of (update id, revision), 32 zero bytes when there are none. The nodes of two digits are the
 * 256 buckets of which state.h makes the state digest.
 */
#ifndef SU_TREE_H
#define SU_TREE_H

#include "common/catalogue/state.h"

#define SU_TREE_LISTED 16
#define SU_TREE_PREFIX 31

/* Whose catalogue: this home's, or with a site_id what a site held after a bundle, by the hub's books. */
struct su_tree_source {
    int64_t site_id; /* 0: this home's */
    uint64_t sequence;
};
struct su_tree_leaf {
    struct su_guid id;
    uint32_t revision;
    uint8_t record_sha256[SU_SHA256_BYTES];
};
struct su_tree {
    struct su_state state; /* of all, whatever the prefix */
    uint8_t buckets[256][SU_SHA256_BYTES];
    uint64_t below; /* revisions below the prefix */
    struct {
        uint8_t digest[SU_SHA256_BYTES];
        uint64_t revisions;
    } children[16];
    struct su_tree_leaf listed[SU_TREE_LISTED]; /* the first of them */
};
/* `prefix`: hex digits of either case; SU_USAGE when it is something else. */
int su_tree_read(struct su_db *db, const struct su_tree_source *source, const char *prefix, struct su_tree *out,
                 struct su_err *err) SU_CHECKED;

/* The 256 bucket digests in the JSON answer of 'diff --digest --all' of the other side, and the state digest
 * that follows from them. */
int su_tree_parse_buckets(const char *text, uint8_t out[256][SU_SHA256_BYTES], uint8_t state[SU_SHA256_BYTES],
                          struct su_err *err) SU_CHECKED;

#endif
