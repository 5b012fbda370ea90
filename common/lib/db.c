#include "common/lib/db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/lib/feed.h"

#define CACHE_SLOTS 512 /* power of two, several times the number of statements in the programs */

struct su_cached {
    const char *sql; /* the literal's address is the key */
    sqlite3_stmt *statement;
    bool is_busy;
};

struct su_db {
    sqlite3 *handle;
    struct su_cached cache[CACHE_SLOTS];
    struct su_feed feed;
    struct su_arg cells[SU_FEED_CELLS];
};

struct su_arg su_arg_text(const char *text)
{
    if (!text)
        return SU_NULL;
    return (struct su_arg){.kind = SU_ARG_TEXT, .bytes = text, .length = strlen(text)};
}

static int failed(struct su_db *db, const char *sql, struct su_err *err)
{
    int code = sqlite3_errcode(db->handle);
    enum su_code kind = code == SQLITE_FULL                               ? SU_SPACE
                        : code == SQLITE_NOMEM                            ? SU_MEMORY
                        : code == SQLITE_BUSY || code == SQLITE_LOCKED    ? SU_LOCKED
                        : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? SU_DATA
                                                                          : SU_DATABASE;
    (void)su_fail(err, kind, "database: %s (in: %.160s)", sqlite3_errmsg(db->handle), sql);
    return kind == SU_DATA ? su_remedy(err, "%s", su_code_remedy(SU_DATABASE)) : -1;
}

/* Hardening against a database file that is not ours (trusted_schema, defensive, cell_size_check),
 * durability of every commit (WAL with synchronous=FULL), readers that never block a writer (WAL). */
static const char SETTINGS[] = "PRAGMA trusted_schema=OFF;"
                               "PRAGMA cell_size_check=ON;"
                               "PRAGMA mmap_size=0;"
                               "PRAGMA foreign_keys=ON;"
                               "PRAGMA synchronous=FULL;"
                               "PRAGMA temp_store=FILE;";

/* Against pages of 4 KiB a first load takes 7 % less time of the database, and the synchronization of a month
 * the same; 16 KiB gives 4 % more, but a delta writes whole pages for single rows of the indices. */
static const char NEW_DATABASE[] = "PRAGMA page_size=8192;";

static int configure(struct su_db *db, bool is_file, struct su_err *err)
{
    if (sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db->handle, 10000) != SQLITE_OK ||
        su_feed_register(db->handle, &db->feed) != SQLITE_OK)
        return failed(db, "configuration", err);
    (void)sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, (int)(2 * SU_MAX_DOCUMENT_BYTES));
    if (su_db_script(db, SETTINGS, err) < 0 || su_db_cache(db, SU_DB_CACHE_KIB, err) < 0)
        return -1;
    return is_file ? su_db_script(db, "PRAGMA wal_autocheckpoint=4000;", err) : 0;
}

static int open_at(struct su_db **out, const char *path, int flags, struct su_err *err)
{
    struct su_db *db = calloc(1, sizeof *db);
    if (!db)
        return su_fail_memory(err);
    if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        (void)su_fail(err, SU_DATABASE, "database %s: %s", path,
                      db->handle ? sqlite3_errmsg(db->handle) : "no memory");
        su_db_cleanup(&db);
        return -1;
    }
    if (configure(db, path[0] != ':', err) < 0 ||
        (flags & SQLITE_OPEN_CREATE && su_db_script(db, NEW_DATABASE, err) < 0)) {
        su_db_cleanup(&db);
        return su_prefix(err, "%s", path);
    }
    *out = db;
    return 0;
}

int su_db_open(struct su_db **out, const char *path, bool is_new, bool read_only, struct su_err *err)
{
    int flags = is_new      ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                : read_only ? SQLITE_OPEN_READONLY
                            : SQLITE_OPEN_READWRITE;
    return open_at(out, path, flags | SQLITE_OPEN_NOFOLLOW, err);
}

int su_db_open_beside(struct su_db **out, struct su_db *db, struct su_err *err)
{
    return su_db_open(out, sqlite3_db_filename(db->handle, "main"), false, true, err);
}

int su_db_open_memory(struct su_db **out, struct su_err *err)
{
    return open_at(out, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
}

void su_db_cleanup(struct su_db **db)
{
    if (!*db)
        return;
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        (void)sqlite3_finalize((*db)->cache[i].statement);
    (void)sqlite3_close_v2((*db)->handle);
    free(*db);
    *db = NULL;
}

int su_db_script(struct su_db *db, const char *sql, struct su_err *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, sql, err);
}

static struct su_cached *slot_of(struct su_db *db, const char *sql)
{
    size_t start = (size_t)((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15u >> 20;
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        struct su_cached *slot = &db->cache[(start + i) & (CACHE_SLOTS - 1)];
        if (slot->sql == sql || !slot->sql)
            return slot;
    }
    return NULL;
}

static int bind(struct su_db *db, sqlite3_stmt *statement, const struct su_arg *args, const char *sql,
                struct su_err *err)
{
    int given = 0;
    while (args[given].kind != SU_ARG_END)
        given++;
    if (given != sqlite3_bind_parameter_count(statement))
        return su_fail(err, SU_BUG, "statement wants %d values, %d given: %.160s",
                       sqlite3_bind_parameter_count(statement), given, sql);
    for (int i = 0; i < given; i++) {
        const struct su_arg *a = &args[i];
        int code = SQLITE_OK;
        if (a->kind == SU_ARG_INT)
            code = sqlite3_bind_int64(statement, i + 1, a->integer);
        else if (a->kind == SU_ARG_TEXT)
            code = sqlite3_bind_text64(statement, i + 1, a->bytes, a->length, SQLITE_STATIC, SQLITE_UTF8);
        else if (a->kind == SU_ARG_BLOB)
            code = sqlite3_bind_blob64(statement, i + 1, a->length ? a->bytes : "", a->length, SQLITE_STATIC);
        else
            code = sqlite3_bind_null(statement, i + 1);
        if (code != SQLITE_OK)
            return failed(db, sql, err);
    }
    return 0;
}

/* Values are bound STATIC: the caller's bytes must live until the rows are cleaned up or stepped
 * for the last time. su_db_run steps at once. */
int su_db_query(struct su_db *db, struct su_rows *rows, struct su_err *err, const char *sql,
                const struct su_arg *args)
{
    su_rows_cleanup(rows);
    struct su_cached *slot = slot_of(db, sql);
    bool can_cache = slot && !slot->is_busy;
    sqlite3_stmt *statement = can_cache ? slot->statement : NULL;
    if (!statement && sqlite3_prepare_v3(db->handle, sql, -1, can_cache ? SQLITE_PREPARE_PERSISTENT : 0,
                                         &statement, NULL) != SQLITE_OK)
        return failed(db, sql, err);
    if (can_cache)
        *slot = (struct su_cached){sql, statement, true};
    *rows = (struct su_rows){db, statement, can_cache ? slot : NULL};
    if (bind(db, statement, args, sql, err) < 0) {
        su_rows_cleanup(rows);
        return -1;
    }
    return 0;
}

int su_rows_next(struct su_rows *rows, struct su_err *err)
{
    int code = sqlite3_step(rows->statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    return failed(rows->db, sqlite3_sql(rows->statement), err);
}

void su_rows_cleanup(struct su_rows *rows)
{
    if (!rows->statement)
        return;
    if (rows->cached) {
        (void)sqlite3_reset(rows->statement);
        (void)sqlite3_clear_bindings(rows->statement);
        rows->cached->is_busy = false;
    } else {
        (void)sqlite3_finalize(rows->statement);
    }
    *rows = (struct su_rows)SU_ROWS_INIT;
}

int64_t su_rows_int(struct su_rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

const char *su_rows_text(struct su_rows *rows, int column)
{
    const unsigned char *text = sqlite3_column_text(rows->statement, column);
    return text ? (const char *)text : "";
}

const void *su_rows_blob(struct su_rows *rows, int column, size_t *length)
{
    const void *bytes = sqlite3_column_blob(rows->statement, column);
    *length = (size_t)sqlite3_column_bytes(rows->statement, column);
    return bytes ? bytes : "";
}

bool su_rows_is_null(struct su_rows *rows, int column)
{
    return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

int su_rows_fixed(struct su_rows *rows, int column, void *out, size_t length, struct su_err *err)
{
    size_t have;
    const void *bytes = su_rows_blob(rows, column, &have);
    if (have != length)
        return su_fail(err, SU_DATA, "database: a value has %zu bytes, expected %zu (in: %.160s)", have,
                       length, sqlite3_sql(rows->statement));
    memcpy(out, bytes, length);
    return 0;
}

int su_db_run(struct su_db *db, struct su_err *err, const char *sql, const struct su_arg *args)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_db_query(db, &rows, err, sql, args) < 0)
        return -1;
    int more;
    while ((more = su_rows_next(&rows, err)) > 0)
        ;
    return more;
}

void su_feed_begin(struct su_db *db)
{
    db->feed = (struct su_feed){.cells = db->cells};
}

int su_feed_run(struct su_db *db, struct su_err *err, const char *sql)
{
    return db->feed.rows == 0 ? 0 : su_db_run(db, err, sql, SU_ARGS());
}

int su_db_feed_row(struct su_db *db, struct su_err *err, const char *sql, const struct su_arg *cells)
{
    size_t columns = 0;
    while (cells[columns].kind != SU_ARG_END)
        columns++;
    if (columns > SU_FEED_COLUMNS || (db->feed.rows > 0 && columns != db->feed.columns))
        return su_fail(err, SU_BUG, "a feed of %zu columns is given %zu", db->feed.columns, columns);
    if ((db->feed.rows + 1) * columns > SU_FEED_CELLS) {
        if (!sql)
            return su_fail(err, SU_BUG, "a feed of %zu rows is given one more", db->feed.rows);
        if (su_feed_run(db, err, sql) < 0)
            return -1;
        su_feed_begin(db);
    }
    memcpy(&db->cells[db->feed.rows++ * columns], cells, columns * sizeof *cells);
    db->feed.columns = columns;
    return 0;
}

int su_db_cache(struct su_db *db, unsigned kib, struct su_err *err)
{
    char pragma[64];
    (void)snprintf(pragma, sizeof pragma, "PRAGMA cache_size=-%u;", kib);
    return su_db_script(db, pragma, err);
}

int64_t su_db_changes(struct su_db *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t su_db_last_rowid(struct su_db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

static int no_row(bool *found, const char *sql, struct su_err *err)
{
    if (!found)
        return su_fail(err, SU_DATA, "database: a row is missing (in: %.160s)", sql);
    *found = false;
    return 0;
}

int su_db_int(struct su_db *db, int64_t *out, bool *found, struct su_err *err, const char *sql,
              const struct su_arg *args)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_db_query(db, &rows, err, sql, args) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : no_row(found, sql, err);
    *out = su_rows_int(&rows, 0);
    if (found)
        *found = true;
    return 0;
}

int su_db_text(struct su_db *db, struct su_buf *out, bool *found, struct su_err *err, const char *sql,
               const struct su_arg *args)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_db_query(db, &rows, err, sql, args) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : no_row(found, sql, err);
    su_buf_clear(out);
    su_buf_adds(out, su_rows_text(&rows, 0));
    if (found)
        *found = true;
    return su_buf_check(out, "text from the database", err);
}

int su_begin(struct su_transaction *t, struct su_db *db, struct su_err *err)
{
    if (su_run(db, err, "BEGIN IMMEDIATE") < 0)
        return -1;
    t->db = db;
    return 0;
}

int su_commit(struct su_transaction *t, struct su_err *err)
{
    if (su_run(t->db, err, "COMMIT") < 0)
        return -1;
    t->db = NULL;
    return 0;
}

void su_transaction_cleanup(struct su_transaction *t)
{
    /* ROLLBACK can fail only when SQLite has rolled back already. */
    if (t->db)
        (void)sqlite3_exec(t->db->handle, "ROLLBACK", NULL, NULL, NULL);
    t->db = NULL;
}
