/* limit_documents.c - update documents: taken out of a package, packed, parsed with SAX. */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zstd.h>

#include "tests/bench/limit.h"

void make_room(struct documents *d, size_t room)
{
    if (room <= d->room)
        return;
    d->room = d->room / 2 + room;
    if (!(d->bytes = realloc(d->bytes, d->room)))
        die("allocate", "documents");
}

void hold(struct documents *d, const void *text, size_t length)
{
    uint32_t prefix = (uint32_t)length;
    make_room(d, d->length + sizeof prefix + length);
    memcpy(d->bytes + d->length, &prefix, sizeof prefix);
    memcpy(d->bytes + d->length + sizeof prefix, text, length);
    d->length += sizeof prefix + length;
}

/* ---- parsing ---- */

static void on_start(void *seen, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces, const xmlChar **declared, int attributes, int defaulted,
                     const xmlChar **values)
{
    (void)name, (void)prefix, (void)uri, (void)namespaces, (void)declared, (void)defaulted, (void)values;
    *(uint64_t *)seen += 1 + (uint64_t)attributes;
}

static void on_text(void *seen, const xmlChar *text, int length)
{
    (void)text;
    *(uint64_t *)seen += (uint64_t)length;
}

static void parse(xmlParserCtxtPtr parser, const char *text, size_t length)
{
    xmlCtxtResetPush(parser, NULL, 0, NULL, NULL);
    xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_HUGE);
    if (xmlParseChunk(parser, text, (int)length, 1) != 0)
        die("parse", "a document");
}

static xmlParserCtxtPtr new_parser(uint64_t *seen)
{
    xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC, .startElementNs = on_start, .characters = on_text};
    xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, seen, NULL, 0, NULL);
    if (!parser)
        die("start", "the parser");
    return parser;
}

uint64_t parse_all(const struct documents *d)
{
    uint64_t seen = 0, count = 0;
    uint32_t length;
    xmlParserCtxtPtr parser = new_parser(&seen);
    for (size_t at = 0; at < d->length; at += sizeof length + length, count++) {
        memcpy(&length, d->bytes + at, sizeof length);
        parse(parser, d->bytes + at + sizeof length, length);
    }
    xmlFreeParserCtxt(parser);
    return count;
}

/* ---- metadata.txt: GUID,revision,length in UTF-16 units (both hexadecimal),document\r\n ---- */

struct record {
    const char *head, *text;
    size_t length;
};

static struct package {
    const char *at, *end;
    struct record *records;
    size_t count, taken; /* records found, records given to a parser */
    bool is_split, is_done;
    pthread_mutex_t lock;
    pthread_cond_t more;
} package = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

enum { BATCH = 256, MAX_RECORDS = 4000000, BEFORE_TEXT = 37 + 9 + 9, BLOCK = 256 };

static unsigned units(unsigned char byte)
{
    return (unsigned)((byte & 0xC0) != 0x80) + (unsigned)(byte >= 0xF0);
}

/* Finds the end of a text of `left` UTF-16 units: by blocks, which the compiler counts in one go. */
static const char *skip_units(const char *at, size_t left)
{
    while (left >= 2 * BLOCK) {
        unsigned in_block = 0;
        for (size_t i = 0; i < BLOCK; i++)
            in_block += units((unsigned char)at[i]);
        left -= in_block;
        at += BLOCK;
    }
    for (; left > 0 || ((unsigned char)*at & 0xC0) == 0x80; at++)
        left -= units((unsigned char)*at);
    return at;
}

static void map_package(const char *metadata)
{
    struct stat s;
    int fd = open(metadata, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) != 0)
        die("open", metadata);
    package.at = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    package.records = calloc(MAX_RECORDS + BATCH + 1, sizeof *package.records);
    if (package.at == MAP_FAILED || !package.records)
        die("map", metadata);
    package.end = package.at + s.st_size;
}

static bool next_record(struct record *r)
{
    if (package.at + BEFORE_TEXT > package.end || package.count == MAX_RECORDS)
        return false;
    r->head = package.at;
    r->text = package.at + BEFORE_TEXT;
    const char *end = skip_units(r->text, strtoul(r->text - 9, NULL, 16));
    r->length = (size_t)(end - r->text);
    package.at = end + 2;
    return true;
}

static void split_package(void)
{
    struct record r;
    for (size_t i = 0; next_record(&r); i++) {
        package.records[i] = r;
        if (i % BATCH != BATCH - 1)
            continue;
        pthread_mutex_lock(&package.lock);
        package.count = i + 1;
        pthread_cond_signal(&package.more);
        pthread_mutex_unlock(&package.lock);
    }
    pthread_mutex_lock(&package.lock);
    while (package.records[package.count].text)
        package.count++;
    package.is_done = true;
    pthread_cond_broadcast(&package.more);
    pthread_mutex_unlock(&package.lock);
}

/* The first to come splits; all others, and the first when it is through, parse what was split. */
static void split_or_parse(size_t number, void *own)
{
    uint64_t seen = 0;
    (void)own;
    if (number == 0)
        split_package();
    xmlParserCtxtPtr parser = new_parser(&seen);
    for (;;) {
        pthread_mutex_lock(&package.lock);
        while (package.taken == package.count && !package.is_done)
            pthread_cond_wait(&package.more, &package.lock);
        size_t from = package.taken, to = from + BATCH < package.count ? from + BATCH : package.count;
        package.taken = to;
        pthread_mutex_unlock(&package.lock);
        if (from == to)
            break;
        for (; from < to; from++)
            parse(parser, package.records[from].text, package.records[from].length);
    }
    xmlFreeParserCtxt(parser);
}

void parse_package(const char *metadata)
{
    map_package(metadata);
    on_all_cores(64, split_or_parse, 0);
    printf("{\"documents\":%zu}\n", package.count);
}

/* ---- the plain database: what other tools carry, and what the limit's export reads ---- */

void make_plain(const char *metadata, const char *plain, const char *earlier)
{
    sqlite3_stmt *insert;
    struct record r;
    uint64_t count = 0;
    map_package(metadata);
    sqlite3 *db = open_database(plain, true);
    run_sql(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; ATTACH ':memory:' AS earlier;"
                "CREATE TABLE document (id INTEGER PRIMARY KEY, identity TEXT, is_new INTEGER, text BLOB);"
                "CREATE TABLE earlier.document (identity TEXT PRIMARY KEY);");
    if (earlier) {
        char *sql = sqlite3_mprintf("ATTACH %Q AS past;"
                                    "INSERT INTO earlier.document SELECT identity FROM past.document",
                                    earlier);
        run_sql(db, sql);
        sqlite3_free(sql);
    }
    run_sql(db, "BEGIN");
    if (sqlite3_prepare_v2(db,
                           "INSERT INTO main.document (identity, is_new, text) VALUES (?1,"
                           " NOT EXISTS (SELECT 1 FROM earlier.document WHERE identity=?1), ?2)",
                           -1, &insert, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db), plain);
    for (; next_record(&r); count++) {
        sqlite3_bind_text(insert, 1, r.head, BEFORE_TEXT - 10, SQLITE_STATIC);
        sqlite3_bind_blob(insert, 2, r.text, (int)r.length, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE || sqlite3_reset(insert) != SQLITE_OK)
            die(sqlite3_errmsg(db), plain);
    }
    sqlite3_finalize(insert);
    run_sql(db, "CREATE INDEX document_new ON document (id) WHERE is_new; COMMIT");
    sqlite3_close(db);
    printf("{\"documents\":%llu}\n", (unsigned long long)count);
}

void pack_documents(const char *plain, bool is_new_only)
{
    static char out[1 << 17];
    uint64_t raw = 0, packed = 0;
    sqlite3_stmt *texts;
    sqlite3 *db = open_database(plain, false);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 3);
    if (sqlite3_prepare_v2(db,
                           is_new_only ? "SELECT text FROM document WHERE is_new ORDER BY id"
                                       : "SELECT text FROM document ORDER BY id",
                           -1, &texts, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db), plain);
    for (bool is_last = false; !is_last;) {
        is_last = sqlite3_step(texts) != SQLITE_ROW;
        ZSTD_inBuffer in = {0};
        if (!is_last)
            in = (ZSTD_inBuffer){sqlite3_column_blob(texts, 0), (size_t)sqlite3_column_bytes(texts, 0), 0};
        raw += in.size;
        for (size_t left = 1; left > 0 && (is_last || in.pos < in.size);) {
            ZSTD_outBuffer to = {out, sizeof out, 0};
            left = ZSTD_compressStream2(zstd, &to, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left))
                die("compress", plain);
            packed += to.pos;
            left += !is_last; /* goes on while there is input */
        }
    }
    sqlite3_finalize(texts);
    sqlite3_close(db);
    ZSTD_freeCCtx(zstd);
    printf("{\"document_bytes\":%llu,\"packed_bytes\":%llu}\n", (unsigned long long)raw,
           (unsigned long long)packed);
}

void unpack_package(const char *path)
{
    static char chunk[CHUNK];
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    uint64_t bytes = 0;
    archive_read_support_format_cab(a);
    archive_read_support_format_raw(a);
    archive_read_support_filter_gzip(a);
    if (archive_read_open_filename(a, path, CHUNK) != ARCHIVE_OK)
        die("open", path);
    while (archive_read_next_header(a, &entry) == ARCHIVE_OK)
        for (la_ssize_t got; (got = archive_read_data(a, chunk, sizeof chunk)) != 0; bytes += (uint64_t)got)
            if (got < 0)
                die(archive_error_string(a), path);
    archive_read_free(a);
    printf("{\"bytes\":%llu}\n", (unsigned long long)bytes);
}
