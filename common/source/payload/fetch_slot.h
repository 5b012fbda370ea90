/*
 * fetch_slot.h - one of the files that are being fetched at the same time, and what becomes of it; used by fetch.c.
 *
 * A slot takes the next file of the list, reads again what has come of it before, asks at one address after the
 * other, and is free again when the file is taken into the store, has failed, or is left for the next round.
 */
#ifndef SU_FETCH_SLOT_H
#define SU_FETCH_SLOT_H

#include "common/base/limits.h"
#include "common/source/payload/fetch.h"
#include "common/source/payload/fetch_address.h"
#include "common/source/payload/fetch_list.h"
#include "common/source/payload/fetch_part.h"

/* Stored files are made durable and entered together. */
#define SU_SETTLE_FILES 64u

/* So many tries in a row without an answer: a server's other files would fare no better in this round. */
#define SU_FETCH_SILENT 12u
#define SU_FETCH_SERVERS 32

struct su_fetch_server {
    char name[272]; /* host:port */
    unsigned silent;
};

struct su_fetch_run;
struct su_fetch_slot {
    struct su_fetch_run *f;
    enum { SU_SLOT_FREE, SU_SLOT_REREADING, SU_SLOT_READY, SU_SLOT_ASKING } phase;
    struct su_fetch_item item;
    struct su_fetch_part part;
    bool is_upstream, is_anew; /* the address in turn is the upstream's; it was begun anew after bad bytes */
    uint64_t came;             /* of the try in progress */
    struct su_fetch_server *server; /* of the address in turn; NULL: one too many to remember */
};

struct su_fetch_stored {
    struct su_file_id id;
    uint8_t sha1[SU_SHA1_BYTES]; /* the part's name */
};

struct su_fetch_run {
    struct su_home *home;
    const struct su_fetch_options *options;
    const struct su_events *events;
    struct su_fetch_report *report;
    struct su_http *http;
    su_fd parts;
    struct su_store_batch batch;
    struct su_fetch_stored stored[SU_SETTLE_FILES];
    size_t stored_count;
    uint64_t stored_bytes;
    double settled;
    struct su_fetch_slot slots[SU_MAX_FETCH_CONNECTIONS];
    size_t busy;
    int64_t after; /* the number taken last in this round */
    uint64_t came, to_come;
    struct su_fetch_server servers[SU_FETCH_SERVERS];
    size_t server_count;
    unsigned retry_after;
    bool is_exhausted; /* no further one is in this round */
    bool has_progress, has_fatal;
    struct su_err fatal; /* what stops the run */
};

/* The slot gets a file: 1. None is left in this round: 0. The slot may be free again after it; files of a silent server
 * are passed over. */
int su_fetch_slot_take(struct su_fetch_run *run, struct su_fetch_slot *slot, struct su_err *err) SU_CHECKED;
/* A slot that is ready asks for its file; or it is whole, or there is nobody to ask. */
void su_fetch_slot_ask(struct su_fetch_slot *slot);
/* All whole files so far are durable, named and entered. */
int su_fetch_settle(struct su_fetch_run *run, struct su_err *err) SU_CHECKED;
/* Of a file that is not stored; one with a cause has failed. */
void su_fetch_tell(struct su_fetch_run *run, const struct su_fetch_item *item, const char *address, const char *cause,
                   uint64_t resumed);
/* The address in turn; SU_NOT_FOUND when there is no further one. */
int su_fetch_item_address(const struct su_fetch_run *run, const struct su_fetch_item *item, bool *is_upstream,
                          char out[SU_ADDRESS_TEXT], struct su_err *err) SU_CHECKED;

#endif
