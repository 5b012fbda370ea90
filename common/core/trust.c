#include "common/core/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/core/ledger.h"
#include "common/sys/clock.h"

/* A key pinned for one role is not quietly taken for another. */
static int check_same_role(struct su_db *db, const struct su_key_file *file, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf role = SU_BUF_INIT(64);
    if (su_query_text(db, &role, NULL, err, "SELECT role FROM trust WHERE key_id=?1",
                      SU_B(file->key.id, SU_SHA256_BYTES)) < 0)
        return -1;
    return strcmp(role.bytes, file->role) == 0
               ? 0
               : su_fail(err, SU_EXISTS, "this key is pinned as %s already, not as %s", role.bytes,
                         file->role);
}

int su_trust_add(struct su_home *home, const struct su_key_file *file, const char *fingerprint,
                 const struct su_actor *actor, bool *is_new, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    char have[SU_FINGERPRINT_TEXT], now[SU_TIME_TEXT], detail[160];
    su_key_fingerprint(file->key.id, have);
    if (fingerprint && !su_key_has_fingerprint(file->key.id, fingerprint)) {
        (void)su_fail(err, SU_FINGERPRINT, "the key's fingerprint is %s, you gave %s", have, fingerprint);
        return su_after(err, "Nothing was written.");
    }
    if (strcmp(file->role, "exporter") != 0 && strcmp(file->role, "reviewer") != 0)
        return su_fail(err, SU_KEY, "a key of role %s does not sign bundles", file->role);
    if (su_key_save_public(&file->key, &pem, err) < 0 || su_begin(&t, home->db, err) < 0 ||
        su_run(home->db, err, "INSERT OR IGNORE INTO trust (key_id, name, role, pem, added) VALUES (?1,?2,?3,?4,?5)",
               SU_B(file->key.id, SU_SHA256_BYTES), SU_T(file->name), SU_T(file->role), SU_T(pem.bytes),
               SU_T(su_time_now(now))) < 0)
        return -1;
    *is_new = su_db_changes(home->db) > 0;
    if (!*is_new && check_same_role(home->db, file, err) < 0)
        return su_after(err, "Nothing was written.");
    (void)snprintf(detail, sizeof detail, "%s (%s) %s", file->name, file->role, have);
    struct su_ledger_entry entry = {
        .actor = actor, .kind = "trust", .site = home->name, .detail = detail};
    memcpy(entry.subject, file->key.id, SU_SHA256_BYTES);
    if (*is_new && su_ledger_add(home->db, &entry, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_trust_load(struct su_db *db, struct su_trust *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(db, &rows, err, "SELECT key_id, name, role, pem FROM trust ORDER BY name, key_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_trusted *t = SU_PUSH(&out->keys, 1000);
        uint8_t id[SU_SHA256_BYTES];
        const char *pem = su_rows_text(&rows, 3);
        if (!t)
            return su_fail_memory(err);
        if (su_rows_fixed(&rows, 0, id, sizeof id, err) < 0 ||
            su_key_load_public(&t->key, pem, strlen(pem), err) < 0)
            return -1;
        if (memcmp(id, t->key.id, sizeof id) != 0)
            return su_fail(err, SU_DATA, "database: a pinned key is not the one its row names");
        (void)snprintf(t->name, sizeof t->name, "%s", su_rows_text(&rows, 1));
        (void)snprintf(t->role, sizeof t->role, "%s", su_rows_text(&rows, 2));
    }
    return more;
}

void su_trust_cleanup(struct su_trust *trust)
{
    for (size_t i = 0; i < trust->keys.count; i++)
        su_key_cleanup(&trust->keys.at[i].key);
    free(trust->keys.at);
    *trust = (struct su_trust){0};
}
