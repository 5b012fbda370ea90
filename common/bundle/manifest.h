/*
 * manifest.h - the signed text that names everything in a bundle. Grammar: docs/bundle-format.md.
 *
 * There is one canonical form: parsing ends by formatting the result again and comparing bytes, so
 * a field is understood completely or the manifest is refused.
 */
#ifndef SU_MANIFEST_H
#define SU_MANIFEST_H

#include "common/catalogue/profile.h"
#include "common/point/store.h"
#include "common/lib/sign.h"

#define SU_MANIFEST_NAME "MANIFEST.TXT"
#define SU_MANIFEST_FIRST_LINE "SU-BUNDLE-MANIFEST 1 transfer"
#define SU_RECIPE_NAME "VERIFY.txt"
#define SU_POOL_NAME "SU-POOL" /* beside the bundles' folders */
#define SU_BUNDLE_NAME_TEXT 40

/* Texts for people that lie in the folder, each with its hash in the manifest. */
enum su_paper { SU_PAPER_RECIPE, SU_PAPER_SLIP, SU_PAPER_SLIP_HTML, SU_PAPERS };
const char *su_paper_name(enum su_paper paper);

/* A run of bytes in a volume. An item that continues in the next volume has several. */
struct su_extent {
    uint32_t volume; /* from 1 */
    uint64_t offset, length;
};

struct su_frame {
    uint64_t raw_bytes;
    size_t first_extent, extents;
};

struct su_payload {
    struct su_file_id id;
    bool is_licence;
    bool is_pooled; /* lies in the medium's shared pool, whole; no extents */
    size_t first_extent, extents;
};

/* Recovery volumes follow the data volumes. */
struct su_volume {
    bool is_recovery;
    uint64_t bytes;
    uint8_t sha256[SU_SHA256_BYTES];
    size_t first_block, blocks;
};

struct su_block { uint8_t sha256[SU_SHA256_BYTES]; };
struct su_line { char *text; }; /* owned */

struct su_base {
    uint64_t sequence;
    uint8_t digest[SU_SHA256_BYTES];
};

/* A key the hub introduces: this bundle's signers vouch for it. */
struct su_successor {
    char role[12], name[65];
    uint8_t spki[SU_SPKI_BYTES];
};
/* A key whose signatures count only on bundles up to that sequence. */
struct su_revocation {
    uint8_t key_id[SU_SHA256_BYTES];
    uint64_t last_sequence;
};

/* Erasure coding; percent 0: none. Geometry: recovery.h. */
struct su_recovery {
    uint64_t percent;
    uint64_t data_cells, parity_cells; /* of one codeword */
    uint64_t lane_cells;               /* codewords */
};

struct su_manifest {
    char hub[65], site[17], created[40];
    SU_VEC(struct su_line) children; /* sites the bundle may be relayed to; sorted */
    uint64_t sequence, promise_days;
    uint64_t jump_limit; /* the next bundle's sequence may be at most this much higher; 0: no limit */
    bool is_full;
    uint64_t urgent; /* number of an urgent bundle, which is full of a small catalogue of its own and stands beside the
                      * sequence: it holds until an ordinary bundle with its `sequence` comes. 0: an ordinary one */
    SU_VEC(struct su_line) features;      /* required ones beyond version 1 */
    SU_VEC(struct su_successor) successors;   /* sorted by spki */
    SU_VEC(struct su_revocation) revocations; /* sorted by key id */
    struct su_profile profile;            /* with approvals */
    uint8_t profile_digest[SU_SHA256_BYTES];
    SU_VEC(struct su_base) bases;         /* a delta fits these; a full bundle fits any */
    uint64_t follows;                     /* sequence exported before; 0: none */
    char follows_created[40];
    uint8_t result[SU_SHA256_BYTES];
    uint64_t updates, revisions;          /* of the result */
    uint64_t prerequisites, bundled, licence_files, payload_files; /* closure certificate */
    SU_VEC(struct su_line) holes;         /* sorted lines without "hole " */
    uint64_t records, removals;
    SU_VEC(struct su_frame) frames;
    SU_VEC(struct su_payload) payloads;
    SU_VEC(struct su_extent) extents;
    struct su_recovery recovery;
    SU_VEC(struct su_volume) volumes;
    SU_VEC(struct su_block) blocks;
    uint8_t papers[SU_PAPERS][SU_SHA256_BYTES];
};
#define SU_MANIFEST_INIT { .sequence = 0 }
void su_manifest_cleanup(struct su_manifest *manifest);

#define SU_FEATURE_URGENT "urgent-1"
#define SU_MAX_URGENT_NUMBER 99999u /* five digits of an 8.3 name */

const char *su_bundle_name(const char *site, uint64_t sequence, char out[SU_BUNDLE_NAME_TEXT]); /* SU-ALPHA-000012 */
const char *su_urgent_name(const char *site, uint64_t number, char out[SU_BUNDLE_NAME_TEXT]);   /* SU-ALPHA-U00001 */
const char *su_manifest_name(const struct su_manifest *manifest, char out[SU_BUNDLE_NAME_TEXT]);
const char *su_manifest_kind(const struct su_manifest *manifest); /* full, delta, urgent */
/* SU000012.001, or SU000012.R01 for the first volume that is_recovery; of an urgent bundle SUU00001.001. `volume`
 * counts from 1 over all. */
const char *su_volume_name(const struct su_manifest *manifest, uint32_t volume, char out[16]);
/* Bytes of a volume's block `number`, from 0: the last may be shorter. */
size_t su_block_bytes(const struct su_volume *volume, size_t number);
/* Whether these are the bytes that were signed; as many as su_block_bytes says. */
int su_block_is_good(const struct su_manifest *manifest, const struct su_volume *volume, size_t number,
                     const void *bytes, bool *is_good, struct su_err *err) SU_CHECKED;
size_t su_manifest_data_volumes(const struct su_manifest *manifest);
const char *su_pool_path(const uint8_t sha256[SU_SHA256_BYTES], char out[32]); /* SU-POOL/9C/1E44A0B3.DAT */
int su_line_add(struct su_line *slot, const char *text, size_t length, struct su_err *err) SU_CHECKED;

void su_manifest_format(const struct su_manifest *manifest, struct su_buf *out);
int su_manifest_parse(struct su_manifest *manifest, const char *text, size_t length, struct su_err *err) SU_CHECKED;

/* Sums over the lists. */
uint64_t su_manifest_volume_bytes(const struct su_manifest *manifest);
uint64_t su_manifest_payload_bytes(const struct su_manifest *manifest);
uint64_t su_manifest_raw_bytes(const struct su_manifest *manifest);

#endif
