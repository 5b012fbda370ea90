/*
 * sent.h - what the hub keeps of the bundles it made and cannot compute again: sent/<bundle>/ in its
 * home holds manifest, signatures, papers and FRAMES, the packed metadata joined in order. With the
 * content store that is every byte of every volume, however far the catalogue has moved on.
 *
 * Kept are the bundles from the last acknowledged one on, at most SU_UNDO_KEEP of a site. An export
 * fills a folder named .partial and renames it before the books are committed; one that no books
 * name, and one left by a run that was killed, is an orphan, and the next export removes it.
 */
#ifndef SU_SENT_H
#define SU_SENT_H

#include "common/point/home.h"
#include "common/bundle/manifest.h"
#include "common/hub/site.h"

#define SU_SENT_FRAMES "FRAMES"

struct su_sent {
    su_fd root, dir, frames;
    uint64_t frame_bytes;
    bool is_unfinished; /* cleanup removes it */
    char name[SU_BUNDLE_NAME_TEXT], partial[SU_BUNDLE_NAME_TEXT + 16];
};
#define SU_SENT_INIT { .root = -1, .dir = -1, .frames = -1 }
void su_sent_cleanup(struct su_sent *sent);

/* Removes orphans and what is no longer kept, then begins the folder of a bundle of the site, of which the head is
 * known and which needs about `bytes`. That of an urgent bundle stays until the next export only: such a bundle is
 * made anew. */
int su_sent_begin(struct su_sent *sent, const struct su_home *hub, const struct su_site *site,
                  const struct su_manifest *manifest, uint64_t bytes, struct su_err *err) SU_CHECKED;
int su_sent_frame(struct su_sent *sent, const void *packed, size_t length, struct su_err *err) SU_CHECKED;
/* Of the frames written so far. */
int su_sent_read(const struct su_sent *sent, void *out, size_t length, uint64_t offset, struct su_err *err) SU_CHECKED;
/* Copies all but the volumes from the bundle's folder, proves manifest and papers, syncs, renames. */
int su_sent_keep(struct su_sent *sent, int bundle_dir, const struct su_manifest *manifest,
                 const uint8_t manifest_sha256[SU_SHA256_BYTES], struct su_err *err) SU_CHECKED;

/* Opens what is kept; SU_NOT_KEPT when it is not. */
int su_sent_open(struct su_sent *sent, const struct su_home *hub, const char *bundle, struct su_err *err) SU_CHECKED;
/* Manifest, signatures and papers into an empty folder. `*bytes` grows by their size. */
int su_sent_copy(const struct su_sent *sent, int to, uint64_t *bytes, struct su_err *err) SU_CHECKED;

#endif
