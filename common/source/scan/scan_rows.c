#include "common/source/scan/scan_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/lib/xml.h"

void su_scan_rows_clear(struct su_scan_rows *r)
{
    su_arena_reset(&r->arena);
    r->updates.count = r->cores.count = r->extended.count = r->files.count = r->locations.count = 0;
    r->titles.count = r->tags.count = r->relations.count = r->superseded.count = r->categories.count = 0;
}

void su_scan_rows_cleanup(struct su_scan_rows *r)
{
    su_arena_cleanup(&r->arena);
    free(r->updates.at);
    free(r->cores.at);
    free(r->extended.at);
    free(r->files.at);
    free(r->locations.at);
    free(r->titles.at);
    free(r->tags.at);
    free(r->relations.at);
    free(r->superseded.at);
    free(r->categories.at);
    *r = (struct su_scan_rows)SU_SCAN_ROWS_INIT;
}

int su_scan_too_many(struct su_err *err)
{
    return su_fail(err, SU_LIMIT, "more than %u entries in one place, or memory ran out", SU_SCAN_MOST_ROWS);
}

int su_scan_keep(struct su_scan_rows *r, const char **out, const char *text, size_t length,
                 struct su_err *err)
{
    if (length > SU_MAX_XML_TEXT_BYTES)
        return su_fail(err, SU_LIMIT, "a text has %zu bytes, at most %zu are accepted", length,
                       SU_MAX_XML_TEXT_BYTES);
    *out = length ? su_arena_text(&r->arena, text, length) : "";
    return *out ? 0
                : su_fail(err, SU_LIMIT, "it names more than fits into %zu bytes", SU_MAX_UPDATE_ARENA_BYTES);
}

const struct su_xml_attribute *su_scan_find(struct su_scan_attributes a, const char *name)
{
    for (size_t i = 0; i < a.count; i++)
        if (strcmp(a.at[i].name, name) == 0)
            return a.at + i;
    return NULL;
}

bool su_scan_is_true(struct su_scan_attributes a, const char *name, bool otherwise)
{
    const struct su_xml_attribute *found = su_scan_find(a, name);
    return !found ? otherwise
                  : (found->length == 4 && memcmp(found->value, "true", 4) == 0) ||
                        (found->length == 1 && found->value[0] == '1');
}

int su_scan_keep_attribute(struct su_scan_rows *r, const char **out, struct su_scan_attributes a,
                           const char *name, struct su_err *err)
{
    const struct su_xml_attribute *found = su_scan_find(a, name);
    return su_scan_keep(r, out, found ? found->value : "", found ? found->length : 0, err);
}

int su_scan_number(uint64_t *out, struct su_scan_attributes a, const char *of, const char *name, uint64_t max,
                   struct su_err *err)
{
    const struct su_xml_attribute *found = su_scan_find(a, name);
    return found && su_u64_parse(out, found->value, found->length, max)
               ? 0
               : su_fail(err, SU_DATA, "%s has no valid %s", of, name);
}

int su_scan_guid(struct su_guid *out, struct su_scan_attributes a, const char *of, const char *name,
                 struct su_err *err)
{
    const struct su_xml_attribute *found = su_scan_find(a, name);
    return found && su_guid_parse(out, found->value, found->length)
               ? 0
               : su_fail(err, SU_DATA, "%s has no valid %s", of, name);
}

int su_scan_sha1(uint8_t out[SU_SHA1_BYTES], struct su_scan_attributes a, const char *of, const char *name,
                 struct su_err *err)
{
    const struct su_xml_attribute *found = su_scan_find(a, name);
    return found && su_base64_parse(out, SU_SHA1_BYTES, found->value, found->length)
               ? 0
               : su_fail(err, SU_DATA, "%s has no valid SHA-1 %s", of, name);
}
