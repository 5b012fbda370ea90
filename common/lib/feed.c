#include "common/lib/feed.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "common/lib/db.h"

struct table {
    sqlite3_vtab base;
    const struct su_feed *feed;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct su_feed *feed;
    size_t row;
};

static int connect_table(sqlite3 *handle, void *feed, int argc, const char *const *argv, sqlite3_vtab **out,
                         char **message)
{
    (void)argc, (void)argv, (void)message;
    struct table *table = sqlite3_malloc(sizeof *table);
    if (!table)
        return SQLITE_NOMEM;
    *table = (struct table){.feed = feed};
    *out = &table->base;
    /* No view or trigger of a database file may read it. */
    int code = sqlite3_vtab_config(handle, SQLITE_VTAB_DIRECTONLY);
    if (code == SQLITE_OK)
        code = sqlite3_declare_vtab(handle, "CREATE TABLE feed (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9)");
    if (code != SQLITE_OK) {
        sqlite3_free(table);
        *out = NULL;
    }
    return code;
}

static int disconnect_table(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

/* There is one way to read it, and few rows: whoever joins it begins here. */
static int plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 100;
    info->estimatedRows = 100;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    struct cursor *cursor = sqlite3_malloc(sizeof *cursor);
    if (!cursor)
        return SQLITE_NOMEM;
    *cursor = (struct cursor){.feed = ((struct table *)table)->feed};
    *out = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int first_row(sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    (void)number, (void)text, (void)argc, (void)argv;
    ((struct cursor *)base)->row = 0;
    return SQLITE_OK;
}

static int next_row(sqlite3_vtab_cursor *base)
{
    ((struct cursor *)base)->row++;
    return SQLITE_OK;
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (const struct cursor *)base;
    return cursor->row >= cursor->feed->rows;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *out, int number)
{
    const struct cursor *cursor = (const struct cursor *)base;
    if ((size_t)number >= cursor->feed->columns) /* NULL */
        return SQLITE_OK;
    const struct su_arg *cell = &cursor->feed->cells[cursor->row * cursor->feed->columns + (size_t)number];
    if (cell->kind == SU_ARG_INT)
        sqlite3_result_int64(out, cell->integer);
    else if (cell->kind == SU_ARG_TEXT)
        sqlite3_result_text64(out, cell->bytes, cell->length, SQLITE_STATIC, SQLITE_UTF8);
    else if (cell->kind == SU_ARG_BLOB)
        sqlite3_result_blob64(out, cell->length ? cell->bytes : "", cell->length, SQLITE_STATIC);
    return SQLITE_OK;
}

static int row_number(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct cursor *)base)->row;
    return SQLITE_OK;
}

int su_feed_register(struct sqlite3 *handle, const struct su_feed *feed)
{
    /* Without xCreate it exists by its name alone and cannot be made under another. */
    static const sqlite3_module module = {.xConnect = connect_table,
                                          .xBestIndex = plan,
                                          .xDisconnect = disconnect_table,
                                          .xOpen = open_cursor,
                                          .xClose = close_cursor,
                                          .xFilter = first_row,
                                          .xNext = next_row,
                                          .xEof = is_at_end,
                                          .xColumn = column,
                                          .xRowid = row_number};
    return sqlite3_create_module_v2(handle, "feed", &module, (void *)(uintptr_t)feed, NULL);
}
