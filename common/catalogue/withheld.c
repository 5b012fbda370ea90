#include "common/catalogue/withheld.h"

int su_withheld_list(struct su_db *db,
                     int (*take)(void *context, const struct su_guid *id, struct su_err *err), void *context,
                     struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(
            db, &rows, err,
            "SELECT update_id FROM vendor_package WHERE update_id NOT IN (SELECT update_id FROM pin) ORDER "
            "BY update_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0 || take(context, &id, err) < 0)
            return -1;
    return more;
}
