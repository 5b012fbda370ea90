/*
 * source.h - what the hub is synchronized from: one reading interface for every kind.
 *
 * What kind a SOURCE is, is told by what it holds (source.c), never by its name. su_sync (sync.h) opens it, has it
 * read into the catalogue in one transaction, and closes it. A kind is one constant of type su_source_kind; what it
 * works with hangs on `self`.
 */
#ifndef SU_SOURCE_H
#define SU_SOURCE_H

#include "common/catalogue/changes.h"
#include "common/catalogue/record.h"
#include "common/point/event.h"
#include "common/point/home.h"
#include "common/point/ledger.h"

/* What the operator asked for. */
struct su_sync_request {
    const char *from;
    const struct su_source_kind *kind; /* NULL: whatever `from` turns out to be */
    const char *again; /* the same, as it is kept with the success for a run that names none; NULL or "": it is not */
    const struct su_actor *actor; /* who asked, for the ledger; NULL: it has its own entry elsewhere */
    bool is_full;                           /* compare everything, rely on no marker of the last time */
    bool is_trial; /* what would change is told, and nothing does: no history, no marker, no catalogue */
    const struct su_upstream_options *upstream; /* of a server; NULL: defaults */
    const struct su_vendor_request *vendor;     /* of a third-party catalogue (vendor.h); NULL: as it is subscribed to */
    /* Of a server: these updates and what they need, and nothing else, as imported from the catalogue. */
    const struct su_guid *ids;
    size_t id_count;
};

/* What can be told of a source without reading it: a URL, or the start and the first names of a file. */
#define SU_LOOK_BYTES 512
#define SU_LOOK_NAMES 16
struct su_source_look {
    const char *from;
    bool is_url, is_folder;
    char start[SU_LOOK_BYTES + 1]; /* of a file, ended by NUL */
    size_t start_bytes;
    char names[SU_LOOK_NAMES][64]; /* members of a cabinet or zip, lower case, without folders; "" past the last */
    char inside[SU_LOOK_BYTES + 1]; /* start of the first of them that ends with .xml, ended by NUL */
};

struct su_source;
/* Takes one record; copies what it keeps. `number` is its place in the source, or 0. */
typedef int (*su_source_take)(void *context, struct su_record *record, uint64_t number, struct su_err *err);

struct su_source_kind {
    bool (*knows)(const struct su_source_look *look);
    /* On the database's thread, before the transaction. May write and commit what only a later run needs. */
    int (*open)(struct su_source *source, struct su_err *err);
    /* The reading thread, which may not touch the database: every record, in order, with its origin. record->urls: NULL, or the
     * canonical address list (record.h) of at least the document's files; those it does not name are left out. */
    int (*read)(struct su_source *source, su_source_take take, void *context, struct su_err *err);
    /* Any thread, while it is read: the address of a file. NULL: records bring their own. */
    const char *(*url)(const struct su_source *source, const uint8_t sha1[SU_SHA1_BYTES], size_t *length);
    /* Of a snapshot, on the database's thread after all was read: INSERT OR IGNORE INTO temp.seen the rev_id of what
     * is in the snapshot though no record of it was given. May be NULL. */
    int (*spare)(struct su_source *source, struct su_err *err);
    /* In place of what a snapshot means by absence, then: INSERT INTO temp.gone (rev_id, update_id) what is to be
     * removed. May be NULL. */
    int (*gone)(struct su_source *source, struct su_err *err);
    /* At the end of the transaction, before the commit: markers move, what was fetched ahead goes. May be NULL. */
    int (*settle)(struct su_source *source, struct su_err *err);
    /* In place of read: what the source says is no part of the catalogue and goes to tables of its own, in the same
     * transaction. Counts its own changes. */
    int (*load_apart)(struct su_source *source, struct su_changes *changes, struct su_err *err);
    void (*close)(struct su_source *source); /* after open, even after one that failed */
};

struct su_source {
    const struct su_source_kind *kind;
    const struct su_sync_request *request;
    struct su_home *home; /* of the hub; its database is for the database's thread */
    const struct su_events *events;
    void *self;
    /* Set by open, or by read before its first record. */
    const char *name;      /* for JSON and history: "wsusutil-cab" */
    const char *place;     /* inside the source, for messages about records: "metadata.txt"; "" none */
    bool is_snapshot;      /* what it does not hold any more is removed */
    uint64_t total;        /* records to come, 0: unknown */
    const char *created;   /* its own time stamp, "" when it says none */
    uint64_t calls, received, missing; /* of a server: requests, bytes of answers, updates it would not give */
    uint64_t open_bundled; /* of a server: bundles that lack an update it does not have */
};

/* Recognises and opens `request->from`. On failure nothing need be closed. */
int su_source_open(struct su_source *source, struct su_err *err) SU_CHECKED;
void su_source_cleanup(struct su_source *source);
/* Looks only. A file that cannot be read is a failure. */
int su_source_look(struct su_source_look *look, const char *from, struct su_err *err) SU_CHECKED;
/* The source as it may be shown: without its folder, or without what stands before '@' in an address. */
void su_source_title(const char *from, char *out, size_t room);

/* The kinds; each stands in a folder of its own below this one, and nothing here includes what is there. */
extern const struct su_source_kind su_package_source;  /* package/: what wsusutil export wrote */
extern const struct su_source_kind su_upstream_source; /* upstream/: an update server */
extern const struct su_source_kind su_scan_source;     /* scan/: wsusscn2.cab */
extern const struct su_source_kind su_vendor_source;   /* vendor/: third-party catalogues */

#endif
