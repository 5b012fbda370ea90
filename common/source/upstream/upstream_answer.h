/*
 * upstream_answer.h - an answer to GetUpdateData: read as it comes, held against what was asked for, its documents
 * unpacked and taken apart (update_child.h), and made a frame of the records that came.
 *
 * The asking thread reads, then another works it out; at any time it belongs to one of them.
 */
#ifndef SU_UPSTREAM_ANSWER_H
#define SU_UPSTREAM_ANSWER_H

#include "common/catalogue/record.h"
#include "common/catalogue/update_child.h"
#include "common/lib/pack.h"
#include "common/source/upstream/upstream_list.h"

/* Not in the answer; in it, not worked out yet; in the frame; not what it should be; no room in this frame; refused by
 * the server. */
enum su_answer_outcome {
    SU_ANSWER_ABSENT,
    SU_ANSWER_GIVEN,
    SU_ANSWER_GOT,
    SU_ANSWER_BROKEN,
    SU_ANSWER_LATER,
    SU_ANSWER_REFUSED
};
struct su_answer_result {
    enum su_answer_outcome outcome;
    char reason[200];
};
struct su_answer_item {
    size_t index; /* in the batch */
    size_t text_at, text_bytes;
    bool is_compressed;
};
struct su_answer_address {
    uint8_t sha1[SU_SHA1_BYTES];
    uint32_t bytes;
    size_t at;
};

/* Of a batch. */
struct su_answer {
    const struct su_wanted *wanted;
    size_t count;
    SU_VEC(struct su_answer_result) results;
    SU_VEC(struct su_answer_item) items;
    SU_VEC(struct su_answer_address) addresses; /* sorted by digest once complete */
    struct su_buf texts, links; /* what items and addresses point into */
    /* what is being read */
    struct su_identity_reading reading;
    struct su_answer_item item;
    struct su_answer_address address;
    bool has_text, has_digest;
    /* worked out */
    struct su_buf frame, packed, relations;
    SU_VEC(int64_t) got;
};

/* What a thread that unpacks works with. */
struct su_answer_hand {
    struct su_packer *packer;
    struct su_update update;
    struct su_update_child *child;
    struct su_buf document, urls;
    SU_VEC(struct su_answer_address) files; /* digests of the document */
    enum su_origin origin; /* of what it works on */
};

void su_answer_init(struct su_answer *answer);
void su_answer_cleanup(struct su_answer *answer);
void su_answer_clear(struct su_answer *answer); /* keeps memory that is worth it */
/* Empty, for an answer about these, which must last as long. */
int su_answer_begin(struct su_answer *answer, const struct su_wanted *wanted, size_t count, struct su_err *err) SU_CHECKED;
/* `restart` and `end` of the call (upstream_session.h), with the answer as context. */
void su_answer_restart(void *answer);
int su_answer_part(void *answer, const char *name, const char *parent, struct su_buf *text, struct su_err *err) SU_CHECKED;

/* On the main thread, before others are started. */
int su_answer_hand_open(struct su_answer_hand *hand, enum su_origin origin, struct su_err *err) SU_CHECKED;
void su_answer_hand_cleanup(struct su_answer_hand *hand);
/* Says of each update what became of it; frame, packed, relations and got are then of those that came. */
int su_answer_work(struct su_answer *answer, struct su_answer_hand *hand, struct su_err *err) SU_CHECKED;

#endif
