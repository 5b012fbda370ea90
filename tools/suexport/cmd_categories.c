#include <string.h>

#include "common/base/text.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

static int list(struct su_context *c, bool classifications, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char text[SU_GUID_TEXT];
    struct su_guid id;
    int more;
    const char *word = classifications ? NULL : su_given(c, "match"), *since;
    if (su_look_since(c, &since, err) < 0 ||
        su_query(c->home.db, &rows, err,
                 "SELECT * FROM (SELECT r.update_id, trim(i.title, char(9,10,13,32)) AS title, "
                 "i.category_type, EXISTS "
                 "(SELECT 1 FROM source_choice k WHERE k.kind=?1 AND upper(replace(k.value, '-', "
                 "''))=hex(r.update_id)), "
                 "coalesce((SELECT finished FROM sync_history WHERE sync_id=(SELECT min(o.arrived) FROM "
                 "revision o WHERE "
                 "o.update_id=r.update_id)), '') AS came FROM revision r JOIN info i USING (rev_id) WHERE "
                 "i.type=0 AND "
                 "r.revision=(SELECT max(n.revision) FROM revision n WHERE n.update_id=r.update_id) AND "
                 "(i.category_type='UpdateClassification')=?1 AND (?2 IS NULL OR instr(lower(i.title), "
                 "lower(?2))>0)) "
                 "WHERE came>=?3 ORDER BY category_type, lower(title), update_id",
                 SU_I(classifications), SU_T(word), SU_T(since)) < 0)
        return -1;
    su_json_open(&c->json, classifications ? "classifications" : "products", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 0, id.bytes, 16, err) < 0)
            return -1;
        su_guid_format(&id, text);
        bool is_chosen = su_rows_int(&rows, 3) != 0;
        su_line(c, "%s %c%-20s %s", text, is_chosen ? '*' : ' ', su_rows_text(&rows, 2),
                su_rows_text(&rows, 1));
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", text);
        su_json_text(&c->json, "type", su_rows_text(&rows, 2));
        su_json_text(&c->json, "title", su_rows_text(&rows, 1));
        su_json_bool(&c->json, "chosen", is_chosen);
        su_json_text(&c->json, "came", su_rows_text(&rows, 4));
        su_json_close(&c->json, '}');
    }
    su_json_close(&c->json, ']');
    return more;
}

int cmd_products(struct su_context *c, struct su_err *err)
{
    return list(c, false, err);
}

int cmd_classifications(struct su_context *c, struct su_err *err)
{
    return list(c, true, err);
}
