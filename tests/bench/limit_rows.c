/*
 * limit_rows.c - inserts the rows of one database into another, in one transaction.
 *
 * INSERT ... SELECT, table by table in the order of the keys, is the fastest way SQLite has for rows
 * that must pass through its record format and indices: no statement is bound, no cursor loses its
 * place. ORDER BY keeps it from copying whole records unread. Rows come ready-made, documents
 * packed, words for the search index joined; a program that derives them can hardly be as fast.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/bench/limit.h"

struct sqlite3 *open_database(const char *path, bool is_writable)
{
    sqlite3 *db;
    int flags = is_writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        die("open", path);
    return db;
}

void run_sql(sqlite3 *db, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        die(error, sql);
}

/* Runs, on each text that `query` answers, the statement made of it; answers the rows changed. */
static uint64_t for_each(sqlite3 *db, const char *query, const char *format)
{
    sqlite3_stmt *names;
    uint64_t changed = 0;
    if (sqlite3_prepare_v2(db, query, -1, &names, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db), query);
    while (sqlite3_step(names) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(names, 0);
        char *sql = sqlite3_mprintf(format, name, name);
        run_sql(db, sql);
        changed += (uint64_t)sqlite3_changes64(db);
        sqlite3_free(sql);
    }
    sqlite3_finalize(names);
    return changed;
}

#define TABLES                                                                                               \
    "SELECT name FROM rows.sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"      \
    " AND name NOT LIKE 'search%' AND name NOT LIKE 'scan\\_search%' ESCAPE '\\'"                            \
    " AND name NOT LIKE 'limit\\_%' ESCAPE '\\'"

void insert_rows(const char *rows, const char *target, uint64_t *inserted)
{
    struct stat exists;
    bool is_delta = stat(target, &exists) == 0;
    sqlite3 *db = open_database(target, true);
    char *attach = sqlite3_mprintf("ATTACH %Q AS rows", rows);
    run_sql(db, attach);
    sqlite3_free(attach);
    for_each(db, "SELECT page_size FROM pragma_page_size('rows')", "PRAGMA main.page_size=%s");
    /* What the durable limit leaves is synced as a whole at its end; it need not survive a crash before. */
    run_sql(db, "PRAGMA cache_size=-65536; PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF;");
    run_sql(db, "BEGIN EXCLUSIVE");
    if (!is_delta) {
        for_each(
            db,
            "SELECT sql FROM rows.sqlite_schema WHERE type IN ('table','index') AND sql NOT NULL"
            " AND name NOT LIKE 'search\\_%' ESCAPE '\\'"
            " AND name NOT LIKE 'scan\\_search\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'limit\\_%' ESCAPE '\\'"
            " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type DESC, rowid",
            "%s");
    } else {
        run_sql(db, "INSERT INTO search (search, rowid, words)"
                    " SELECT 'delete', rev_id, words FROM rows.limit_gone");
        for_each(db, TABLES " AND EXISTS (SELECT 1 FROM pragma_table_info(name) c WHERE c.name='rev_id')",
                 "DELETE FROM main.\"%w\" WHERE rev_id IN (SELECT rev_id FROM rows.limit_gone)");
    }
    *inserted =
        for_each(db, TABLES, "INSERT OR REPLACE INTO main.\"%w\" SELECT * FROM rows.\"%w\" ORDER BY 1");
    run_sql(db, "INSERT INTO search (rowid, words) SELECT rev_id, words FROM rows.limit_words ORDER BY 1");
    run_sql(db, "COMMIT");
    sqlite3_close(db);
}
