#include "common/catalogue/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

static const char *const mode_texts[] = {"none", "licence", "approved", "all"};
static const char *const item_words[] = {"product", "classification", "language", "approved"};

const char *su_content_mode_text(enum su_content_mode mode)
{
    return mode_texts[mode];
}

bool su_content_mode_parse(enum su_content_mode *out, const char *text)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(text, mode_texts[i]) == 0) {
            *out = (enum su_content_mode)i;
            return true;
        }
    return false;
}

void su_profile_cleanup(struct su_profile *profile)
{
    free(profile->items.at);
    *profile = (struct su_profile){0};
}

/* [a-z0-9-]{2,12} */
static bool language_is_valid(const char *language)
{
    size_t n = strlen(language);
    return n >= 2 && n <= 12 && strspn(language, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int su_profile_add(struct su_profile *profile, enum su_item_kind kind, const char *value, struct su_err *err)
{
    struct su_guid guid;
    struct su_profile_item item = {.kind = kind};
    if (kind == SU_ITEM_LANGUAGE ? !language_is_valid(value) : !su_guid_parse(&guid, value, strlen(value)))
        return su_fail(err, SU_CONFIG, "%s is no valid %s", value, item_words[kind]);
    if (kind == SU_ITEM_LANGUAGE)
        (void)snprintf(item.value, sizeof item.value, "%s", value);
    else
        su_guid_format(&guid, item.value);
    struct su_profile_item *slot = SU_PUSH(&profile->items, SU_MAX_PROFILE_ITEMS);
    if (!slot)
        return su_fail_full(err, "a profile has at most %u items", SU_MAX_PROFILE_ITEMS);
    *slot = item;
    return 0;
}

static int compare_items(const void *a, const void *b)
{
    const struct su_profile_item *x = a, *y = b;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->value, y->value);
}

void su_profile_sort(struct su_profile *profile)
{
    size_t kept = 0;
    if (profile->items.count == 0)
        return;
    qsort(profile->items.at, profile->items.count, sizeof *profile->items.at, compare_items);
    for (size_t i = 1; i < profile->items.count; i++)
        if (compare_items(&profile->items.at[kept], &profile->items.at[i]) != 0)
            profile->items.at[++kept] = profile->items.at[i];
    profile->items.count = kept + 1;
}

bool su_profile_has(const struct su_profile *profile, enum su_item_kind kind)
{
    for (size_t i = 0; i < profile->items.count; i++)
        if (profile->items.at[i].kind == kind)
            return true;
    return false;
}

static void format_items(const struct su_profile *profile, bool approvals, struct su_buf *out)
{
    for (size_t i = 0; i < profile->items.count; i++)
        if ((profile->items.at[i].kind == SU_ITEM_APPROVAL) == approvals)
            su_buf_addf(out, "%s %s\n", item_words[profile->items.at[i].kind], profile->items.at[i].value);
}

void su_profile_format(const struct su_profile *profile, struct su_buf *out)
{
    format_items(profile, false, out);
    su_buf_addf(out, "content %s\nexpress %s\n", mode_texts[profile->content],
                profile->has_express ? "yes" : "no");
}

void su_profile_format_approvals(const struct su_profile *profile, struct su_buf *out)
{
    format_items(profile, true, out);
}

int su_profile_digest(const struct su_profile *profile, uint8_t out[SU_SHA256_BYTES], struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64);
    su_profile_format(profile, &text);
    if (su_buf_check(&text, "a profile", err) < 0)
        return -1;
    return su_sha256(out, text.bytes, text.length, err);
}

bool su_profile_parse_line(struct su_profile *profile, const char *line, size_t length, struct su_err *err)
{
    char copy[96], *value;
    if (length >= sizeof copy || memchr(line, 0, length))
        return false;
    memcpy(copy, line, length);
    copy[length] = 0;
    if (!(value = strchr(copy, ' ')))
        return false;
    *value++ = 0;
    if (strcmp(copy, "content") == 0)
        return su_content_mode_parse(&profile->content, value);
    if (strcmp(copy, "express") == 0) {
        profile->has_express = strcmp(value, "yes") == 0;
        return profile->has_express || strcmp(value, "no") == 0;
    }
    for (int kind = 0; kind < 4; kind++)
        if (strcmp(copy, item_words[kind]) == 0)
            return su_profile_add(profile, (enum su_item_kind)kind, value, err) == 0;
    return false;
}

/* The newest revision decides what a category is called. */
#define CATEGORIES                                                                                           \
    "FROM revision r JOIN info i USING (rev_id) WHERE i.type=0 AND r.revision="                              \
    "(SELECT max(n.revision) FROM revision n WHERE n.update_id=r.update_id)"                                 \
    " AND (i.category_type='UpdateClassification')=?1"

int su_category_resolve(struct su_db *db, const char *type, const char *name, struct su_guid *out,
                        struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const char *what = type ? "classification" : "product";
    char found[2][SU_GUID_TEXT];
    int count = 0, more;
    if (su_guid_parse(out, name, strlen(name))) {
        bool is_known;
        int64_t one;
        if (su_query_int(db, &one, &is_known, err, "SELECT 1 " CATEGORIES " AND r.update_id=?2",
                         SU_I(type != NULL), SU_B(out->bytes, 16)) < 0)
            return -1;
        return is_known ? 0 : su_fail(err, SU_NOT_FOUND, "no %s with id %s is in the catalogue", what, name);
    }
    if (su_query(db, &rows, err,
                 "SELECT r.update_id " CATEGORIES " AND lower(i.title)=lower(?2) ORDER BY r.update_id",
                 SU_I(type != NULL), SU_T(name)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0 && count < 2) {
        if (su_rows_fixed(&rows, 0, out->bytes, 16, err) < 0)
            return -1;
        su_guid_format(out, found[count++]);
    }
    if (more < 0)
        return -1;
    if (count == 0)
        return su_fail(err, SU_NOT_FOUND, "no %s is called '%s' in the catalogue", what, name);
    if (count > 1)
        return su_fail(err, SU_AMBIGUOUS, "several categories are called '%s': %s, %s", name, found[0],
                       found[1]);
    return 0;
}
