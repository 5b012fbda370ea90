/*
 * Update documents of Microsoft's kind and packages of other vendors, taken apart, and the code in which that
 * leaves a confined process. Byte 0: how many bytes of the code are changed; then of each its place (2 bytes)
 * and what it becomes; the rest is the document.
 */
#include "tests/fuzz/fuzz.h"

#include "common/catalogue/relations.h"
#include "common/catalogue/update.h"
#include "common/catalogue/update_code.h"

/* What is packed is what was read. */
static void check_relations(const struct su_update *u)
{
    struct su_relations_reader reader = {.at = u->packed_relations,
                                         .end = u->packed_relations + u->packed_relations_bytes};
    struct su_packed_relation r;
    struct su_err err = SU_ERR_INIT;
    size_t entries = 0, bundled = 0;
    int more;
    while ((more = su_relations_next(&reader, &r, &err)) > 0) {
        bool is_there = false;
        const struct su_relation *at = r.is_bundled ? u->bundled.at : u->prerequisites.at;
        size_t count = r.is_bundled ? u->bundled.count : u->prerequisites.count;
        for (size_t i = 0; i < count && !is_there; i++)
            is_there = memcmp(at[i].id.bytes, r.id.bytes, sizeof r.id.bytes) == 0 &&
                       (!r.is_bundled || at[i].revision == r.revision);
        HOLDS(is_there);
        entries++;
        bundled += r.is_bundled;
    }
    HOLDS(more == 0 && entries <= u->prerequisites.count + u->bundled.count);
    HOLDS((bundled > 0) == (u->bundled.count > 0) && (entries > bundled) == (u->prerequisites.count > 0));
}

static void check_texts(const struct su_update *u)
{
    const char *texts[] = {u->created, u->severity, u->category_type, u->default_language,
                           su_update_title(u)};
    for (size_t i = 0; i < 5; i++)
        HOLDS(texts[i] && su_utf8_is_valid(texts[i], strlen(texts[i])));
    for (size_t i = 0; i < u->tags.count; i++)
        HOLDS(u->tags.at[i].kind && su_utf8_is_valid(u->tags.at[i].value, strlen(u->tags.at[i].value)));
    for (size_t i = 0; i < u->files.count; i++)
        HOLDS(u->files.at[i].name && u->files.at[i].language && u->files.at[i].uri &&
              u->files.at[i].bytes <= INT64_MAX);
    for (size_t i = 0; i < u->localized.count; i++)
        HOLDS(su_utf8_is_valid(u->localized.at[i].language, strlen(u->localized.at[i].language)));
    HOLDS(su_update_type_text(u->type) && u->arena.used_bytes <= u->arena.max_bytes);
}

/* What was coded is read, and coded again the same; what was changed is refused, or just as much an update.
 */
static void check_code(const struct su_update *u, struct input changes)
{
    SU_AUTO(su_update) struct su_update again = SU_UPDATE_INIT;
    SU_AUTO(su_buf) struct su_buf code = SU_BUF_INIT(SU_MIB), second = SU_BUF_INIT(SU_MIB);
    struct su_err err = SU_ERR_INIT;
    HOLDS(su_update_encode(u, &code, &err) == 0 && code.length > 0);
    char *bytes = copy_of(code.bytes, code.length, false);
    for (; changes.left > 0;) {
        size_t at = take_u16(&changes) % code.length;
        bytes[at] = (char)take_byte(&changes);
    }
    bool is_same = memcmp(bytes, code.bytes, code.length) == 0;
    if (su_update_decode(&again, bytes, code.length, &err) < 0) {
        HOLDS(!is_same);
        check_refusal(&err);
    } else {
        check_relations(&again);
        check_texts(&again);
        HOLDS(su_update_encode(&again, &second, &err) == 0 && second.length == code.length &&
              memcmp(second.bytes, bytes, code.length) == 0);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct su_update reused = SU_UPDATE_INIT; /* what came before must not show */
    SU_AUTO(su_update) struct su_update fresh = SU_UPDATE_INIT;
    struct input in = {data, size}, changes;
    size_t changed = 3 * (take_byte(&in) % 8);
    changes = (struct input){in.at, changed < in.left ? changed : in.left};
    in.at += changes.left, in.left -= changes.left;
    char *document = copy_of(in.at, in.left, false);
    struct su_err err = SU_ERR_INIT, same = SU_ERR_INIT;
    int result = su_update_parse(&fresh, document, in.left, &err);
    HOLDS(su_update_parse(&reused, document, in.left, &same) == result && err.code == same.code);
    if (result < 0)
        check_refusal(&err);
    else {
        check_relations(&fresh);
        check_texts(&fresh);
        check_code(&fresh, changes);
        HOLDS(fresh.files.count == reused.files.count && fresh.tags.count == reused.tags.count &&
              fresh.packed_relations_bytes == reused.packed_relations_bytes &&
              strcmp(su_update_title(&fresh), su_update_title(&reused)) == 0);
    }
    if (reused.arena.used_bytes > SU_MIB || result < 0) /* kept memory would look like a leak that grows */
        su_update_cleanup(&reused), reused = (struct su_update)SU_UPDATE_INIT;
    free(document);
    return 0;
}
