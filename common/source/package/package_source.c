/*
 * package_source.c - a wsusutil package as a source of synchronization: a snapshot.
 */
#include <stdlib.h>
#include <string.h>

#include "common/source/package/package_confined.h"
#include "common/source/source.h"

struct reading {
    struct su_package
        package; /* the reading thread's, but for the file map: it is complete before any record */
    struct su_package_reader *reader;
    uint64_t total;
    struct su_source *source;
    su_source_take take;
    void *context;
};

static bool knows(const struct su_source_look *look)
{
    for (size_t i = 0; i < SU_LOOK_NAMES; i++)
        if (strcmp(look->names[i], "package.xml") == 0 || strcmp(look->names[i], "metadata.txt") == 0)
            return true;
    return look->start_bytes > 3 && memcmp(look->start, "\x1f\x8b\x08", 3) == 0;
}

static int open_package(struct su_source *source, struct su_err *err)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading)
        return su_fail_memory(err);
    reading->package = (struct su_package)SU_PACKAGE_INIT;
    reading->source = source;
    source->self = reading;
    source->is_snapshot = true;
    return su_package_reader_new(&reading->reader, source->request->from, err);
}

static void describe(struct su_source *source, const struct su_package *package)
{
    const struct reading *reading = source->self;
    source->name = package->kind;
    source->place = strcmp(package->kind, SU_PACKAGE_CAB) == 0 ? "metadata.txt" : "";
    source->total = reading->total;
    source->created = package->index.created;
}

static int take(void *context, const struct su_package *package, struct su_record *record, struct su_err *err)
{
    struct reading *reading = context;
    if (package->records == 0)
        describe(reading->source, package);
    record->urls = NULL;
    record->origin = SU_FROM_SYNC;
    return reading->take(reading->context, record, package->records + 1, err);
}

static int read_package(struct su_source *source, su_source_take give, void *context, struct su_err *err)
{
    struct reading *reading = source->self;
    reading->take = give;
    reading->context = context;
    int result =
        su_package_reader_run(reading->reader, &reading->package, &reading->total, take, reading, err);
    if (reading->package.records == 0) /* who works on records reads it meanwhile */
        describe(source, &reading->package);
    return result;
}

static const char *url(const struct su_source *source, const uint8_t sha1[SU_SHA1_BYTES], size_t *length)
{
    const struct reading *reading = source->self;
    return su_package_index_url(&reading->package.index, sha1, length);
}

static void close_package(struct su_source *source)
{
    struct reading *reading = source->self;
    if (reading) {
        su_package_reader_cleanup(&reading->reader);
        su_package_cleanup(&reading->package);
    }
    free(reading);
    source->self = NULL;
}

const struct su_source_kind su_package_source = {
    .knows = knows, .open = open_package, .read = read_package, .url = url, .close = close_package};
