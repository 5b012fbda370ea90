#include "common/hub/rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/sys/clock.h"

void su_key_files_cleanup(struct su_key_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        su_key_file_cleanup(&files->at[i]);
    free(files->at);
    *files = (struct su_key_files){0};
}

int su_key_state_of(struct su_db *db, const struct su_key_file *key, struct su_key_state *out,
                    struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf predecessor = SU_BUF_INIT(256);
    int64_t revoked;
    bool found;
    *out = (struct su_key_state){.is_revoked = false};
    if (su_query_int(db, &revoked, NULL, err, "SELECT count(*) FROM key_revoked WHERE key_id=?1",
                     SU_B(key->key.id, SU_SHA256_BYTES)) < 0 ||
        su_query_text(db, &predecessor, &found, err, "SELECT predecessor FROM key_successor WHERE name=?1",
                      SU_T(key->name)) < 0)
        return -1;
    out->is_revoked = revoked > 0;
    if (found)
        (void)snprintf(out->predecessor, sizeof out->predecessor, "%.64s", predecessor.bytes);
    return 0;
}

static int tell_ledger(struct su_home *home, const struct su_actor *actor, const struct su_key_file *key,
                       const char *kind, const char *what, const char *other, struct su_err *err)
{
    char detail[256];
    (void)snprintf(detail, sizeof detail, "%s (%s) %s %s", key->name, key->role, what, other);
    struct su_ledger_entry entry = {.actor = actor, .kind = kind, .site = "", .detail = detail};
    memcpy(entry.subject, key->key.id, SU_SHA256_BYTES);
    return su_ledger_add(home->db, &entry, err);
}

int su_key_rotate(struct su_home *home, const char *name, const char *to, const char *passphrase,
                  const struct su_actor *actor, struct su_key_file *out, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file old = SU_KEY_FILE_INIT;
    struct su_key_state state;
    uint8_t spki[SU_SPKI_BYTES];
    char now[SU_TIME_TEXT];
    int64_t lines;
    if (su_keys_find(home, name, &old, err) < 0 || su_key_state_of(home->db, &old, &state, err) < 0 ||
        su_query_int(home->db, &lines, NULL, err, "SELECT count(*) FROM key_successor") < 0)
        return -1;
    if (state.is_revoked) {
        (void)su_fail(err, SU_KEY_REVOKED, "key %s is revoked: it can vouch for no successor", name);
        return su_remedy(err, "Make a new key (suexport key generate) and carry it to each site by hand.");
    }
    if (strcmp(old.role, "receiver") == 0)
        return su_fail(err, SU_USAGE, "%s is a receiver's key: the hub does not introduce those to sites",
                       name);
    if (lines >= SU_MAX_KEY_LINES)
        return su_fail(err, SU_LIMIT, "a manifest introduces at most %u keys", SU_MAX_KEY_LINES);
    if (su_keys_generate(home, to, old.role, passphrase, out, err) < 0 ||
        su_key_save_spki(&out->key, spki, err) < 0 ||
        su_run(home->db, err,
               "INSERT INTO key_successor (name, predecessor, role, spki, added) VALUES (?1,?2,?3,?4,?5)",
               SU_T(to), SU_T(name), SU_T(old.role), SU_B(spki, sizeof spki), SU_T(su_time_now(now))) < 0)
        return -1;
    return tell_ledger(home, actor, out, "rotate", "follows", name, err);
}

/* Exporter keys of the home that are not revoked, by name. */
static int active_exporters(const struct su_home *home, struct su_key_files *out, struct su_err *err)
{
    SU_AUTO(su_names) struct su_names names = {0};
    if (su_keys_list(home, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        SU_AUTO(su_key_file) struct su_key_file file = SU_KEY_FILE_INIT;
        struct su_key_state state;
        if (su_keys_find(home, names.at[i], &file, err) < 0 ||
            su_key_state_of(home->db, &file, &state, err) < 0)
            return -1;
        if (strcmp(file.role, "exporter") != 0 || state.is_revoked)
            continue;
        struct su_key_file *slot = SU_PUSH(out, 10000);
        if (!slot)
            return su_fail_memory(err);
        *slot = file;
        (void)snprintf(slot->name, sizeof slot->name, "%s", names.at[i]);
        file = (struct su_key_file)SU_KEY_FILE_INIT;
    }
    return 0;
}

int su_key_revoke(struct su_home *home, const char *name, const uint64_t *up_to, const struct su_actor *actor,
                  struct su_key_file *out, struct su_err *err)
{
    SU_AUTO(su_key_files) struct su_key_files active = {0};
    char now[SU_TIME_TEXT], limit[64] = "up to the last bundle made";
    int64_t lines;
    if (su_keys_find(home, name, out, err) < 0 || active_exporters(home, &active, err) < 0 ||
        su_query_int(home->db, &lines, NULL, err, "SELECT count(*) FROM key_revoked") < 0)
        return -1;
    if (active.count == 1 && memcmp(active.at[0].key.id, out->key.id, SU_SHA256_BYTES) == 0) {
        (void)su_fail(err, SU_LAST_KEY, "%s is the only exporter key that is left", name);
        return su_remedy(err, "Make its successor first: suexport key rotate --name %s --to NEW", name);
    }
    if (lines >= SU_MAX_KEY_LINES)
        return su_fail(err, SU_LIMIT, "a manifest revokes at most %u keys", SU_MAX_KEY_LINES);
    if (up_to)
        (void)snprintf(limit, sizeof limit, "up to sequence %llu", (unsigned long long)*up_to);
    /* Twice is harmless, and a revocation is never softened. */
    if (su_run(home->db, err, "INSERT OR IGNORE INTO key_revoked (key_id, name, added) VALUES (?1,?2,?3)",
               SU_B(out->key.id, SU_SHA256_BYTES), SU_T(name), SU_T(su_time_now(now))) < 0)
        return -1;
    bool is_new = su_db_changes(home->db) > 0;
    if (su_run(home->db, err,
               "INSERT INTO key_revoked_site (key_id, site_id, last_sequence) SELECT ?1, s.site_id, "
               "coalesce(?2, "
               "(SELECT max(sequence) FROM export e WHERE e.site_id=s.site_id), 0) FROM site s WHERE ?3 "
               "ON CONFLICT DO NOTHING",
               SU_B(out->key.id, SU_SHA256_BYTES), up_to ? SU_I(*up_to) : SU_NULL, SU_I(is_new)) < 0 ||
        (!is_new && up_to &&
         su_run(home->db, err,
                "UPDATE key_revoked_site SET last_sequence=min(last_sequence,?2) WHERE key_id=?1",
                SU_B(out->key.id, SU_SHA256_BYTES), SU_I(*up_to)) < 0))
        return -1;
    return tell_ledger(home, actor, out, "revoke", "counts", limit, err);
}

static int compare_successors(const void *a, const void *b)
{
    return memcmp(((const struct su_successor *)a)->spki, ((const struct su_successor *)b)->spki,
                  SU_SPKI_BYTES);
}

static int declare_successors(struct su_db *db, struct su_manifest *m, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(
            db, &rows, err,
            "SELECT name, role, spki FROM key_successor WHERE name NOT IN (SELECT name FROM key_revoked)") <
        0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_successor *s = SU_PUSH(&m->successors, SU_MAX_KEY_LINES);
        if (!s)
            return su_fail_full(err, "a manifest introduces at most %u keys", SU_MAX_KEY_LINES);
        (void)snprintf(s->name, sizeof s->name, "%s", su_rows_text(&rows, 0));
        (void)snprintf(s->role, sizeof s->role, "%s", su_rows_text(&rows, 1));
        if (su_rows_fixed(&rows, 2, s->spki, sizeof s->spki, err) < 0)
            return -1;
    }
    if (m->successors.count > 1)
        qsort(m->successors.at, m->successors.count, sizeof *m->successors.at, compare_successors);
    return more;
}

int su_rotation_declare(struct su_db *db, int64_t site_id, struct su_manifest *m, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (declare_successors(db, m, err) < 0 ||
        su_query(db, &rows, err,
                 "SELECT r.key_id, coalesce((SELECT last_sequence FROM key_revoked_site s WHERE "
                 "s.key_id=r.key_id AND s.site_id=?1), 0) FROM key_revoked r ORDER BY r.key_id",
                 SU_I(site_id)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_revocation *r = SU_PUSH(&m->revocations, SU_MAX_KEY_LINES);
        if (!r)
            return su_fail_full(err, "a manifest revokes at most %u keys", SU_MAX_KEY_LINES);
        r->last_sequence = (uint64_t)su_rows_int(&rows, 1);
        if (su_rows_fixed(&rows, 0, r->key_id, sizeof r->key_id, err) < 0)
            return -1;
    }
    return more;
}

/* The first key of the line that `name` stands in, and how many rotations lie between. */
static int line_of(struct su_db *db, const char *name, char first[65], unsigned *age, struct su_err *err)
{
    (void)snprintf(first, 65, "%s", name);
    for (*age = 0; *age <= SU_MAX_KEY_LINES; ++*age) {
        SU_AUTO(su_buf) struct su_buf predecessor = SU_BUF_INIT(256);
        bool found;
        if (su_query_text(db, &predecessor, &found, err,
                          "SELECT predecessor FROM key_successor WHERE name=?1", SU_T(first)) < 0)
            return -1;
        if (!found)
            return 0;
        (void)snprintf(first, 65, "%.64s", predecessor.bytes);
    }
    return su_fail(err, SU_DATA, "database: the keys before %s go in a circle", name);
}

/* All must stand in one line; `out` gets their private halves, the oldest first. */
static int open_line(const struct su_home *home, const struct su_key_files *active,
                     const struct su_passphrase *passphrase, struct su_key_files *out, struct su_err *err)
{
    char first[65] = "", other[65];
    unsigned age;
    for (unsigned want = 0; out->count < active->count; want++) {
        for (size_t i = 0; i < active->count; i++) {
            if (line_of(home->db, active->at[i].name, other, &age, err) < 0)
                return -1;
            if (first[0] && strcmp(first, other) != 0)
                return su_fail(err, SU_AMBIGUOUS,
                               "this hub has %zu exporter keys, and not each follows another; name one with "
                               "--key",
                               active->count);
            memcpy(first, other, sizeof first);
            if (age != want)
                continue;
            struct su_key_file *slot = SU_PUSH(out, SU_MAX_SIGNATURES);
            if (!slot)
                return su_fail_full(err, "a bundle carries at most %u signatures; revoke keys of old",
                                    SU_MAX_SIGNATURES);
            if (su_keys_open_private(home, active->at[i].name, passphrase, slot, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int open_named(const struct su_home *home, const char *name, const struct su_passphrase *passphrase,
                      struct su_key_files *out, struct su_err *err)
{
    struct su_key_state state;
    struct su_key_file *slot = SU_PUSH(out, SU_MAX_SIGNATURES);
    if (!slot)
        return su_fail_memory(err);
    if (su_keys_open_private(home, name, passphrase, slot, err) < 0 ||
        su_key_state_of(home->db, slot, &state, err) < 0)
        return -1;
    return state.is_revoked ? su_fail(err, SU_KEY_REVOKED, "key %s is revoked: it signs no more", name) : 0;
}

int su_keys_open_signers(const struct su_home *home, const char *name, const struct su_passphrase *passphrase,
                         struct su_key_files *out, struct su_err *err)
{
    SU_AUTO(su_key_files) struct su_key_files active = {0};
    if (name)
        return open_named(home, name, passphrase, out, err);
    if (active_exporters(home, &active, err) < 0)
        return -1;
    if (active.count == 0)
        return su_fail(err, SU_NO_KEY, "this hub has no exporter key to sign with");
    return open_line(home, &active, passphrase, out, err);
}
