#include "common/point/home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/lib/digest.h"
#include "common/sys/lock.h"
#include "schema.h" /* made from common/schema by the Makefile: su_schema_steps */

#define DATABASE "update-point.db"
#define APPLICATION_ID 0x53554442 /* "SUDB" */

const char *su_role_text(enum su_role role)
{
    return role == SU_HUB ? "hub" : "site";
}

static const size_t schema_version = sizeof su_schema_steps / sizeof *su_schema_steps;

/* Applies the steps a database lacks, all in one transaction: what is interrupted leaves a home that the
 * program it came from can still open. */
static int upgrade(struct su_db *db, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    char pragma[96];
    int64_t version;
    if (su_query_int(db, &version, NULL, err, "PRAGMA user_version") < 0)
        return -1;
    if ((size_t)version == schema_version)
        return 0;
    if (su_begin(&t, db, err) < 0)
        return -1;
    for (size_t step = (size_t)version; step < schema_version; step++)
        if (su_db_script(db, su_schema_steps[step], err) < 0)
            return su_prefix(err, "schema step %zu", step + 1);
    (void)snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d; PRAGMA user_version=%zu;",
                   APPLICATION_ID, schema_version);
    return su_db_script(db, pragma, err) < 0 || su_commit(&t, err) < 0 ? su_prefix(err, "new schema") : 0;
}

int su_home_memory(struct su_db **out, struct su_err *err)
{
    return su_db_open_memory(out, err) < 0 ? -1 : upgrade(*out, err);
}

/* Everything a schema can hold, each field quoted so that none can imitate another; only SQLite's own
 * statistics may come and go. */
#define SCHEMA_TEXT                                                                                          \
    "SELECT coalesce(group_concat(text, ';'), '') FROM (SELECT "                                             \
    "quote(type)||quote(name)||quote(tbl_name)||quote(sql) AS text "                                         \
    "FROM sqlite_schema WHERE name NOT IN ('sqlite_stat1', 'sqlite_stat4') ORDER BY type, name)"

/* SHA-256 of that text after the newest step; tests/cli/docs.sh says which it must be. Applying the steps to
 * a database in memory takes 9 ms, half of what a small command needs. */
static const char schema_sha256[] = "89ea958bd2fda54bba67a89bfcec716879630a081b4bf03f53c7e4ae3937f05c";

/* For a schema of another text: an older step's, or one that another SQLite wrote for its full-text index. */
static int compare_schema(const char *have, int64_t version, struct su_err *err)
{
    SU_AUTO(su_db) struct su_db *reference = NULL;
    SU_AUTO(su_buf) struct su_buf want = SU_BUF_INIT(1024 * 1024);
    if (su_db_open_memory(&reference, err) < 0)
        return -1;
    for (size_t step = 0; step < (size_t)version; step++)
        if (su_db_script(reference, su_schema_steps[step], err) < 0)
            return -1;
    if (su_query_text(reference, &want, NULL, err, SCHEMA_TEXT) < 0)
        return -1;
    if (strcmp(have, want.bytes) != 0)
        return su_fail(err, SU_DATA, "%s holds tables, views or triggers that are not ours", DATABASE);
    return 0;
}

/* A database from elsewhere could carry views, triggers or tables of an attacker: the schema must
 * be, word for word, the one our steps make. */
static int prove_schema(struct su_db *db, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf have = SU_BUF_INIT(1024 * 1024);
    int64_t application, version;
    uint8_t digest[SU_SHA256_BYTES];
    char text[SU_SHA256_TEXT];
    if (su_query_int(db, &application, NULL, err, "PRAGMA application_id") < 0 ||
        su_query_int(db, &version, NULL, err, "PRAGMA user_version") < 0)
        return -1;
    if (application != APPLICATION_ID)
        return su_fail(err, SU_CONFIG, "%s is not the database of an update point", DATABASE);
    if (version > (int64_t)schema_version || version < 1) {
        (void)su_fail(err, SU_CONFIG, "%s has schema version %lld, this program knows up to %zu", DATABASE,
                      (long long)version, schema_version);
        (void)su_after(err, "Nothing was written.");
        return su_remedy(err, "Use the program that wrote it, or a newer one; a database never goes back.");
    }
    if (su_query_text(db, &have, NULL, err, SCHEMA_TEXT) < 0 ||
        su_sha256(digest, have.bytes, have.length, err) < 0)
        return -1;
    su_hex_format(digest, sizeof digest, text);
    if ((size_t)version == schema_version && strcmp(text, schema_sha256) == 0)
        return 0;
    return compare_schema(have.bytes, version, err);
}

/* The home's real path: SQLite is told to follow no link, the user may have named one. It starts with
 * a slash, so it can never be taken for a URI. */
static int database_path(char *out, size_t room, const char *path, struct su_err *err)
{
    SU_AUTO(su_text) char *real = realpath(path, NULL);
    if (!real)
        return su_fail_sys(err, "%s", path);
    int n = snprintf(out, room, "%s/%s", real, DATABASE);
    return n < 0 || (size_t)n >= room ? su_fail(err, SU_CONFIG, "the path of the home is too long") : 0;
}

static int make_directories(struct su_home *home, enum su_role role, struct su_err *err)
{
    SU_AUTO(su_fd) su_fd inbox = -1;
    if (su_dir_make(&home->content, home->dir, "content", 0700, err) < 0 ||
        su_dir_make(&home->keys, home->dir, "keys", 0700, err) < 0 ||
        su_dir_make(&home->log, home->dir, "log", 0700, err) < 0 ||
        (role == SU_HUB && su_dir_make(&inbox, home->dir, SU_INBOX_NAME, 0700, err) < 0))
        return -1;
    return 0;
}

/* Made under a temporary name and renamed, so that a home is there completely or not at all. */
static int make_database(struct su_home *home, const char *path, enum su_role role, const char *name,
                         struct su_err *err)
{
    SU_AUTO(su_db) struct su_db *db = NULL;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    char final[4096], temp[4096 + 8];
    if (database_path(final, sizeof final, path, err) < 0)
        return -1;
    (void)snprintf(temp, sizeof temp, "%s.new", final);
    if (su_file_remove(home->dir, DATABASE ".new", err) < 0 || su_db_open(&db, temp, true, false, err) < 0)
        return -1;
    if (upgrade(db, err) < 0 || su_begin(&t, db, err) < 0 ||
        su_run(db, err, "INSERT INTO setting VALUES ('role', ?1), ('name', ?2), ('content_version', '0')",
               SU_T(su_role_text(role)), SU_T(name)) < 0 ||
        su_commit(&t, err) < 0 || su_db_script(db, "PRAGMA journal_mode=WAL", err) < 0)
        return -1;
    su_db_cleanup(&db);
    return su_file_rename(home->dir, DATABASE ".new", home->dir, DATABASE, err);
}

static int read_identity(struct su_home *home, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf role = SU_BUF_INIT(64), name = SU_BUF_INIT(64);
    if (su_query_text(home->db, &role, NULL, err, "SELECT value FROM setting WHERE key='role'") < 0 ||
        su_query_text(home->db, &name, NULL, err, "SELECT value FROM setting WHERE key='name'") < 0)
        return -1;
    home->role = strcmp(role.bytes, "hub") == 0 ? SU_HUB : SU_SITE;
    (void)snprintf(home->name, sizeof home->name, "%s", name.bytes);
    return 0;
}

int su_home_init(const char *path, enum su_role role, const char *name, bool *is_new, struct su_err *err)
{
    SU_AUTO(su_home) struct su_home home = SU_HOME_INIT;
    *is_new = false;
    if (su_path_make(&home.dir, path, 0700, NULL, err) < 0)
        return -1;
    if (!su_file_exists(home.dir, DATABASE)) {
        if (su_lock_take(&home.lock, home.dir, "init", err) < 0 || make_directories(&home, role, err) < 0 ||
            make_database(&home, path, role, name ? name : "HUB", err) < 0)
            return su_prefix(err, "home %s", path);
        *is_new = true;
        return 0;
    }
    if (su_home_open(&home, path, role, SU_READ, "init", err) < 0)
        return -1;
    if (name && strcmp(home.name, name) != 0)
        return su_fail(err, SU_EXISTS, "home %s belongs to %s %s, not to %s", path, su_role_text(role),
                       home.name, name);
    return 0;
}

/* SQLite asks no question of what bears these names: a pipe would hold it for ever, and what has a second
 * name elsewhere it would write to. The database itself may have one; it is written to as one file. A rollback
 * journal is never ours, since a database gets its name in WAL mode; one that names a super-journal makes SQLite
 * delete the file of that name, wherever it is. */
static int check_files(const struct su_home *home, struct su_err *err)
{
    static const char *const names[] = {DATABASE, DATABASE "-wal", DATABASE "-shm"};
    struct su_file_mark mark;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!su_file_look(home->dir, names[i], &mark))
            continue;
        if (!mark.is_regular)
            return su_fail(err, SU_DATA, "%s is not a regular file", names[i]);
        if (i > 0 && mark.links > 1) {
            (void)su_fail(err, SU_DATA, "%s is a hard link: %llu names lead to it", names[i],
                          (unsigned long long)mark.links);
            return su_remedy(err, "Copy the home file by file (cp -a) and use the copy.");
        }
    }
    if (!su_file_exists(home->dir, DATABASE "-journal"))
        return 0;
    (void)su_fail(err, SU_DATA, "%s lies beside the database, and no program of ours has put it there",
                  DATABASE "-journal");
    return su_remedy(err, "Take it away, and find out who put it there; or restore the home from a copy.");
}

/* Who only reads cannot bring an older home up to date, and would ask for tables that are not there yet. */
static int check_is_current(struct su_db *db, const char *path, enum su_role role, struct su_err *err)
{
    int64_t version;
    if (su_query_int(db, &version, NULL, err, "PRAGMA user_version") < 0)
        return -1;
    if ((size_t)version == schema_version)
        return 0;
    (void)su_fail(err, SU_CONFIG, "it was made by an older program: schema version %lld, this one's is %zu",
                  (long long)version, schema_version);
    return su_remedy(err, "Bring it up to date once: su%s --home %s rebuild",
                     role == SU_HUB ? "export" : "import", path);
}

int su_home_open(struct su_home *home, const char *path, enum su_role role, enum su_access access,
                 const char *command, struct su_err *err)
{
    char file[4096];
    su_fd_cleanup(&home->dir);
    if (su_dir_open(&home->dir, AT_FDCWD, path, err) < 0) {
        err->code = SU_CONFIG;
        return su_remedy(err, "Make a home first: su%s --home %s init%s",
                         role == SU_HUB ? "export" : "import", path, role == SU_HUB ? "" : " --site CODE");
    }
    if (!su_file_exists(home->dir, DATABASE)) {
        (void)su_fail(err, SU_CONFIG, "%s is not a home: it holds no %s", path, DATABASE);
        return su_remedy(err, "Make a home first: su%s --home %s init%s",
                         role == SU_HUB ? "export" : "import", path, role == SU_HUB ? "" : " --site CODE");
    }
    if (access == SU_WRITE && su_lock_take(&home->lock, home->dir, command, err) < 0)
        return -1;
    if (check_files(home, err) < 0 || make_directories(home, role, err) < 0 ||
        database_path(file, sizeof file, path, err) < 0 ||
        su_db_open(&home->db, file, false, access == SU_READ, err) < 0 || prove_schema(home->db, err) < 0 ||
        (access == SU_WRITE ? upgrade(home->db, err) : check_is_current(home->db, path, role, err)) < 0 ||
        read_identity(home, err) < 0 ||
        /* the lock is ours: nobody is at work on a key; what a killed run left may be half of one */
        (access == SU_WRITE && su_dir_sweep(home->keys, true, err) < 0))
        return su_prefix(err, "home %s", path);
    if (home->role != role)
        return su_fail(err, SU_CONFIG, "home %s is a %s, this command wants a %s", path,
                       su_role_text(home->role), su_role_text(role));
    return 0;
}

void su_home_cleanup(struct su_home *home)
{
    su_db_cleanup(&home->db);
    su_fd_cleanup(&home->content);
    su_fd_cleanup(&home->keys);
    su_fd_cleanup(&home->log);
    su_fd_cleanup(&home->lock);
    su_fd_cleanup(&home->dir);
}

int su_setting_int(struct su_db *db, const char *key, int64_t *out, struct su_err *err)
{
    bool found;
    *out = 0;
    return su_query_int(db, out, &found, err, "SELECT CAST(value AS INTEGER) FROM setting WHERE key=?1",
                        SU_T(key));
}

int su_setting_put_int(struct su_db *db, const char *key, int64_t value, struct su_err *err)
{
    return su_run(db, err, "INSERT OR REPLACE INTO setting VALUES (?1, CAST(?2 AS TEXT))", SU_T(key),
                  SU_I(value));
}
