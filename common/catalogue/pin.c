#include "common/catalogue/pin.h"

#include "common/sys/clock.h"

static const char *reason_text(enum su_pin_reason reason)
{
    static const char *const texts[] = {"catalogue", "third-party", "operator"};
    return texts[reason];
}

int su_pin_add(struct su_db *db, const struct su_guid *id, enum su_pin_reason reason, const char *note,
               struct su_err *err)
{
    char now[SU_TIME_TEXT];
    return su_run(db, err, "INSERT OR IGNORE INTO pin VALUES (?1,?2,?3,?4)",
                  SU_B(id->bytes, sizeof id->bytes), SU_T(reason_text(reason)), SU_T(su_time_now(now)),
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

static const char all[] = "SELECT update_id FROM pin ORDER BY update_id";

int su_pin_list(struct su_db *db, su_id_take take, void *context, struct su_err *err)
{
    return su_id_query(db, all, take, context, err);
}

int su_pin_digest(struct su_db *db, uint8_t out[SU_SHA256_BYTES], uint64_t *count, struct su_err *err)
{
    return su_id_query_digest(db, all, out, count, err);
}
