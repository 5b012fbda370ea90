/*
 * fetch.h - fetching the content that the store lacks: several files at once, resumed, judged by their digests.
 *
 * What is fetched stands in temp.fetch (fetch_list.h). A file that fails does not stop the others: what may pass
 * (no answer, a busy server) is tried again, round after round, with longer and longer waits between; what will not
 * (another file than the metadata names, an address that is gone) is tried at the file's next address, or told.
 * A full disk, a signal or a broken database stops the run. Whatever ends it, what has come is kept and not fetched
 * again: whole files in the store, others as parts (fetch_part.h).
 *
 * Addresses and names come from outside. Any address of http or https may be asked: only bytes with the signed
 * digests get into the store, and never more than the metadata says.
 */
#ifndef SU_FETCH_H
#define SU_FETCH_H

#include "common/lib/digest.h"
#include "common/lib/http.h"
#include "common/point/event.h"
#include "common/point/home.h"

struct su_fetch_finding {
    bool is_stored;       /* else it failed, or, when nothing is to be fetched, would be asked for */
    const char *name;     /* FileName */
    const char *update;   /* title of an update that names the file; "" */
    const char *address;  /* as it may be shown; "" when there is none */
    const char *cause;    /* why it failed; "" */
    const uint8_t *sha1;
    uint64_t bytes, resumed; /* resumed: of them from an earlier try */
    bool is_licence;
};
struct su_fetch_report {
    void (*finding)(void *context, const struct su_fetch_finding *finding);
    void *context;
    uint64_t wanted, bytes_wanted;   /* files that are needed and not stored */
    uint64_t fetched, bytes_fetched; /* files; bytes that came over the network */
    uint64_t bytes_resumed;          /* of the wanted ones, what had come before */
    uint64_t failed, bytes_failed, licence_failed;
    enum su_code code; /* why the last one failed, when it is not the file's own fault: network, certificate */
};

/* Asks the upstream server to get files that it lacks itself. `digests`: SU_FETCH_ASK at most. */
#define SU_FETCH_ASK 100u
typedef int su_fetch_ask(void *context, const uint8_t (*digests)[SU_SHA1_BYTES], size_t count, struct su_err *err);

struct su_fetch_options {
    struct su_http_options http; /* connections and rate too */
    const char *root;            /* the upstream's content, by su_fetch_root; NULL: none */
    bool has_record_address;     /* ask at the address of the record: after the root's, when there is one */
    unsigned tries;              /* in a row that bring nothing */
    unsigned retry_seconds;      /* before the second round; doubled each time */
    bool is_dry_run;
    su_fetch_ask *ask; /* may be NULL */
    void *ask_context;
};
int su_fetch(struct su_home *home, const struct su_fetch_options *options, const struct su_events *events,
             struct su_fetch_report *report, struct su_err *err) SU_CHECKED;

#endif
