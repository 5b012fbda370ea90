#include "common/core/ledger.h"

#include <string.h>

#include "common/base/text.h"
#include "common/sys/clock.h"

int su_ledger_head(struct su_db *db, uint8_t out[SU_SHA256_BYTES], struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    memset(out, 0, SU_SHA256_BYTES);
    if (su_query(db, &rows, err, "SELECT hash FROM ledger ORDER BY entry DESC LIMIT 1") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    return more <= 0 ? more : su_rows_fixed(&rows, 0, out, SU_SHA256_BYTES, err);
}

int su_ledger_add(struct su_db *db, const struct su_ledger_entry *e, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(16 * 1024);
    uint8_t previous[SU_SHA256_BYTES], hash[SU_SHA256_BYTES];
    char now[SU_TIME_TEXT], operator[128], detail[1024];
    int64_t entry;
    su_escape_into(operator, sizeof operator, e->actor->operator);
    su_escape_into(detail, sizeof detail, e->detail); /* one line each: the hash input must be unambiguous */
    if (su_query_int(db, &entry, NULL, err, "SELECT coalesce(max(entry),0)+1 FROM ledger") < 0 ||
        su_ledger_head(db, previous, err) < 0)
        return -1;
    su_buf_addf(&text, "SU-LEDGER 1\n%lld\n%s\n%s\n%s\n%s\n%llu\n", (long long)entry,
                su_time_now(now), operator, e->kind, e->site, (unsigned long long)e->sequence);
    su_buf_addhex(&text, e->subject, SU_SHA256_BYTES);
    su_buf_addf(&text, "\n%s\n", detail);
    su_buf_addhex(&text, previous, SU_SHA256_BYTES);
    su_buf_adds(&text, "\n");
    if (su_buf_check(&text, "a ledger entry", err) < 0 || su_sha256(hash, text.bytes, text.length, err) < 0)
        return -1;
    return su_run(db, err, "INSERT INTO ledger (entry, time, operator, kind, site, sequence, subject, detail, previous, hash)"
                  " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)", SU_I(entry),
                  SU_T(now), SU_T(operator), SU_T(e->kind), SU_T(e->site), SU_I(e->sequence),
                  SU_B(e->subject, SU_SHA256_BYTES), SU_T(detail), SU_B(previous, SU_SHA256_BYTES),
                  SU_B(hash, SU_SHA256_BYTES));
}
