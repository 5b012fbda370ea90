#include "tools/cli/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/clock.h"
#include "common/sys/program.h"
#include "tools/cli/cli.h"

/* What follows the text of a record. It changes a thousand times a second, and 100,000 updates are told of in
 * a third of one, so it is kept. */
static const struct su_log_tail *tail_of(struct su_context *c, int severity)
{
    struct su_log_tail *t = &c->log.tail;
    char time[24], date[16];
    long milliseconds;
    int64_t second = su_time_exact(&milliseconds);
    if (t->length > 0 && t->second == second && t->milliseconds == milliseconds && t->severity == severity)
        return t;
    su_time_cmtrace(second, milliseconds, time, date);
    int n =
        snprintf(t->text, sizeof t->text,
                 "]LOG]!><time=\"%s\" date=\"%s\" component=\"%s\" context=\"\" type=\"%d\" thread=\"%ld\" "
                 "file=\"%s\">\r\n",
                 time, date, c->program->name, severity, (long)getpid(), c->command ? c->command->name : "");
    t->length = n > 0 && (size_t)n < sizeof t->text ? (size_t)n : 0;
    t->second = second;
    t->milliseconds = milliseconds;
    t->severity = severity;
    return t;
}

/* The text must not hold the end mark. */
size_t su_log_line(struct su_context *c, const struct su_event *e, char line[SU_LOG_LINE])
{
    static const char mark[] = "]LOG]";
    const struct su_log_tail *tail = tail_of(c, (int)e->severity);
    int start = snprintf(line, 24, "<![LOG[%d ", su_code_message_id(e->code));
    size_t length = strlen(e->text), room = SU_LOG_LINE - 24 - sizeof tail->text;
    char *text = line + (start > 0 ? start : 0);
    if (length > room)
        length = room;
    /* NOLINTNEXTLINE(clang-analyzer-alpha.unix.cstring.OutOfBounds): `length` is not above strlen */
    memcpy(text, e->text, length);
    text[length] = 0;
    for (char *p = strstr(text, mark); p; p = strstr(p, mark))
        *p = ' ';
    memcpy(text + length, tail->text, tail->length);
    return (size_t)(text + length - line) + tail->length;
}

static void fail(struct su_context *c)
{
    if (!c->log.has_failed)
        (void)fprintf(stderr, "%s: warning: the log could not be written\n", c->program->name);
    c->log.has_failed = true;
}

static void flush(struct su_context *c)
{
    struct su_err ignored = SU_ERR_INIT;
    struct su_log *log = &c->log;
    if (log->used > 0 && !log->has_failed && su_file_write(log->fd, log->waiting, log->used, &ignored) < 0)
        fail(c);
    log->used = 0;
}

static void open_log(struct su_context *c)
{
    struct su_err ignored = SU_ERR_INIT;
    struct su_log *log = &c->log;
    char name[32];
    struct stat st = {.st_size = 0};
    (void)snprintf(name, sizeof name, "%s.log", c->program->name);
    log->fd = -1;
    log->is_open = true;
    if (su_file_append(&log->fd, c->home.log, name, &ignored) < 0 || fstat(log->fd, &st) < 0)
        fail(c);
    log->bytes = (uint64_t)st.st_size;
}

/* A log that cannot rotate goes on growing, no more. */
static void rotate(struct su_context *c)
{
    char name[32], old[32];
    flush(c);
    (void)snprintf(name, sizeof name, "%s.log", c->program->name);
    (void)snprintf(old, sizeof old, "%s.lo_", c->program->name);
    if (c->log.has_failed || renameat(c->home.log, name, c->home.log, old) < 0)
        return;
    su_fd_cleanup(&c->log.fd);
    open_log(c);
}

static void add(struct su_context *c, const struct su_event *e)
{
    char line[SU_LOG_LINE];
    size_t length = su_log_line(c, e, line);
    if (c->log.bytes > SU_MAX_LOG_BYTES)
        rotate(c);
    if (c->log.used + length > sizeof c->log.waiting)
        flush(c);
    /* NOLINTNEXTLINE(clang-analyzer-alpha.unix.cstring.OutOfBounds): flush leaves all of it */
    memcpy(c->log.waiting + c->log.used, line, length);
    c->log.used += length;
    c->log.bytes += length;
}

/* Whether this run writes a log: it holds the lock, or did when it began to. */
static bool has_log(struct su_context *c)
{
    if (!c->log.is_open && c->home.log >= 0 && c->home.lock >= 0)
        open_log(c);
    return c->log.is_open && !c->log.has_failed;
}

/* Configuration Manager's own form; what reads wsyncmgr.log for these finds them here. */
static void add_status(struct su_context *c, enum su_code code, enum su_severity severity, const char *about)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[1536], time[24], date[16], host[SU_HOST_TEXT], insert[512];
    struct su_wall day;
    long milliseconds;
    int64_t second = su_time_exact(&milliseconds);
    su_time_cmtrace(second, milliseconds, time, date);
    su_days_date(second / 86400, &day);
    (void)snprintf(insert, sizeof insert, "%.500s", about);
    for (char *p = insert; *p; p++)
        if (*p == '"')
            *p = '\'';
    (void)snprintf(
        text, sizeof text,
        "STATMSG: ID=%d SEV=%c LEV=M SOURCE=\"%s\" COMP=\"SU_SYNC_MANAGER\" SYS=%s SITE=%s PID=%ld "
        "TID=%ld GMTDATE=%s %s %02d %.12s %d ISTR0=\"%s\" NUMATTRS=0",
        su_code_message_id(code),
        severity == SU_ERROR     ? 'E'
        : severity == SU_WARNING ? 'W'
                                 : 'I',
        c->program->name, su_host_name(host), c->home.name, (long)getpid(), (long)getpid(),
        days[second / 86400 % 7], months[day.month - 1], day.day, time, day.year, insert);
    add(c, &(struct su_event){.code = code, .severity = severity, .text = text});
}

/* A warning beside the end of a synchronization is no second end; notes only say more, but for a failure's.
 */
static bool is_status(const struct su_event *e)
{
    int id = su_code_message_id(e->code);
    return id >= 6701 && id <= 6708 && !(e->code == SU_SYNC_DONE && e->severity == SU_WARNING) &&
           (!e->is_note || e->code == SU_SYNC_FAILED);
}

void su_log_message(struct su_context *c, const struct su_event *e)
{
    if (!has_log(c))
        return;
    add(c, e);
    if (is_status(e))
        add_status(c, e->code, e->severity, e->text);
    if (e->code != SU_SYNC_UPDATE)
        flush(c);
}

static struct su_log_phase *phase_of(struct su_context *c, const struct su_event *e, bool *is_new_code)
{
    struct su_log_phase *oldest = c->log.phases;
    *is_new_code = true;
    for (size_t i = 0; i < sizeof c->log.phases / sizeof *c->log.phases; i++) {
        struct su_log_phase *p = &c->log.phases[i];
        *is_new_code = *is_new_code && !(p->name && p->code == e->code);
        if (p->name && p->code == e->code && strcmp(p->name, e->phase) == 0)
            return p;
        if (p->logged < oldest->logged)
            oldest = p;
    }
    double now = su_time_monotonic();
    *oldest = (struct su_log_phase){.code = e->code, .name = e->phase, .started = now, .logged = now};
    return oldest;
}

/* "sync: WSUS synchronizing updates, processed 122 out of 130 items (93%), ETA 00:00:03", every five seconds
 * and at the end. Reading the source is what Configuration Manager calls WSUS, writing the database is SMS to
 * it. */
void su_log_progress(struct su_context *c, const struct su_event *e)
{
    bool is_new_code, is_over = e->total > 0 && e->done >= e->total;
    double now = su_time_monotonic();
    if ((e->code != SU_SYNC_SOURCE && e->code != SU_SYNC_DATABASE && e->code != SU_SYNC_UPSTREAM) ||
        !has_log(c))
        return;
    struct su_log_phase *p = phase_of(c, e, &is_new_code);
    if (is_new_code) {
        add_status(c, e->code, SU_INFO, su_message_at(e->code)->text);
        flush(c);
    }
    if ((now - p->logged < 5 && !is_over) || (is_over && p->done == e->done))
        return;
    p->logged = now;
    p->done = e->done;
    char text[512], left[24] = "00:00:00";
    double rate = now > p->started ? (double)e->done / (now - p->started) : 0;
    if (!is_over && rate > 0 && e->total > 0) {
        unsigned seconds = (unsigned)((double)(e->total - e->done) / rate);
        (void)snprintf(left, sizeof left, "%02u:%02u:%02u", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    int n = snprintf(text, sizeof text, "sync: %s synchronizing %.100s, processed %llu",
                     e->code == SU_SYNC_DATABASE ? "SMS" : "WSUS",
                     e->code == SU_SYNC_DATABASE ? "updates" : e->phase, (unsigned long long)e->done);
    if (e->total > 0 && n > 0)
        (void)snprintf(text + n, sizeof text - (size_t)n, " out of %llu %s (%u%%), ETA %s",
                       (unsigned long long)e->total, e->unit,
                       (unsigned)(100.0 * (double)e->done / (double)e->total), left);
    add(c, &(struct su_event){.code = e->code, .severity = SU_INFO, .text = text});
    flush(c);
}

void su_log_close(struct su_context *c)
{
    if (c->log.is_open) {
        flush(c);
        su_fd_cleanup(&c->log.fd);
    }
    c->log.is_open = false;
}
