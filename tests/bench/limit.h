/*
 * limit.h - the bare limit that the benchmark measures the programs against: the same bytes read,
 * hashed and written once, the same documents parsed once, the same rows inserted once. It checks
 * nothing that it need not, it knows no bundles, and it stops at the first error.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK = 1 << 20, FRAME = 4 << 20 /* documents in one zstd frame */, DIRECT = 4096 /* bytes of a block */ };

struct documents { /* texts one after the other, each behind its length (4 bytes, machine order) */
    char *bytes;
    size_t length, room;
};

extern bool is_durable; /* write-back starts early, and all is on the disk at the end */

_Noreturn void die(const char *what, const char *name);
void on_all_cores(size_t count, void (*work)(size_t number, void *own), size_t own_bytes);
void make_room(struct documents *d, size_t room);
void hold(struct documents *d, const void *text, size_t length);

/* limit_documents.c */
uint64_t parse_all(const struct documents *d);                /* SAX; answers how many */
void parse_package(const char *metadata);                     /* split and parse, on all cores */
void make_plain(const char *metadata, const char *plain, const char *earlier);
void unpack_package(const char *path);                        /* to nowhere */
void pack_documents(const char *plain, bool is_new_only);     /* one zstd stream, to nowhere */

/* limit_rows.c */
struct sqlite3;
struct sqlite3 *open_database(const char *path, bool is_writable);
void run_sql(struct sqlite3 *db, const char *sql);
void insert_rows(const char *rows, const char *target, uint64_t *inserted);

#endif
