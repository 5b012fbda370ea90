/*
 * owed.h - files that the catalogue needs and the site has not: those the hub signed for as missing, and
 * those that were on a medium which did not give them. They are the hole rows of the last import.
 */
#ifndef SU_OWED_H
#define SU_OWED_H

#include "common/bundle/manifest.h"
#include "common/catalogue/need.h"
#include "common/site/stage.h"

struct su_owed {
    const char *name, *update; /* "" when unknown */
    const char *bundle;        /* the one that carries it; "" none: the hub has not got it either */
    uint8_t sha1[SU_SHA1_BYTES];
    uint64_t bytes;
    bool is_licence;
};
struct su_owed_list {
    void (*take)(void *context, const struct su_owed *owed); /* NULL: nobody asks */
    void *context;
};
struct su_owed_count { uint64_t files, licence; /* licence: of those */ };

bool su_owed_is_declared(const struct su_manifest *manifest, const char *line);

/* What the present state owes, for people too. */
int su_owed_now(struct su_db *db, const struct su_owed_list *list, struct su_owed_count *out, struct su_err *err) SU_CHECKED;
/* Of the bundle's files, those that are owed: wanted[payload]; and whether there is one. */
int su_owed_carried(struct su_db *db, const struct su_manifest *manifest, bool *wanted, bool *has_any,
                    struct su_err *err) SU_CHECKED;
/* Whether something is owed that only that bundle, imported here before, carries. */
int su_owed_from(struct su_db *db, const struct su_bundle *bundle, bool *out, struct su_err *err) SU_CHECKED;

/*
 * Inside the import's transaction, after su_stage_record: computes from the database what `profile`
 * needs, and makes the import's hole rows say what of it is missing. A missing file that the manifest does
 * not declare is refused unless `allow_partial`. temp.need is filled. `graph` as for su_content_need.
 */
int su_owed_settle(const struct su_staging *staging, const struct su_profile *profile, const struct su_graph *graph,
                   int64_t import_id, bool allow_partial, struct su_err *err) SU_CHECKED;

#endif
