/*
 * db.h - SQLite: opening, checked statements, transactions.
 *
 * Statements are string literals, prepared once per connection and cached by their address;
 * parameters are typed values, never text pasted into SQL. Every bind and step is checked, and an
 * error names its statement. Reading is a cursor that resets itself at scope end:
 *
 *     SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
 *     if (su_query(db, &rows, err, "SELECT a FROM t WHERE b=?1", SU_I(7)) < 0) return -1;
 *     while ((more = su_rows_next(&rows, err)) > 0) use(su_rows_int(&rows, 0));
 *     if (more < 0) return -1;
 */
#ifndef SU_DB_H
#define SU_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"

struct su_db;

struct su_arg {
    enum { SU_ARG_END, SU_ARG_INT, SU_ARG_TEXT, SU_ARG_BLOB, SU_ARG_NULL } kind;
    int64_t integer;
    const void *bytes;
    size_t length;
};
#define SU_I(x) ((struct su_arg){.kind = SU_ARG_INT, .integer = (int64_t)(x)})
#define SU_T(s) su_arg_text(s)
#define SU_B(p, n) ((struct su_arg){.kind = SU_ARG_BLOB, .bytes = (p), .length = (n)})
#define SU_NULL ((struct su_arg){.kind = SU_ARG_NULL})
#define SU_ARGS(...) ((const struct su_arg[]){__VA_ARGS__ __VA_OPT__(,) {.kind = SU_ARG_END}})
struct su_arg su_arg_text(const char *text); /* NULL binds NULL */

/* Opens `path`; `is_new` asks for creation. Hardened and durable, see db.c. */
int su_db_open(struct su_db **out, const char *path, bool is_new, bool read_only, struct su_err *err) SU_CHECKED;
int su_db_open_memory(struct su_db **out, struct su_err *err) SU_CHECKED;
/* Another connection to the same file, for reading, and for another thread: it sees what is committed. */
int su_db_open_beside(struct su_db **out, struct su_db *db, struct su_err *err) SU_CHECKED;
void su_db_cleanup(struct su_db **db);

/* Room for pages in memory; SU_DB_CACHE_KIB to begin with. */
int su_db_cache(struct su_db *db, unsigned kib, struct su_err *err) SU_CHECKED;
/* Several statements without parameters: schema and pragmas only. */
int su_db_script(struct su_db *db, const char *sql, struct su_err *err) SU_CHECKED;
int su_db_run(struct su_db *db, struct su_err *err, const char *sql, const struct su_arg *args) SU_CHECKED;
#define su_run(db, err, sql, ...) su_db_run(db, err, sql, SU_ARGS(__VA_ARGS__))
int64_t su_db_changes(struct su_db *db);
int64_t su_db_last_rowid(struct su_db *db);

/* BEGIN IMMEDIATE; the cleanup rolls back what was not committed. */
struct su_transaction { struct su_db *db; };
#define SU_TRANSACTION_INIT { .db = NULL }
int su_begin(struct su_transaction *t, struct su_db *db, struct su_err *err) SU_CHECKED;
int su_commit(struct su_transaction *t, struct su_err *err) SU_CHECKED;
void su_transaction_cleanup(struct su_transaction *t);

/*
 * Many rows for one statement, which reads them from the table `feed`, columns c0 to c9 and rowid from 0: a
 * statement for each row would spend two thirds of a load on starting and on finding its place again.
 *
 *     su_feed_begin(db);
 *     for (...) if (su_feed_row(db, err, INTO_T, SU_I(a), SU_T(b)) < 0) return -1;
 *     return su_feed_run(db, err, INTO_T);     with INTO_T "INSERT OR IGNORE INTO t SELECT c0, c1 FROM feed"
 *
 * A connection has one feed. A full one is run and begun again; with sql NULL the rows (SU_FEED_CELLS / columns
 * at most) stay until su_feed_begin, for several statements or a su_query. Bytes must live until then.
 *
 * Inside a transaction that writes a full-text table, a statement that writes many rows and may stop in the
 * middle makes a savepoint, and at each savepoint that table writes its memory out. So the inserts are OR IGNORE,
 * or OR FAIL where a failure ends the transaction anyway; a foreign key or the full-text table itself wants
 * statements of one row.
 */
#define SU_FEED_COLUMNS 10
#define SU_FEED_CELLS 4096
void su_feed_begin(struct su_db *db);
int su_db_feed_row(struct su_db *db, struct su_err *err, const char *sql, const struct su_arg *cells) SU_CHECKED;
#define su_feed_row(db, err, sql, ...) su_db_feed_row(db, err, sql, SU_ARGS(__VA_ARGS__))
int su_feed_run(struct su_db *db, struct su_err *err, const char *sql) SU_CHECKED; /* nothing without rows */

struct su_rows {
    struct su_db *db;
    void *statement;
    struct su_cached *cached; /* where it came from; NULL: its own, finalized at cleanup */
};
#define SU_ROWS_INIT { .db = NULL }
int su_db_query(struct su_db *db, struct su_rows *rows, struct su_err *err, const char *sql,
                const struct su_arg *args) SU_CHECKED;
#define su_query(db, rows, err, sql, ...) su_db_query(db, rows, err, sql, SU_ARGS(__VA_ARGS__))
int su_rows_next(struct su_rows *rows, struct su_err *err) SU_CHECKED; /* 1 row, 0 end, -1 failure */
int64_t su_rows_int(struct su_rows *rows, int column);
const char *su_rows_text(struct su_rows *rows, int column);        /* never NULL; until the next step */
const void *su_rows_blob(struct su_rows *rows, int column, size_t *length);
bool su_rows_is_null(struct su_rows *rows, int column);
/* A blob of exactly `length` bytes into `out`, else SU_DATA: the database is input too. */
int su_rows_fixed(struct su_rows *rows, int column, void *out, size_t length, struct su_err *err) SU_CHECKED;
void su_rows_cleanup(struct su_rows *rows);

/* First column of the first row; `*found` may be NULL when a row must exist. */
int su_db_int(struct su_db *db, int64_t *out, bool *found, struct su_err *err, const char *sql,
              const struct su_arg *args) SU_CHECKED;
#define su_query_int(db, out, found, err, sql, ...) su_db_int(db, out, found, err, sql, SU_ARGS(__VA_ARGS__))
int su_db_text(struct su_db *db, struct su_buf *out, bool *found, struct su_err *err, const char *sql,
               const struct su_arg *args) SU_CHECKED;
#define su_query_text(db, out, found, err, sql, ...) su_db_text(db, out, found, err, sql, SU_ARGS(__VA_ARGS__))

#endif
