#include "common/catalogue/id_query.h"

int su_id_query(struct su_db *db, const char *sql, su_id_take take, void *context, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(db, &rows, err, sql) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0 || take(context, &id, err) < 0)
            return -1;
    return more;
}

struct digesting {
    struct su_digest digest;
    uint64_t count;
};

static int add_to_digest(void *context, const struct su_guid *id, struct su_err *err)
{
    struct digesting *d = context;
    d->count++;
    return su_digest_add(&d->digest, id->bytes, sizeof id->bytes, err);
}

int su_id_query_digest(struct su_db *db, const char *sql, uint8_t out[SU_SHA256_BYTES], uint64_t *count,
                       struct su_err *err)
{
    struct digesting d = {.count = 0};
    int result = su_digest_open(&d.digest, SU_SHA256, err);
    if (result == 0)
        result = su_id_query(db, sql, add_to_digest, &d, err);
    if (result == 0)
        result = su_digest_end(&d.digest, out, err);
    su_digest_cleanup(&d.digest);
    *count = d.count;
    return result;
}
