/*
 * need.h - which files a catalogue needs: those of the newest, unexpired revisions and of what they
 * bundle, as far as a profile asks for them.
 */
#ifndef SU_NEED_H
#define SU_NEED_H

#include "common/catalogue/graph.h"
#include "common/catalogue/profile.h"

#define SU_STORED_AS_NEEDED /* stored_file s is what temp.need n asks for, by every digest known */ \
    "s.sha1=n.sha1 AND s.bytes=n.bytes AND (n.sha256 IS NULL OR s.sha256=n.sha256)"

/*
 * Fills temp.need (sha1, sha256, bytes, licence, name). profile NULL: every such file. `graph` is the
 * catalogue as it is now, NULL: it is loaded; `carried` restricts to the nodes marked, NULL: none is left out.
 */
int su_content_need(struct su_db *db, const struct su_profile *profile, const struct su_graph *graph,
                    const bool *carried, struct su_err *err) SU_CHECKED;

#endif
