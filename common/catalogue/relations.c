#include "common/catalogue/relations.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS 8u

static int compare(const void *a, const void *b)
{
    const struct su_relation *x = *(const struct su_relation *const *)a,
                             *y = *(const struct su_relation *const *)b;
    if (x->clause != y->clause)
        return x->clause < y->clause ? -1 : 1;
    int order = memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes);
    if (order == 0)
        order = (x->revision > y->revision) - (x->revision < y->revision);
    return order ? order : (x > y) - (x < y); /* of the same ones the first stays, as in the tables */
}

static bool is_same(const struct su_relation *x, const struct su_relation *y)
{
    return x->clause == y->clause && x->revision == y->revision &&
           memcmp(x->id.bytes, y->id.bytes, sizeof x->id.bytes) == 0;
}

/* Those of one kind; returns where the next ones begin. */
static char *pack(char *out, const struct su_relation **order, const struct su_relation *relations,
                  size_t count, bool is_bundled)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++)
        order[i] = &relations[i];
    if (count > 1)
        qsort(order, count, sizeof(const struct su_relation *), compare);
    for (size_t i = 0; i < count; i++) {
        const struct su_relation *r = order[i];
        if (i > 0 && is_same(r, order[i - 1]))
            continue;
        bool is_another = i > 0 && order[i - 1]->clause == r->clause;
        *out++ = (char)(is_another ? '|' : is_bundled ? 'b' : r->is_category ? 'c' : 'p');
        memcpy(out, r->id.bytes, sizeof r->id.bytes);
        out += sizeof r->id.bytes;
        for (unsigned d = 0; is_bundled && d < DIGITS; d++)
            *out++ = hex[r->revision >> 4 * (DIGITS - 1 - d) & 15];
    }
    return out;
}

int su_relations_pack(struct su_update *u, struct su_err *err)
{
    size_t prerequisites = u->prerequisites.count, bundled = u->bundled.count;
    size_t most = prerequisites > bundled ? prerequisites : bundled;
    const struct su_relation **order = malloc((most + 1) * sizeof(const struct su_relation *));
    char *bytes = su_arena_alloc(&u->arena, prerequisites * SU_RELATION_LEAST_BYTES +
                                                bundled * (SU_RELATION_LEAST_BYTES + DIGITS) + 1);
    if (order && bytes) {
        char *end = pack(bytes, order, u->prerequisites.at, prerequisites, false);
        end = pack(end, order, u->bundled.at, bundled, true);
        u->packed_relations = bytes;
        u->packed_relations_bytes = (size_t)(end - bytes);
    }
    free(order);
    return order && bytes ? 0 : su_fail_memory(err);
}

static bool read_revision(uint32_t *out, const char *digits)
{
    *out = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        char c = digits[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *out = *out << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

int su_relations_next(struct su_relations_reader *r, struct su_packed_relation *out, struct su_err *err)
{
    if (r->at == r->end)
        return 0;
    char letter = *r->at;
    bool is_known = letter == 'p' || letter == 'c' || letter == 'b' || (letter == '|' && r->is_begun);
    if (letter != '|') {
        r->is_begun = true;
        r->is_bundled = letter == 'b';
        r->is_category = letter == 'c';
    }
    size_t length = SU_RELATION_LEAST_BYTES + (r->is_bundled ? DIGITS : 0);
    out->revision = 0;
    if (!is_known || (size_t)(r->end - r->at) < length ||
        (r->is_bundled && !read_revision(&out->revision, r->at + SU_RELATION_LEAST_BYTES)))
        return su_fail(err, SU_DATA, "database: the relations of a revision are not what was written");
    out->is_first = letter != '|';
    out->is_bundled = r->is_bundled;
    out->is_category = r->is_category;
    memcpy(out->id.bytes, r->at + 1, sizeof out->id.bytes);
    r->at += length;
    return 1;
}
