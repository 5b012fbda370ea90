#include "common/catalogue/pin.h"

#include "common/sys/clock.h"

const char *su_pin_reason_text(enum su_pin_reason reason)
{
    static const char *const texts[] = {"catalogue", "third-party", "operator"};
    return texts[reason];
}

int su_pin_add(struct su_db *db, const struct su_guid *id, enum su_pin_reason reason, const char *note,
               struct su_err *err)
{
    char now[SU_TIME_TEXT];
    return su_run(db, err, "INSERT OR IGNORE INTO pin VALUES (?1,?2,?3,?4)",
                  SU_B(id->bytes, sizeof id->bytes), SU_T(su_pin_reason_text(reason)), SU_T(su_time_now(now)),
                  SU_T(note ? note : ""));
}

int su_pin_remove(struct su_db *db, const struct su_guid *id, struct su_err *err)
{
    return su_run(db, err, "DELETE FROM pin WHERE update_id=?1", SU_B(id->bytes, sizeof id->bytes));
}

int su_pin_has(struct su_db *db, const struct su_guid *id, bool *out, struct su_err *err)
{
    int64_t count;
    if (su_query_int(db, &count, NULL, err, "SELECT count(*) FROM pin WHERE update_id=?1",
                     SU_B(id->bytes, sizeof id->bytes)) < 0)
        return -1;
    *out = count > 0;
    return 0;
}

int su_pin_list(struct su_db *db, int (*take)(void *context, const struct su_guid *id, struct su_err *err),
                void *context, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(db, &rows, err, "SELECT update_id FROM pin ORDER BY update_id") < 0)
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

int su_pin_digest(struct su_db *db, uint8_t out[SU_SHA256_BYTES], uint64_t *count, struct su_err *err)
{
    struct digesting d = {.count = 0};
    int result = su_digest_open(&d.digest, SU_SHA256, err);
    if (result == 0)
        result = su_pin_list(db, add_to_digest, &d, err);
    if (result == 0)
        result = su_digest_end(&d.digest, out, err);
    su_digest_cleanup(&d.digest);
    *count = d.count;
    return result;
}
