#include "common/site/repair.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/site/position.h"

void su_repair_cleanup(struct su_repair *r)
{
    su_assembly_cleanup(&r->assembly);
    su_bundle_cleanup(&r->bundle);
    su_bundle_raw_cleanup(&r->raw);
}

/* SU000012.001 or SU000012.R01, of any bundle. */
static bool is_volume_name(const char *name)
{
    return strlen(name) == 12 && strncmp(name, "SU", 2) == 0 && strspn(name + 2, "0123456789") == 6 &&
           name[8] == '.' &&
           strspn(name + 9 + (name[9] == 'R'), "0123456789") == 3 - (size_t)(name[9] == 'R');
}

static bool holds_anything(int dir, struct su_err *err, int *result)
{
    SU_AUTO(su_names) struct su_names names = {0};
    *result = su_dir_list(dir, &names, 100000, err);
    for (size_t i = 0; i < names.count; i++)
        if (strcmp(names.at[i], SU_MANIFEST_NAME) == 0 || is_volume_name(names.at[i]))
            return true;
    return false;
}

static int add_folder(int at, const char *name, const char *path, struct su_names *out, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    struct su_err ignored = SU_ERR_INIT; /* a file, or a link: no folder of a bundle */
    int result;
    if ((name ? su_dir_open_below(&dir, at, name, &ignored) : su_dir_open(&dir, AT_FDCWD, path, err)) < 0)
        return name ? 0 : -1;
    if (!holds_anything(dir, err, &result) || result < 0)
        return result;
    char **slot = SU_PUSH(out, SU_MAX_BUNDLES_ON_MEDIUM);
    if (!slot)
        return su_fail_full(err, "more than %u folders with volumes", SU_MAX_BUNDLES_ON_MEDIUM);
    *slot = strdup(path);
    return *slot ? 0 : su_fail_memory(err);
}

/* The folder itself and those one level below, as far as they hold a manifest or volumes. */
static int find_folders(const char *path, struct su_names *out, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_dir_open(&dir, AT_FDCWD, path, err) < 0 || su_dir_list(dir, &names, 100000, err) < 0 ||
        add_folder(-1, NULL, path, out, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        SU_AUTO(su_buf) struct su_buf full = SU_BUF_INIT(4096);
        su_buf_addf(&full, "%s/", path);
        su_buf_adds(&full, names.at[i]);
        if (su_buf_check(&full, "a path", err) < 0 || add_folder(dir, names.at[i], full.bytes, out, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether the folder holds a bundle for this site that may be believed; `first_why` keeps the first reason
 * why not. */
static bool is_believed(struct su_home *site, const char *path, struct su_bundle_raw *raw,
                        struct su_bundle *bundle, struct su_err *first_why)
{
    SU_AUTO(su_fd) su_fd dir = -1;
    struct su_err why = SU_ERR_INIT;
    if (su_dir_open(&dir, AT_FDCWD, path, &why) == 0 && !su_file_exists(dir, SU_MANIFEST_NAME))
        return false;
    if (su_bundle_open(raw, path, &why) == 0 && su_bundle_verify(bundle, raw, site->db, &why) == 0) {
        if (su_position_is_for(&bundle->manifest, site->name))
            return true;
        (void)su_fail(&why, SU_WRONG_SITE, "bundle %s is for site %s, this is %s", path,
                      bundle->manifest.site, site->name);
    }
    if (first_why->code == SU_OK)
        *first_why = why;
    return false;
}

static int two_bundles(const struct su_repair *r, const char *path, const struct su_bundle *other,
                       struct su_err *err)
{
    (void)su_fail(err, SU_AMBIGUOUS, "%s holds %s and %s holds %s, %s", r->raw.path, r->bundle.name, path,
                  other->name,
                  strcmp(r->bundle.name, other->name) == 0 ? "of the same name with another manifest"
                                                           : "another bundle");
    return su_remedy(err,
                     "One bundle is repaired at a time: name its folder, and the folders of its copies.");
}

/* The one bundle of all these folders; each folder becomes a copy to take blocks from. */
static int choose(struct su_home *site, const struct su_names *folders, struct su_repair *r,
                  struct su_err *err)
{
    struct su_err why = SU_ERR_INIT;
    for (size_t i = 0; i < folders->count; i++) {
        SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
        SU_AUTO(su_bundle) struct su_bundle bundle = SU_BUNDLE_INIT;
        bool is_verified = is_believed(site, folders->at[i], &raw, &bundle, &why);
        if (is_verified && r->bundle.dir < 0) {
            r->raw = raw;
            r->bundle = bundle;
            raw = (struct su_bundle_raw)SU_BUNDLE_RAW_INIT;
            bundle = (struct su_bundle)SU_BUNDLE_INIT;
        } else if (is_verified &&
                   memcmp(bundle.manifest_sha256, r->bundle.manifest_sha256, SU_SHA256_BYTES) != 0) {
            return two_bundles(r, folders->at[i], &bundle, err);
        }
        if (su_assembly_add(&r->assembly, folders->at[i], is_verified, err) < 0)
            return -1;
    }
    if (r->bundle.dir >= 0)
        return 0;
    if (why.code == SU_OK)
        return su_fail(err, SU_NO_BUNDLE, "none of the named folders holds a %s", SU_MANIFEST_NAME);
    *err = why;
    return su_prefix(err, "no copy holds a manifest that this site believes");
}

static int repair(struct su_home *site, const struct su_names *paths, const char *to,
                  const struct su_events *events, struct su_repair *out, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names folders = {0};
    for (size_t i = 0; i < paths->count; i++)
        if (find_folders(paths->at[i], &folders, err) < 0)
            return -1;
    if (choose(site, &folders, out, err) < 0)
        return -1;
    out->assembly.bundle = &out->bundle;
    out->assembly.raw = &out->raw;
    if (su_assemble(&out->assembly, to, true, site->db, events, err) < 0)
        return -1;
    return su_assembly_finish(&out->assembly, err);
}

int su_repair(struct su_home *site, const struct su_names *paths, const char *to,
              const struct su_events *events, struct su_repair *out, struct su_err *err)
{
    if (repair(site, paths, to, events, out, err) == 0)
        return 0;
    return su_after(err, "Nothing was written.");
}

/* Parent before child: what this site passes on it has proved by importing it. */
static int demand_imported(struct su_home *site, const struct su_bundle *bundle, struct su_err *err)
{
    int64_t count;
    if (su_query_int(site->db, &count, NULL, err,
                     "SELECT (SELECT count(*) FROM import WHERE manifest_sha256=?1 AND NOT undone) + (SELECT "
                     "count(*) FROM urgent WHERE manifest_sha256=?1 AND NOT undone)",
                     SU_B(bundle->manifest_sha256, SU_SHA256_BYTES)) < 0)
        return -1;
    if (count > 0)
        return 0;
    return su_fail(err, SU_NOT_IMPORTED,
                   "%s (manifest %02x%02x%02x%02x...) is not among the imports of site %s", bundle->name,
                   bundle->manifest_sha256[0], bundle->manifest_sha256[1], bundle->manifest_sha256[2],
                   bundle->manifest_sha256[3], site->name);
}

static int record_relay(struct su_home *site, const struct su_bundle *bundle, const struct su_actor *actor,
                        struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_ledger_entry entry = {.actor = actor,
                                    .kind = "relay",
                                    .site = bundle->manifest.site,
                                    .detail = bundle->name,
                                    .sequence = bundle->manifest.urgent ? 0 : bundle->manifest.sequence};
    memcpy(entry.subject, bundle->manifest_sha256, SU_SHA256_BYTES);
    if (su_begin(&t, site->db, err) < 0 || su_ledger_add(site->db, &entry, err) < 0)
        return -1;
    return su_commit(&t, err);
}

static int relay(struct su_home *site, const char *path, const char *to, const struct su_actor *actor,
                 const struct su_events *events, struct su_repair *out, struct su_err *err)
{
    if (su_bundle_open(&out->raw, path, err) < 0 ||
        su_bundle_verify(&out->bundle, &out->raw, site->db, err) < 0 ||
        demand_imported(site, &out->bundle, err) < 0 || su_bundle_check_folder(&out->bundle, err) < 0 ||
        su_assembly_add(&out->assembly, path, true, err) < 0)
        return -1;
    out->assembly.bundle = &out->bundle;
    out->assembly.raw = &out->raw;
    /* Books before the final name, as with an export. */
    if (su_assemble(&out->assembly, to, false, site->db, events, err) < 0 ||
        record_relay(site, &out->bundle, actor, err) < 0)
        return -1;
    return su_assembly_finish(&out->assembly, err);
}

int su_relay(struct su_home *site, const char *path, const char *to, const struct su_actor *actor,
             const struct su_events *events, struct su_repair *out, struct su_err *err)
{
    if (relay(site, path, to, actor, events, out, err) == 0)
        return 0;
    return su_after(err, "Nothing was written.");
}
