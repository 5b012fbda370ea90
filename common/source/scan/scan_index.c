#include "common/source/scan/scan_index.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/xml.h"
#include "common/source/scan/scan_rows.h"

struct parser {
    struct su_scan_index *index;
    size_t depth;
    bool is_list; /* inside CABLIST */
};

void su_scan_index_cleanup(struct su_scan_index *index)
{
    free(index->cabs.at);
    *index = (struct su_scan_index)SU_SCAN_INDEX_INIT;
}

struct su_scan_cab *su_scan_index_find(const struct su_scan_index *index, const char *name)
{
    for (size_t i = 0; i < index->cabs.count; i++)
        if (strcasecmp(index->cabs.at[i].name, name) == 0)
            return &index->cabs.at[i];
    return NULL;
}

const struct su_scan_cab *su_scan_index_owner(const struct su_scan_index *index, uint64_t revision_id)
{
    size_t low = 1, high = index->cabs.count; /* the first above is in [low, high] */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->cabs.at[middle].first <= revision_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 1 ? &index->cabs.at[low - 1] : NULL;
}

/* A name is compared with members, and shown: nothing but what such names are made of. */
static int read_name(char *out, size_t room, struct su_scan_attributes a, struct su_err *err)
{
    const struct su_xml_attribute *name = su_scan_find(a, "NAME");
    if (!name || name->length < 5 || name->length >= room)
        return su_fail(err, SU_DATA, "a CAB has no valid NAME");
    for (size_t i = 0; i < name->length; i++) {
        unsigned char c = (unsigned char)name->value[i];
        if (!(isalnum(c) && c < 128) && !strchr("._-", c))
            return su_fail(err, SU_DATA, "a CAB has no valid NAME");
        out[i] = (char)tolower(c);
    }
    out[name->length] = 0;
    return strcmp(out + name->length - 4, ".cab") == 0
               ? 0
               : su_fail(err, SU_DATA, "CAB %s is not named like a cabinet", out);
}

static int add_cab(struct parser *p, struct su_scan_attributes a, struct su_err *err)
{
    struct su_scan_cab cab = {.has_range = su_scan_find(a, "RANGESTART") != NULL};
    if (read_name(cab.name, sizeof cab.name, a, err) < 0 ||
        (cab.has_range && su_scan_number(&cab.first, a, cab.name, "RANGESTART", INT64_MAX, err) < 0))
        return -1;
    if (su_scan_index_find(p->index, cab.name))
        return su_fail(err, SU_DATA, "%s is listed twice", cab.name);
    if (!cab.has_range && strcmp(cab.name, SU_SCAN_PACKAGE) != 0)
        return su_fail(err, SU_DATA, "%s has no RANGESTART", cab.name);
    if (p->index->cabs.count >= SU_MAX_SCAN_CABS)
        return su_fail(err, SU_LIMIT, "more than %u cabinets are listed", SU_MAX_SCAN_CABS);
    struct su_scan_cab *slot = SU_PUSH(&p->index->cabs, SU_MAX_SCAN_CABS);
    if (!slot)
        return su_fail_memory(err);
    *slot = cab;
    return 0;
}

static int on_start(void *context, const char *uri, const char *name, const struct su_xml_attribute *list,
                    size_t count, struct su_err *err)
{
    struct parser *p = context;
    struct su_scan_attributes a = {list, count};
    size_t depth = p->depth++;
    (void)uri;
    if (depth == 0) {
        if (strcmp(name, "INDEX") != 0)
            return su_fail(err, SU_DATA, "the root element is %s, not INDEX", name);
    } else if (depth == 1 && strcmp(name, "CABLIST") == 0) {
        const struct su_xml_attribute *mask = su_scan_find(a, "XOR");
        p->is_list = true;
        if (mask && !(mask->length == 1 && mask->value[0] == '0'))
            return su_fail(err, SU_DATA, "XOR is not 0: this form of masked members is not known");
    } else if (depth == 2 && p->is_list && strcmp(name, "CAB") == 0) {
        return add_cab(p, a, err);
    }
    return 0;
}

static int on_end(void *context, const char *uri, const char *name, struct su_err *err)
{
    struct parser *p = context;
    (void)uri, (void)name, (void)err;
    if (--p->depth == 1)
        p->is_list = false;
    return 0;
}

static int on_text(void *context, const char *text, size_t length, struct su_err *err)
{
    (void)context, (void)text, (void)length, (void)err;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct su_scan_cab *x = a, *y = b;
    return x->has_range != y->has_range ? (int)x->has_range - (int)y->has_range
                                        : (x->first > y->first) - (x->first < y->first);
}

/* One package.cab, and ranges of which each number lies in one. */
static int check(struct su_scan_index *index, struct su_err *err)
{
    struct su_scan_cab *package = su_scan_index_find(index, SU_SCAN_PACKAGE);
    if (!package || package->has_range || index->cabs.count < 2)
        return su_fail(err, SU_DATA, "it lists no %s without a range, or no other cabinet", SU_SCAN_PACKAGE);
    qsort(index->cabs.at, index->cabs.count, sizeof *index->cabs.at, compare);
    for (size_t i = 2; i < index->cabs.count; i++)
        if (index->cabs.at[i].first == index->cabs.at[i - 1].first)
            return su_fail(err, SU_DATA, "%s and %s have the same RANGESTART", index->cabs.at[i - 1].name,
                           index->cabs.at[i].name);
    return 0;
}

int su_scan_index_parse(struct su_scan_index *index, const char *text, size_t length, struct su_err *err)
{
    static const struct su_xml_handler handler = {on_start, on_end, on_text};
    struct parser p = {.index = index};
    su_scan_index_cleanup(index);
    SU_AUTO(su_xml) struct su_xml *xml = su_xml_new(&handler, &p, err);
    if (!xml || su_xml_feed(xml, text, length, err) < 0 || su_xml_finish(xml, err) < 0)
        return -1;
    return check(index, err);
}
