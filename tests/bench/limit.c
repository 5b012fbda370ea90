/*
 * limit.c - how fast the job can be at all: no format, no proof, no order, only the work itself.
 *
 *   limit [--durable] [--threads N] export OUT PLAIN LIST [new]
 *   limit [--durable] [--threads N] verify OUT
 *   limit [--durable] [--threads N] import OUT SITE ROWS
 *   limit insert ROWS TARGET     limit parse METADATA.TXT    limit unpack PACKAGE
 *   limit plain METADATA.TXT PLAIN [EARLIER]                 limit pack PLAIN [new]
 *
 * export: every file named in LIST (one path a line) is read, hashed and written once into
 * OUT/content; the documents of the plain database PLAIN are read, packed with zstd 3 and written
 * into OUT/documents. verify: both are read and hashed. import: content is read, hashed and written
 * as files, documents are read, hashed, unpacked and parsed, while ROWS are inserted into SITE/rows.db.
 * Threads take the next piece of work, the largest first, until none is left. The durable limit writes large
 * pieces past the page cache: what must be on the disk at the end need not be in memory first.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "tests/bench/limit.h"

bool is_durable;

struct piece { /* a file of content, or one frame of documents */
    bool is_documents;
    uint64_t offset, bytes; /* where it lies in OUT/content or OUT/documents */
    int64_t first, last;    /* the documents of an export, by id */
    char *path;             /* of content */
    char sha256[65];
};

struct own { /* of one thread */
    char *chunk;
    struct documents documents, packed; /* kept between pieces: fresh memory costs as much as packing */
    EVP_MD_CTX *digest;
    sqlite3_stmt *texts;
};

static struct {
    struct piece *pieces;
    size_t count;
    long threads;
    int content, documents; /* the two files of OUT */
    int direct;             /* content once more, past the page cache */
    _Atomic uint64_t content_end, documents_end, parsed;
    const char *plain, *site;
} job;

_Noreturn void die(const char *what, const char *name)
{
    fprintf(stderr, "limit: %s: %s: %s\n", what, name, strerror(errno));
    exit(1);
}

/* ---- threads ---- */

enum { MAX_THREADS = 64 };

static struct {
    void (*work)(size_t number, void *own);
    size_t count;
    _Atomic size_t next;
    void *owns[MAX_THREADS]; /* end with the process */
} crew;

static void *take_work(void *own)
{
    for (size_t number; (number = atomic_fetch_add(&crew.next, 1)) < crew.count;)
        crew.work(number, own);
    return NULL;
}

void on_all_cores(size_t count, void (*work)(size_t number, void *own), size_t own_bytes)
{
    pthread_t threads[MAX_THREADS];
    long many = job.threads < MAX_THREADS ? job.threads : MAX_THREADS;
    crew.work = work, crew.count = count, crew.next = 0;
    for (long i = 0; i < many; i++)
        if (!(crew.owns[i] = calloc(1, own_bytes + 1)) ||
            pthread_create(&threads[i], NULL, take_work, crew.owns[i]) != 0)
            die("start", "a thread");
    for (long i = 0; i < many; i++)
        pthread_join(threads[i], NULL);
}

/* ---- bytes ---- */

static void prepare(struct own *own)
{
    if (own->chunk)
        return;
    own->chunk = aligned_alloc(DIRECT, CHUNK);
    own->digest = EVP_MD_CTX_new();
    if (!own->chunk || !own->digest)
        die("allocate", "buffers");
}

static void end_digest(struct own *own, char hex[65])
{
    unsigned char sha256[32];
    EVP_DigestFinal_ex(own->digest, sha256, NULL);
    for (size_t i = 0; i < sizeof sha256; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
}

static size_t whole_blocks(size_t bytes)
{
    return (bytes + DIRECT - 1) / DIRECT * DIRECT;
}

/* Past the page cache only whole blocks are written: the last one with what happens to lie behind its bytes.
 */
static bool is_direct(uint64_t bytes)
{
    return is_durable && bytes >= CHUNK;
}

/* Reads `bytes` at `from`, hashes them, and writes them at `to` unless there is none (-1). */
static void pass(struct own *own, int in, uint64_t from, int out, uint64_t to, uint64_t bytes, char hex[65])
{
    bool direct = out >= 0 && is_direct(bytes);
    EVP_DigestInit_ex(own->digest, EVP_sha256(), NULL);
    for (uint64_t done = 0; done < bytes;) {
        size_t want = bytes - done < CHUNK ? (size_t)(bytes - done) : CHUNK;
        ssize_t got = pread(in, own->chunk, want, (off_t)(from + done));
        if (got <= 0)
            die("read", "content");
        EVP_DigestUpdate(own->digest, own->chunk, (size_t)got);
        size_t put = direct ? whole_blocks((size_t)got) : (size_t)got;
        if (out >= 0 && pwrite(out, own->chunk, put, (off_t)(to + done)) != (ssize_t)put)
            die("write", "content");
        if (out >= 0 && is_durable && !direct)
            sync_file_range(out, (off64_t)(to + done), got, SYNC_FILE_RANGE_WRITE);
        done += (uint64_t)got;
    }
    end_digest(own, hex);
}

static int open_in(const char *folder, const char *name, int flags)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, flags, 0666);
    if (fd < 0 && (flags & O_DIRECT) && errno == EINVAL) /* not on this file system */
        fd = open(path, flags & ~O_DIRECT, 0666);
    if (fd < 0)
        die("open", path);
    return fd;
}

/* The durable limit ends when everything is on the disk. */
static void settle(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || (is_durable && syncfs(fd) != 0))
        die("sync", folder);
    close(fd);
}

static struct piece *add_piece(void)
{
    if ((job.count & (job.count - 1)) == 0) { /* grows at 0, 1, 2, 4, 8 ... */
        job.pieces = realloc(job.pieces, (job.count ? 2 * job.count : 1) * sizeof *job.pieces);
        if (!job.pieces)
            die("allocate", "the list");
    }
    job.pieces[job.count] = (struct piece){0};
    return &job.pieces[job.count++];
}

static int by_size(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : 0;
}

static void report(uint64_t rows)
{
    uint64_t files = 0, content = 0, packed = 0;
    for (size_t i = 0; i < job.count; i++) {
        files += !job.pieces[i].is_documents;
        *(job.pieces[i].is_documents ? &packed : &content) += job.pieces[i].bytes;
    }
    printf("{\"files\":%llu,\"content_bytes\":%llu,\"packed_bytes\":%llu,\"documents\":%llu,\"rows\":%llu}\n",
           (unsigned long long)files, (unsigned long long)content, (unsigned long long)packed,
           (unsigned long long)job.parsed, (unsigned long long)rows);
}

/* ---- export ---- */

static void export_documents(struct piece *piece, struct own *own)
{
    if (!own->texts && sqlite3_prepare_v2(open_database(job.plain, false),
                                          "SELECT text FROM document WHERE id BETWEEN ?1 AND ?2"
                                          " AND is_new >= ?3",
                                          -1, &own->texts, NULL) != SQLITE_OK)
        die("read", job.plain);
    sqlite3_bind_int64(own->texts, 1, piece->first);
    sqlite3_bind_int64(own->texts, 2, piece->last);
    sqlite3_bind_int(own->texts, 3, job.site ? 1 : 0);
    own->documents.length = 0;
    for (; sqlite3_step(own->texts) == SQLITE_ROW; job.parsed++)
        hold(&own->documents, sqlite3_column_blob(own->texts, 0),
             (size_t)sqlite3_column_bytes(own->texts, 0));
    sqlite3_reset(own->texts);
    make_room(&own->packed, ZSTD_compressBound(own->documents.length));
    piece->bytes =
        ZSTD_compress(own->packed.bytes, own->packed.room, own->documents.bytes, own->documents.length, 3);
    piece->offset = atomic_fetch_add(&job.documents_end, piece->bytes);
    EVP_DigestInit_ex(own->digest, EVP_sha256(), NULL);
    EVP_DigestUpdate(own->digest, own->packed.bytes, piece->bytes);
    end_digest(own, piece->sha256);
    if (pwrite(job.documents, own->packed.bytes, piece->bytes, (off_t)piece->offset) != (ssize_t)piece->bytes)
        die("write", "documents");
}

static void export_piece(size_t number, void *state)
{
    struct own *own = state;
    struct piece *piece = &job.pieces[number];
    prepare(own);
    if (piece->is_documents) {
        export_documents(piece, own);
        return;
    }
    int in = open(piece->path, O_RDONLY);
    if (in < 0)
        die("open", piece->path);
    piece->offset =
        atomic_fetch_add(&job.content_end, is_durable ? whole_blocks(piece->bytes) : piece->bytes);
    pass(own, in, 0, is_direct(piece->bytes) ? job.direct : job.content, piece->offset, piece->bytes,
         piece->sha256);
    close(in);
}

/* Frames of about FRAME bytes, cut by the lengths alone. */
static void list_documents(const char *plain, bool is_new_only)
{
    sqlite3_stmt *lengths;
    sqlite3 *db = open_database(plain, false);
    struct piece *piece = NULL;
    if (sqlite3_prepare_v2(db,
                           is_new_only ? "SELECT id, length(text) FROM document WHERE is_new ORDER BY id"
                                       : "SELECT id, length(text) FROM document ORDER BY id",
                           -1, &lengths, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db), plain);
    while (sqlite3_step(lengths) == SQLITE_ROW) {
        if (!piece || piece->bytes >= FRAME) {
            piece = add_piece();
            piece->is_documents = true;
            piece->first = sqlite3_column_int64(lengths, 0);
        }
        piece->last = sqlite3_column_int64(lengths, 0);
        piece->bytes += (uint64_t)sqlite3_column_int64(lengths, 1);
    }
    sqlite3_finalize(lengths);
    sqlite3_close(db);
}

static void list_content(const char *list)
{
    char line[4096];
    struct stat s;
    FILE *in = fopen(list, "r");
    if (!in)
        die("open", list);
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (stat(line, &s) != 0)
            die("find", line);
        struct piece *piece = add_piece();
        piece->bytes = (uint64_t)s.st_size;
        piece->path = strdup(line); /* NOLINT(analyzer-malloc-leak): the list of pieces has it */
    }
    fclose(in);
}

static void run_export(const char *out, const char *plain, const char *list, bool is_new_only)
{
    if (mkdir(out, 0777) != 0)
        die("create", out);
    job.plain = plain;
    job.site = is_new_only ? "" : NULL;
    job.content = open_in(out, "content", O_WRONLY | O_CREAT);
    job.documents = open_in(out, "documents", O_WRONLY | O_CREAT);
    job.direct = is_durable ? open_in(out, "content", O_WRONLY | O_DIRECT) : -1;
    list_documents(plain, is_new_only);
    list_content(list);
    qsort(job.pieces, job.count, sizeof *job.pieces, by_size);
    job.threads += is_durable; /* one works while another waits for the disk; an import has its inserter */
    on_all_cores(job.count, export_piece, sizeof(struct own));
    FILE *index = fdopen(open_in(out, "index", O_WRONLY | O_CREAT), "w");
    if (!index)
        die("open", "index");
    for (size_t i = 0; i < job.count; i++)
        fprintf(index, "%c %llu %llu %s\n", job.pieces[i].is_documents ? 'd' : 'c',
                (unsigned long long)job.pieces[i].offset, (unsigned long long)job.pieces[i].bytes,
                job.pieces[i].sha256);
    fclose(index);
    settle(out);
    report(0);
}

/* ---- verify and import ---- */

static void import_documents(const struct piece *piece, struct own *own)
{
    char hex[65];
    make_room(&own->packed, piece->bytes);
    if (pread(job.documents, own->packed.bytes, piece->bytes, (off_t)piece->offset) != (ssize_t)piece->bytes)
        die("read", "documents");
    EVP_DigestInit_ex(own->digest, EVP_sha256(), NULL);
    EVP_DigestUpdate(own->digest, own->packed.bytes, piece->bytes);
    end_digest(own, hex);
    struct documents *d = &own->documents;
    d->length = (size_t)ZSTD_getFrameContentSize(own->packed.bytes, piece->bytes);
    make_room(d, d->length);
    if (strcmp(hex, piece->sha256) != 0 ||
        ZSTD_decompress(d->bytes, d->length, own->packed.bytes, piece->bytes) != d->length)
        die("prove", "documents");
    job.parsed += parse_all(d);
}

static void import_content(const struct piece *piece, struct own *own)
{
    char path[4096], name[128], hex[65];
    snprintf(path, sizeof path, "%s/content/%.2s", job.site, piece->sha256);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        die("create", path);
    snprintf(name, sizeof name, "content/%.2s/%s", piece->sha256, piece->sha256);
    int out =
        open_in(job.site, name, O_WRONLY | O_CREAT | O_TRUNC | (is_direct(piece->bytes) ? O_DIRECT : 0));
    pass(own, job.content, piece->offset, out, 0, piece->bytes, hex);
    if (is_direct(piece->bytes) && ftruncate(out, (off_t)piece->bytes) != 0)
        die("cut", name);
    if (close(out) != 0 || strcmp(hex, piece->sha256) != 0)
        die("prove", name);
}

static void import_piece(size_t number, void *state)
{
    struct own *own = state;
    prepare(own);
    if (job.pieces[number].is_documents)
        import_documents(&job.pieces[number], own);
    else
        import_content(&job.pieces[number], own);
}

static void verify_piece(size_t number, void *state)
{
    struct own *own = state;
    const struct piece *piece = &job.pieces[number];
    char hex[65];
    prepare(own);
    pass(own, piece->is_documents ? job.documents : job.content, piece->offset, -1, 0, piece->bytes, hex);
    if (strcmp(hex, piece->sha256) != 0)
        die("prove", "a piece");
}

static void read_index(const char *out)
{
    char kind;
    unsigned long long offset, bytes;
    FILE *in = fdopen(open_in(out, "index", O_RDONLY), "r");
    job.content = open_in(out, "content", O_RDONLY);
    job.documents = open_in(out, "documents", O_RDONLY);
    for (struct piece p = {0}; fscanf(in, " %c %llu %llu %64s", &kind, &offset, &bytes, p.sha256) == 4;) {
        p.is_documents = kind == 'd', p.offset = offset, p.bytes = bytes;
        *add_piece() = p;
    }
    fclose(in);
}

static char *inserts[2]; /* from, to */
static uint64_t inserted;

static void *insert_beside(void *unused)
{
    insert_rows(inserts[0], inserts[1], &inserted);
    return unused;
}

static void run_import(const char *out, const char *site, char *rows)
{
    char target[4096];
    pthread_t inserter;
    snprintf(target, sizeof target, "%s/content", site);
    if ((mkdir(site, 0777) != 0 && errno != EEXIST) || (mkdir(target, 0777) != 0 && errno != EEXIST))
        die("create", target);
    snprintf(target, sizeof target, "%s/rows.db", site);
    inserts[0] = rows, inserts[1] = target;
    job.site = site;
    read_index(out);
    if (pthread_create(&inserter, NULL, insert_beside, NULL) != 0)
        die("start", "a thread");
    on_all_cores(job.count, import_piece, sizeof(struct own));
    pthread_join(inserter, NULL);
    inserts[0] = inserts[1] = NULL;
    settle(site);
    report(inserted);
}

/* ---- the command line ---- */

static bool is_call(int argc, char **argv, const char *name, int least, int most)
{
    return argc > 0 && strcmp(argv[0], name) == 0 && argc - 1 >= least && argc - 1 <= most;
}

int main(int argc, char **argv)
{
    job.threads = sysconf(_SC_NPROCESSORS_ONLN);
    for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
        if (strcmp(argv[1], "--durable") == 0)
            is_durable = true;
        else if (strcmp(argv[1], "--threads") == 0 && argc > 2)
            job.threads = strtol(argv[2], NULL, 10), argc--, argv++;
    }
    argc--, argv++;
    if (is_call(argc, argv, "export", 3, 4)) {
        run_export(argv[1], argv[2], argv[3], argc > 4);
    } else if (is_call(argc, argv, "verify", 1, 1)) {
        read_index(argv[1]);
        on_all_cores(job.count, verify_piece, sizeof(struct own));
        report(0);
    } else if (is_call(argc, argv, "import", 3, 3)) {
        run_import(argv[1], argv[2], argv[3]);
    } else if (is_call(argc, argv, "insert", 2, 2)) {
        insert_rows(argv[1], argv[2], &inserted);
        report(inserted);
    } else if (is_call(argc, argv, "parse", 1, 1)) {
        parse_package(argv[1]);
    } else if (is_call(argc, argv, "unpack", 1, 1)) {
        unpack_package(argv[1]);
    } else if (is_call(argc, argv, "plain", 2, 3)) {
        make_plain(argv[1], argv[2], argc > 3 ? argv[3] : NULL);
    } else if (is_call(argc, argv, "pack", 1, 2)) {
        pack_documents(argv[1], argc > 2);
    } else {
        fputs("usage: see the head of tests/bench/limit.c\n", stderr);
        return 2;
    }
    return 0;
}
