#include "common/catalogue/update_code.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/relations.h"
#include "common/catalogue/update_build.h"

enum form {
    BYTES,  /* as they are */
    FLAG,   /* 0 or 1 */
    TYPE,   /* enum su_update_type */
    CLAUSE, /* each began with an element */
    SIZE,   /* a file's: fits an int64_t */
    KIND,   /* of a tag: its place in the list below */
    TEXT    /* its length; the text itself stands behind all entries */
};
struct field {
    enum form form;
    size_t at, bytes; /* in the structure */
};

#define FIELD(what, type, member)                                                                            \
    {                                                                                                        \
        what, offsetof(type, member), sizeof((type *)0)->member                                              \
    }

static const struct field head[] = {
    FIELD(BYTES, struct su_update, id),           FIELD(BYTES, struct su_update, revision),
    FIELD(FLAG, struct su_update, has_revision),  FIELD(TYPE, struct su_update, type),
    FIELD(FLAG, struct su_update, is_expired),    FIELD(FLAG, struct su_update, is_deployable),
    FIELD(TEXT, struct su_update, created),       FIELD(TEXT, struct su_update, severity),
    FIELD(TEXT, struct su_update, category_type), FIELD(TEXT, struct su_update, default_language),
};
static const struct field relation[] = {
    FIELD(CLAUSE, struct su_relation, clause),
    FIELD(FLAG, struct su_relation, is_category),
    FIELD(BYTES, struct su_relation, id),
    FIELD(BYTES, struct su_relation, revision),
};
static const struct field superseded[] = {{BYTES, 0, sizeof(struct su_guid)}};
static const struct field file_fields[] = {
    FIELD(BYTES, struct su_update_file, sha1),      FIELD(BYTES, struct su_update_file, sha256),
    FIELD(FLAG, struct su_update_file, has_sha256), FIELD(FLAG, struct su_update_file, is_licence),
    FIELD(FLAG, struct su_update_file, is_express), FIELD(SIZE, struct su_update_file, bytes),
    FIELD(TEXT, struct su_update_file, name),       FIELD(TEXT, struct su_update_file, language),
    FIELD(TEXT, struct su_update_file, uri),
};
static const struct field localized[] = {
    FIELD(TEXT, struct su_localized, language),
    FIELD(TEXT, struct su_localized, title),
    FIELD(TEXT, struct su_localized, description),
};
static const struct field tag_fields[] = {
    FIELD(KIND, struct su_tag, kind),
    FIELD(TEXT, struct su_tag, value),
};

struct list {
    const struct field *fields;
    size_t field_count;
    size_t at, count, capacity; /* where the vector's members stand */
    size_t element_bytes;
};
#define LIST(member, fields)                                                                                 \
    {                                                                                                        \
        fields, sizeof(fields) / sizeof *(fields), offsetof(struct su_update, member.at),                    \
            offsetof(struct su_update, member.count), offsetof(struct su_update, member.capacity),           \
            sizeof *((struct su_update *)0)->member.at                                                       \
    }
#define LISTS 6
static const struct list lists[LISTS] = {
    LIST(prerequisites, relation), LIST(bundled, relation),    LIST(superseded, superseded),
    LIST(files, file_fields),      LIST(localized, localized), LIST(tags, tag_fields),
};
#define HEAD_FIELDS (sizeof head / sizeof *head)

static const char *const kinds[] = {"kb",       "bulletin", "cve",     "language",       "url",     "support",
                                    "property", "vendor",   "product", "classification", "handler", "rule"};
#define KINDS (sizeof kinds / sizeof *kinds)

static size_t coded_bytes(const struct field *fields, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        switch (fields[i].form) {
        case BYTES: sum += fields[i].bytes; break;
        case SIZE: sum += sizeof(uint64_t); break;
        case CLAUSE:
        case TEXT: sum += sizeof(uint32_t); break;
        case FLAG:
        case TYPE:
        case KIND: sum++; break;
        }
    return sum;
}

static size_t count_of(const struct su_update *u, const struct list *list)
{
    size_t count;
    memcpy(&count, (const char *)u + list->count, sizeof count);
    return count;
}

static const char *elements_of(const struct su_update *u, const struct list *list)
{
    const char *at;
    memcpy(&at, (const char *)u + list->at, sizeof at);
    return at;
}

/* ---- writing ---- */

struct writer {
    char *to;
    size_t texts; /* bytes they will need */
};

static void put(struct writer *w, const void *bytes, size_t count)
{
    memcpy(w->to, bytes, count);
    w->to += count;
}

static const char *text_at(const char *member)
{
    const char *text = "";
    memcpy(&text, member, sizeof text);
    return text;
}

static uint8_t kind_number(const char *kind)
{
    uint8_t number = 0;
    while (number < KINDS && strcmp(kinds[number], kind) != 0)
        number++;
    return number;
}

static void put_fields(struct writer *w, const char *of, const struct field *fields, size_t count)
{
    for (const struct field *f = fields; f < fields + count; f++) {
        const char *member = of + f->at;
        uint32_t length;
        uint8_t byte;
        switch (f->form) {
        case BYTES:
        case CLAUSE:
        case SIZE: put(w, member, f->bytes); break;
        case FLAG: put(w, member, 1); break;
        case TYPE:
            byte = (uint8_t)((const struct su_update *)(const void *)of)->type;
            put(w, &byte, 1);
            break;
        case KIND:
            byte = kind_number(text_at(member));
            put(w, &byte, 1);
            break;
        case TEXT:
            length = (uint32_t)strlen(text_at(member));
            put(w, &length, sizeof length);
            w->texts += length + 1;
            break;
        }
    }
}

static void put_texts(struct writer *w, const char *of, const struct field *fields, size_t count)
{
    for (const struct field *f = fields; f < fields + count; f++)
        if (f->form == TEXT)
            put(w, text_at(of + f->at), strlen(text_at(of + f->at)) + 1);
}

int su_update_encode(const struct su_update *u, struct su_buf *out, struct su_err *err)
{
    size_t bytes = coded_bytes(head, HEAD_FIELDS) + LISTS * sizeof(uint32_t);
    struct writer w = {.texts = 0};
    for (const struct list *l = lists; l < lists + LISTS; l++)
        bytes += count_of(u, l) * coded_bytes(l->fields, l->field_count);
    if (!(w.to = su_buf_reserve(out, bytes)))
        return su_buf_check(out, "a document taken apart", err);
    put_fields(&w, (const char *)u, head, HEAD_FIELDS);
    for (const struct list *l = lists; l < lists + LISTS; l++) {
        uint32_t count = (uint32_t)count_of(u, l);
        put(&w, &count, sizeof count);
    }
    for (const struct list *l = lists; l < lists + LISTS; l++)
        for (size_t i = 0; i < count_of(u, l); i++)
            put_fields(&w, elements_of(u, l) + i * l->element_bytes, l->fields, l->field_count);
    su_buf_grow_by(out, bytes);
    if (!(w.to = su_buf_reserve(out, w.texts)))
        return su_buf_check(out, "a document taken apart", err);
    put_texts(&w, (const char *)u, head, HEAD_FIELDS);
    for (const struct list *l = lists; l < lists + LISTS; l++)
        for (size_t i = 0; i < count_of(u, l); i++)
            put_texts(&w, elements_of(u, l) + i * l->element_bytes, l->fields, l->field_count);
    su_buf_grow_by(out, w.texts);
    return 0;
}

/* ---- reading ---- */

struct reader {
    const char *at;               /* of the entries; there are as many bytes as the counts say */
    const char *text, *texts_end; /* in the arena, followed by NUL */
};

static int impossible(const char *what, struct su_err *err)
{
    return su_fail(err, SU_CONFINED, "the part that reads update documents gave what none can hold: %s",
                   what);
}

static void get(struct reader *r, void *to, size_t count)
{
    memcpy(to, r->at, count);
    r->at += count;
}

static int get_byte(struct reader *r, uint8_t *out, size_t below, const char *what, struct su_err *err)
{
    get(r, out, 1);
    return *out < below ? 0 : impossible(what, err);
}

static int get_text(struct reader *r, const char **out, struct su_err *err)
{
    uint32_t length;
    get(r, &length, sizeof length);
    if (length > SU_MAX_XML_TEXT_BYTES || length >= (size_t)(r->texts_end - r->text))
        return impossible("the length of a text", err);
    if (r->text[length] != 0 || !su_utf8_is_valid(r->text, length))
        return impossible("a text", err);
    *out = r->text;
    r->text += length + 1;
    return 0;
}

static int get_field(struct reader *r, char *member, const struct field *f, struct su_err *err)
{
    const char *text = "";
    uint64_t size;
    uint32_t clause;
    uint8_t byte;
    enum su_update_type type;
    bool flag;
    switch (f->form) {
    case BYTES: get(r, member, f->bytes); return 0;
    case FLAG:
        if (get_byte(r, &byte, 2, "a flag", err) < 0)
            return -1;
        flag = byte;
        memcpy(member, &flag, sizeof flag);
        return 0;
    case TYPE:
        if (get_byte(r, &byte, SU_DRIVER + 1, "its type", err) < 0)
            return -1;
        type = (enum su_update_type)byte;
        memcpy(member, &type, sizeof type);
        return 0;
    case CLAUSE:
        get(r, &clause, sizeof clause);
        memcpy(member, &clause, sizeof clause);
        return clause <= SU_MAX_DOCUMENT_BYTES ? 0 : impossible("a clause", err);
    case SIZE:
        get(r, &size, sizeof size);
        memcpy(member, &size, sizeof size);
        return size <= INT64_MAX ? 0 : impossible("the size of a file", err);
    case KIND:
        if (get_byte(r, &byte, KINDS, "the kind of a word", err) < 0)
            return -1;
        memcpy(member, &kinds[byte], sizeof kinds[byte]);
        return 0;
    case TEXT:
        if (get_text(r, &text, err) < 0)
            return -1;
        memcpy(member, &text, sizeof text);
        return 0;
    }
    return 0;
}

static int get_fields(struct reader *r, char *of, const struct field *fields, size_t count,
                      struct su_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (get_field(r, of + fields[i].at, &fields[i], err) < 0)
            return -1;
    return 0;
}

/* Room for all of a list; what stood there is written over. */
static int make_room(struct su_update *u, const struct list *l, size_t count, struct su_err *err)
{
    char *at;
    size_t capacity;
    memcpy(&at, (char *)u + l->at, sizeof at);
    memcpy(&capacity, (char *)u + l->capacity, sizeof capacity);
    if (count > capacity) {
        char *moved = realloc(at, count * l->element_bytes);
        if (!moved)
            return su_fail_memory(err);
        memcpy((char *)u + l->at, &moved, sizeof moved);
        memcpy((char *)u + l->capacity, &count, sizeof count);
    } /* NOLINT(memleak): the vector has it; a copy by memcpy is none to cppcheck */
    return 0;
}

static int get_list(struct reader *r, struct su_update *u, const struct list *l, size_t count,
                    struct su_err *err)
{
    if (make_room(u, l, count, err) < 0)
        return -1;
    char *element;
    memcpy(&element, (char *)u + l->at, sizeof element);
    for (size_t i = 0; i < count; i++, element += l->element_bytes) {
        memset(element, 0, l->element_bytes);
        if (get_fields(r, element, l->fields, l->field_count, err) < 0)
            return -1;
    }
    memcpy((char *)u + l->count, &count, sizeof count);
    return 0;
}

static int decode(struct su_update *u, const char *bytes, size_t length, struct su_err *err)
{
    const size_t head_bytes = coded_bytes(head, HEAD_FIELDS);
    size_t need = head_bytes + LISTS * sizeof(uint32_t);
    uint32_t counts[LISTS];
    if (length < need)
        return impossible("it is too short", err);
    memcpy(counts, bytes + head_bytes, sizeof counts);
    for (size_t i = 0; i < LISTS; i++) {
        if (counts[i] > SU_BUILD_ENTRIES)
            return impossible("the length of a list", err);
        need += counts[i] * coded_bytes(lists[i].fields, lists[i].field_count);
    }
    if (length < need)
        return impossible("the length of a list", err);
    const char *texts = su_arena_text(&u->arena, bytes + need, length - need);
    if (!texts)
        return su_fail(err, SU_LIMIT, "the document names more than fits into %zu bytes",
                       SU_MAX_UPDATE_ARENA_BYTES);
    struct reader r = {.at = bytes, .text = texts, .texts_end = texts + (length - need)};
    if (get_fields(&r, (char *)u, head, HEAD_FIELDS, err) < 0)
        return -1;
    r.at += sizeof counts;
    for (size_t i = 0; i < LISTS; i++)
        if (get_list(&r, u, &lists[i], counts[i], err) < 0)
            return -1;
    return r.text == r.texts_end ? 0 : impossible("texts that belong to nothing", err);
}

int su_update_decode(struct su_update *u, const void *bytes, size_t length, struct su_err *err)
{
    su_update_reset(u);
    return decode(u, bytes, length, err) < 0 ? -1 : su_relations_pack(u, err);
}
