/*
 * update_child.h - documents that nobody has signed are parsed in a confined process (confine.h).
 *
 * A child is asked for many documents at once, and answers with each taken apart (update_code.h) or with the reason why
 * it cannot be. Each thread that parses has a child of its own, started before by the main thread. What a child
 * says about one document may be a lie once another has taken it over: it can be no worse than what a document may
 * say itself, and a site, which parses the documents again, notices.
 */
#ifndef SU_UPDATE_CHILD_H
#define SU_UPDATE_CHILD_H

#include "common/catalogue/update.h"
#include "common/lib/confine.h"

struct su_update_child;
/* On the main thread; from then on it belongs to one thread at a time. */
struct su_update_child *su_update_child_start(struct su_err *err);
/* One that also gets documents out of what they come in: `unwrap`, called in the child, with memory to work with. */
typedef int su_update_unwrap(const char *wrapped, size_t length, struct su_buf *spare, struct su_buf *document,
                             struct su_err *err);
struct su_update_child *su_update_child_start_unwrapping(su_update_unwrap *unwrap, struct su_err *err);
void su_update_child_cleanup(struct su_update_child **child);
/* What su_update_parse does. SU_CONFINED: the child was stopped, or lied; so is every call after it. */
int su_update_child_parse(struct su_update_child *child, struct su_update *update, const char *document,
                          size_t length, struct su_err *err) SU_CHECKED;
/* The document out of what it came in, and that taken apart. */
int su_update_child_unwrap(struct su_update_child *child, const char *wrapped, size_t length, struct su_buf *document,
                           struct su_update *update, struct su_err *err) SU_CHECKED;

/* Several at once: cheaper. */
struct su_update_wish {
    const char *document;
    size_t length;
    struct su_update *update;
    bool is_done; /* else ask for it alone, and be told why */
};
/* Each of at most SU_MAX_DOCUMENT_BYTES. */
void su_update_child_ahead(struct su_update_child *child, struct su_update_wish *wishes, size_t count);

/* The child's side, for tests that take its place. */
enum {
    SU_UPDATE_ASKED = SU_FRAME_FIRST, /* documents, each as bytes */
    SU_UPDATE_WRAPPED,                /* one, wrapped */
    SU_UPDATE_DOCUMENT,               /* one, unwrapped; more about it follows */
    SU_UPDATE_TAKEN_APART,            /* coded, as bytes */
    SU_UPDATE_REFUSED                 /* an error */
};
/* Of tests: a child that runs `run` instead. */
struct su_update_child *su_update_child_start_as(int (*run)(void *, struct su_wire *, struct su_err *),
                                                 struct su_err *err);

#endif
