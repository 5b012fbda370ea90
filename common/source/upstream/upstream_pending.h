/*
 * upstream_pending.h - what of a synchronization from an upstream server is there already, durably: which revisions
 * were listed, which of them were fetched. A run that was killed goes on where it was.
 *
 * The run ends inside the transaction that changes the catalogue (su_pending_settle): before it the catalogue is
 * untouched, after it nothing is pending. All but the reader is for the database's thread.
 */
#ifndef SU_UPSTREAM_PENDING_H
#define SU_UPSTREAM_PENDING_H

#include "common/catalogue/record.h"
#include "common/source/upstream/upstream_server.h"

enum su_phase { SU_PHASE_CATEGORIES, SU_PHASE_UPDATES, SU_PHASE_NEEDED };
enum su_pending_state { SU_PENDING_WANTED, SU_PENDING_FETCHED, SU_PENDING_MISSING };

struct su_identity {
    struct su_guid id;
    uint32_t revision;
};
struct su_identities {
    SU_VEC(struct su_identity) list;
};
void su_identities_cleanup(struct su_identities *identities);
struct su_wanted {
    int64_t pending_id;
    struct su_identity identity;
};
struct su_wanted_list {
    SU_VEC(struct su_wanted) list;
};
void su_wanted_list_cleanup(struct su_wanted_list *list);

/* The run of a server: the one that was interrupted, or a new one. What of an old one does not fit is dropped. */
struct su_pending {
    struct su_db *db;
    int64_t source_id;
    bool is_full, is_resumed, is_import;
    bool has_categories, has_updates; /* they are listed */
};
int su_pending_open(struct su_pending *pending, struct su_db *db, int64_t source_id, bool is_full,
                    struct su_err *err) SU_CHECKED;
/* A run of its own, for an import by id, which does not outlive an interruption. One that was interrupted and lists what
 * is chosen goes first: it would be lost. */
int su_pending_open_import(struct su_pending *pending, struct su_db *db, int64_t source_id, struct su_err *err) SU_CHECKED;
/* The server is another one: anchors and whatever is pending go. */
int su_pending_forget(struct su_pending *pending, struct su_err *err) SU_CHECKED;
/* A listing replaces what was listed of the phase before; documents that are still wanted stay. In a transaction of
 * its own. */
int su_pending_list(struct su_pending *pending, enum su_phase phase, const struct su_identities *identities,
                    const char *anchor, struct su_err *err) SU_CHECKED;
/* Adds what others need; what is pending already stays as it is. */
int su_pending_need(struct su_pending *pending, const struct su_identities *identities, uint64_t *added,
                    struct su_err *err) SU_CHECKED;
int su_pending_wanted(const struct su_pending *pending, enum su_phase phase, struct su_wanted_list *out,
                      struct su_err *err) SU_CHECKED;
int su_pending_count(const struct su_pending *pending, enum su_phase phase, enum su_pending_state state,
                     uint64_t *out, struct su_err *err) SU_CHECKED;
int su_pending_missing(const struct su_pending *pending, int64_t pending_id, const char *reason,
                       struct su_err *err) SU_CHECKED;
/* Documents of several revisions, as records in a frame, and their relations (su_pending_relation_head before each). */
struct su_fetched {
    const struct su_buf *packed, *relations;
    size_t raw_bytes;
    const int64_t *pending_ids;
    size_t count;
};
int su_pending_store(const struct su_pending *pending, const struct su_fetched *fetched, struct su_err *err) SU_CHECKED;
void su_pending_relation_head(struct su_buf *out, const struct su_identity *identity, size_t bytes);

/* At the end of the synchronization, in its transaction: anchors move, the run is gone, what is missing is noted. */
int su_pending_settle(struct su_pending *pending, struct su_err *err) SU_CHECKED;

/* Reads the documents fetched, by a connection of its own, so that another thread may write meanwhile. */
struct su_pending_reader;
struct su_pending_reader *su_pending_reader_new(const struct su_pending *pending, struct su_err *err);
/* 1: a record, until the next call; 0: the end. */
int su_pending_next(struct su_pending_reader *reader, struct su_record *record, struct su_err *err) SU_CHECKED;
void su_pending_reader_cleanup(struct su_pending_reader **reader);

#endif
