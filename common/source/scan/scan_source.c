/*
 * scan_source.c - an offline scan cabinet as a source of synchronization: apart from the catalogue.
 */
#include <string.h>

#include "common/source/scan/scan_confined.h"
#include "common/source/scan/scan_store.h"
#include "common/source/source.h"

static bool has_name(const struct su_source_look *look, const char *name)
{
    for (size_t i = 0; i < SU_LOOK_NAMES; i++)
        if (strcmp(look->names[i], name) == 0)
            return true;
    return false;
}

static bool knows(const struct su_source_look *look)
{
    return has_name(look, "index.xml") && has_name(look, "package.cab");
}

static int open_scan(struct su_source *source, struct su_err *err)
{
    (void)err;
    source->name = "wsusscn2";
    return 0;
}

static int take(void *store, const struct su_scan_rows *rows, struct su_err *err)
{
    return su_scan_store_add(store, rows, err);
}

static int load_apart(struct su_source *source, struct su_changes *changes, struct su_err *err)
{
    struct su_scan_store store = SU_SCAN_STORE_INIT(source->home->db);
    struct su_scan_reading reading;
    struct su_scan_counts counts;
    const char *path = source->request->from;
    char title[256];
    su_source_title(path, title, sizeof title);
    if (su_scan_store_begin(&store, err) < 0 ||
        su_scan_hear(path, source->events, take, &store, &reading, err) < 0)
        return -1;
    if (su_scan_store_end(&store, title, &reading.edition, changes, &counts, err) < 0)
        return su_prefix(err, "%s", path);
    su_message(source->events, SU_SCAN_TAKEN, SU_INFO,
               "scan metadata%s%s: %lld revisions, %lld titles, %lld files; the catalogue is as it was",
               reading.edition.created[0] ? " of " : "", reading.edition.created, (long long)counts.revisions,
               (long long)counts.titles, (long long)counts.files);
    if (reading.strays > 0 || counts.homeless > 0)
        su_message(
            source->events, SU_SCAN_TAKEN, SU_WARNING,
            "%llu fragments lie outside the range of their cabinet or have no valid name, %lld belong to "
            "no update of package.xml: they were left out",
            (unsigned long long)reading.strays, (long long)counts.homeless);
    return 0;
}

static void close_scan(struct su_source *source)
{
    (void)source;
}

const struct su_source_kind su_scan_source = {
    .knows = knows, .open = open_scan, .load_apart = load_apart, .close = close_scan};
