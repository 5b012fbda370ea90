/*
 * export.h - what the next bundle for a site carries, and writing it.
 *
 * Planning and exporting are one path: export goes on where plan stops, so a plan cannot promise
 * what export does not do. Same hub state and options give the same bytes.
 */
#ifndef SU_EXPORT_H
#define SU_EXPORT_H

#include "common/point/event.h"
#include "common/point/home.h"
#include "common/point/ledger.h"
#include "common/trust/keys.h"
#include "common/bundle/manifest.h"
#include "common/hub/site.h"

struct su_export_options {
    const char *site, *out, *key; /* key NULL: all active ones of the hub's line of exporter keys */
    const struct su_passphrase *passphrase;
    const struct su_actor *actor;
    bool is_full, allow_incomplete, is_plan;
    bool is_urgent;   /* pinned and catalogue-imported updates alone, beside the sequence */
    bool is_pooled;   /* content goes into the shared pool of `out` */
    bool is_due_only; /* nothing new since the last bundle made is nothing, though no receipt came */
    bool is_read_back; /* read the medium again before the bundle gets its name */
    uint64_t volume_bytes; /* 0: one volume */
    uint64_t recovery_percent; /* 0: no recovery volumes */
    uint64_t since;        /* 0: from the last acknowledged or full bundle */
};

struct su_export_result {
    struct su_manifest manifest;
    uint8_t manifest_sha256[SU_SHA256_BYTES];
    char bundle[SU_BUNDLE_NAME_TEXT];
    uint8_t catalogue[SU_SHA256_BYTES]; /* state of all the hub holds */
    uint64_t floor;              /* files of bundles up to here are at every site the bundle fits */
    uint64_t bytes, selected, raw_bytes, new, revised, expired, removed;
    uint64_t payload_bytes, files, held_files; /* to carry; held: needed, but already delivered */
    uint64_t pool_files, pool_bytes, pool_written; /* carried by the pool; bytes not there before */
    bool is_nothing;                     /* the site has acknowledged all of this */
    SU_VEC(struct su_line) chains;       /* holes, explained for people */
    SU_VEC(struct su_line) leaving;      /* of a plan: updates it removes, "GUID title"; the first SU_MAX_LEAVING_TOLD */
};
#define SU_MAX_LEAVING_TOLD 1000u
#define SU_EXPORT_RESULT_INIT { .manifest = SU_MANIFEST_INIT }
void su_export_result_cleanup(struct su_export_result *result);

int su_export(struct su_home *home, const struct su_export_options *options, const struct su_events *events,
              struct su_export_result *result, struct su_err *err) SU_CHECKED;

#endif
