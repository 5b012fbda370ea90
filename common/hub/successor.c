#include "common/hub/successor.h"

#include <string.h>

#include "common/base/limits.h"

/* As the vendor's catalogue has them: Windows 10 and its semi-annual releases from 1903 on; servers from the
 * semi-annual channel to the releases named by half-years. */
static const struct {
    const char *product, *successor;
} pairs[] = {
    {"a3c2375d-0c8a-42f9-bce0-28333e198407", "b3c75dc1-155f-4be4-b015-3f1a91758e52"},
    {"f702a48c-919b-45d6-9aef-ca4248d50397", "21210d67-50bc-4254-a695-281765e10665"},
    {"21210d67-50bc-4254-a695-281765e10665", "71718f13-7324-4b0f-8f9e-2ca9dc978e53"},
    {"71718f13-7324-4b0f-8f9e-2ca9dc978e53", "2c7888b6-f9e9-4ee9-87af-a77705193893"},
    {"2c7888b6-f9e9-4ee9-87af-a77705193893", "607efb8d-feed-48a0-930e-14d0cf2da71f"},
    {"607efb8d-feed-48a0-930e-14d0cf2da71f", "b256987d-4693-4c87-955d-dbb9341205eb"},
};

static bool takes(const struct su_profile *profile, const char *id)
{
    for (size_t i = 0; i < profile->items.count; i++)
        if (profile->items.at[i].kind == SU_ITEM_PRODUCT && strcmp(profile->items.at[i].value, id) == 0)
            return true;
    return false;
}

/* By what it lies below: its family and company are among its prerequisites. */
static int takes_above(struct su_db *db, const struct su_profile *profile, const struct su_guid *id,
                       bool *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid above;
    char text[SU_GUID_TEXT];
    int more;
    *out = false;
    if (su_query(db, &rows, err,
                 "SELECT p.target FROM prerequisite p WHERE p.rev_id=(SELECT rev_id FROM revision WHERE "
                 "update_id=?1 "
                 "ORDER BY revision DESC LIMIT 1)",
                 SU_B(id->bytes, sizeof id->bytes)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, above.bytes, sizeof above.bytes, err) < 0)
            return -1;
        *out |= takes(profile, su_guid_format(&above, text));
    }
    return more;
}

static int title_of(struct su_db *db, const struct su_guid *id, struct su_buf *out, bool *found,
                    struct su_err *err)
{
    return su_query_text(
        db, out, found, err,
        "SELECT trim(i.title, char(9,10,13,32)) FROM revision r JOIN info i USING (rev_id) WHERE "
        "r.update_id=?1 ORDER BY r.revision DESC LIMIT 1",
        SU_B(id->bytes, sizeof id->bytes));
}

int su_successors(struct su_db *db, const struct su_profile *profile,
                  void (*tell)(void *context, const struct su_product_successor *successor), void *context,
                  struct su_err *err)
{
    SU_AUTO(su_buf)
    struct su_buf old = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES), new = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct su_guid before, after;
        bool has_old, has_new, is_above;
        if (!takes(profile, pairs[i].product) || takes(profile, pairs[i].successor) ||
            !su_guid_parse(&before, pairs[i].product, SU_GUID_TEXT - 1) ||
            !su_guid_parse(&after, pairs[i].successor, SU_GUID_TEXT - 1))
            continue;
        if (title_of(db, &before, &old, &has_old, err) < 0 || title_of(db, &after, &new, &has_new, err) < 0 ||
            takes_above(db, profile, &after, &is_above, err) < 0)
            return -1;
        if (has_old && has_new && !is_above)
            tell(context, &(struct su_product_successor){old.bytes, new.bytes, after});
    }
    return 0;
}
