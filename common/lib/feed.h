/*
 * feed.h - rows of the program as a table that statements read; used by db.c only, see su_feed_row there.
 */
#ifndef SU_FEED_H
#define SU_FEED_H

#include <stddef.h>

struct sqlite3;
struct su_arg;

struct su_feed {
    const struct su_arg *cells; /* row by row */
    size_t columns, rows;
};
/* Registers the table `feed`, columns c0 to c9; it shows what *feed holds when a statement begins to read. The
 * result is SQLite's. */
int su_feed_register(struct sqlite3 *handle, const struct su_feed *feed);

#endif
