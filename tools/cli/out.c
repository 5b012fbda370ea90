/*
 * out.c - what a command shows: the answer, messages, progress, failures.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/sys/clock.h"
#include "tools/cli/cli.h"

static void clear_progress(struct su_context *c)
{
    if (c->has_line)
        (void)fputs("\r\033[K", stderr);
    c->has_line = false;
}

static void show_message(struct su_context *c, const struct su_event *e)
{
    SU_AUTO(su_buf) struct su_buf line = SU_BUF_INIT(16 * SU_KIB);
    if (c->is_quiet && e->severity == SU_INFO)
        return;
    clear_progress(c);
    if (c->is_json || c->log_format == SU_LOG_JSON) {
        struct su_json json = {.out = &line};
        char now[SU_TIME_TEXT];
        su_json_open(&json, NULL, '{');
        su_json_text(&json, "event", "message");
        su_json_text(&json, "time", su_time_now(now));
        su_json_int(&json, "id", su_code_message_id(e->code));
        su_json_int(&json, "severity", e->severity);
        su_json_text(&json, "text", e->text);
        su_json_close(&json, '}');
        su_buf_adds(&line, "\n");
    } else if (c->log_format == SU_LOG_CMTRACE) {
        char record[SU_LOG_LINE];
        su_buf_add(&line, record, su_log_line(c, e, record));
    } else {
        su_buf_addf(&line, "%d %s%s\n", su_code_message_id(e->code),
                    e->severity == SU_INFO ? "" : "warning: ", e->text);
    }
    (void)fputs(line.bytes ? line.bytes : "", stderr);
}

static void terminal_progress(struct su_context *c, const struct su_event *e, double elapsed)
{
    bool is_bytes = strcmp(e->unit, "bytes") == 0;
    double rate = elapsed > 0 ? (double)e->done / elapsed : 0;
    char rate_text[32];
    if (is_bytes)
        (void)snprintf(rate_text, sizeof rate_text, "%.1f MB/s", rate / 1e6);
    else
        (void)snprintf(rate_text, sizeof rate_text, "%.0f/s", rate);
    if (e->total > 0) {
        unsigned left =
            rate > 0 ? (unsigned)((double)(e->total - (e->done < e->total ? e->done : e->total)) / rate) : 0;
        (void)fprintf(stderr, "\r\033[K     %s  processed %s out of %s (%u%%)  %s  ETA %02u:%02u:%02u",
                      e->phase, is_bytes ? su_bytes_text(e->done) : su_count_text(e->done),
                      is_bytes ? su_bytes_text(e->total) : su_count_text(e->total),
                      (unsigned)(100.0 * (double)e->done / (double)e->total), rate_text, left / 3600,
                      left / 60 % 60, left % 60);
    } else {
        (void)fprintf(stderr, "\r\033[K     %s  processed %s  %s", e->phase,
                      is_bytes ? su_bytes_text(e->done) : su_count_text(e->done), rate_text);
    }
    (void)fflush(stderr);
    c->has_line = true;
}

/* A phase that was not met before takes the place of the one not heard of for longest. */
static struct su_phase *phase_of(struct su_context *c, const char *name, double now)
{
    struct su_phase *p = c->phases;
    for (size_t i = 0; i < sizeof c->phases / sizeof *c->phases; i++) {
        if (c->phases[i].name && strcmp(c->phases[i].name, name) == 0)
            return &c->phases[i];
        if (c->phases[i].seen < p->seen)
            p = &c->phases[i];
    }
    *p = (struct su_phase){.name = name, .started = now};
    return p;
}

/* A terminal has one line: it belongs to the phase that has it, until that is over or silent for a second. */
static bool takes_line(struct su_context *c, struct su_phase *p, double now)
{
    if (c->on_line && c->on_line != p && !c->on_line->is_over && now - c->on_line->seen < 1)
        return false;
    c->on_line = p;
    return true;
}

static void show_progress(struct su_context *c, const struct su_event *e)
{
    double now = su_time_monotonic();
    struct su_phase *p = phase_of(c, e->phase, now);
    bool is_over = e->total > 0 && e->done >= e->total;
    if (p->is_over && !is_over) /* the same once more */
        *p = (struct su_phase){.name = e->phase, .started = now};
    p->seen = now;
    p->is_over = is_over;
    if (c->is_quiet || (now - p->shown < 0.25 && !p->is_over))
        return;
    p->shown = now;
    if (c->is_json)
        (void)fprintf(stderr,
                      "{\"event\":\"progress\",\"id\":%d,\"phase\":\"%s\",\"done\":%llu,\"total\":%llu,"
                      "\"unit\":\"%s\",\"finished\":%s}\n",
                      su_code_message_id(e->code), e->phase, (unsigned long long)e->done,
                      (unsigned long long)e->total, e->unit, p->is_over ? "true" : "false");
    else if (c->is_terminal && takes_line(c, p, now))
        terminal_progress(c, e, now - p->started);
}

static void on_event(void *context, const struct su_event *e)
{
    struct su_context *c = context;
    if (!e->text) {
        show_progress(c, e);
        su_log_progress(c, e);
        return;
    }
    if (!e->is_note)
        show_message(c, e);
    su_log_message(c, e);
}

void su_out_begin(struct su_context *c)
{
    c->events = (struct su_events){on_event, c};
    c->is_terminal = isatty(STDERR_FILENO) == 1;
    c->json = (struct su_json){.out = &c->json_text};
    su_json_open(&c->json, NULL, '{');
}

static void failure_as_json(struct su_context *c, const struct su_err *err, const char *remedy)
{
    su_json_close_to(&c->json, 1);
    su_json_open(&c->json, "error", '{');
    su_json_text(&c->json, "code", su_message_at(err->code)->name);
    su_json_int(&c->json, "id", su_code_message_id(err->code));
    su_json_int(&c->json, "exit_status", su_code_exit_status(err->code));
    su_json_text(&c->json, "text", err->text);
    su_json_text(&c->json, "remedy", remedy);
    su_json_text(&c->json, "after", err->after);
    su_json_close(&c->json, '}');
}

void su_out_failure(struct su_context *c, const struct su_err *err)
{
    const char *remedy = err->remedy[0] ? err->remedy : su_code_remedy(err->code);
    if (!c->json.out)
        su_out_begin(c);
    clear_progress(c);
    if (c->is_json)
        failure_as_json(c, err, remedy);
    (void)fprintf(stderr, "%s: %d %s\n  do: %s\n", c->program->name, su_code_message_id(err->code), err->text,
                  remedy);
    if (err->after[0])
        (void)fprintf(stderr, "  %s\n", err->after);
    su_log_message(c, &(struct su_event){.code = err->code, .severity = SU_ERROR, .text = err->text});
}

int su_out_end(struct su_context *c)
{
    clear_progress(c);
    if (c->is_json && c->json.out) {
        struct su_err err = SU_ERR_INIT;
        su_json_close(&c->json, '}');
        if (su_buf_check(&c->json_text, "the answer", &err) < 0) {
            (void)fprintf(stderr, "%s: %s\n", c->program->name, err.text);
            return su_code_exit_status(err.code);
        }
        (void)puts(c->json_text.bytes);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) { /* a full disk behind a redirection is no success */
        (void)fprintf(stderr, "%s: the answer could not be written\n", c->program->name);
        return 1;
    }
    return 0;
}

void su_line(const struct su_context *c, const char *fmt, ...)
{
    char raw[4096], safe[8192];
    va_list args;
    if (c->is_json || c->is_muted)
        return;
    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    su_escape_into(safe, sizeof safe, raw);
    (void)puts(safe);
}

static char *next_text(void)
{
    static _Thread_local char texts[16][32]; /* more than any one line shows */
    static _Thread_local unsigned next;
    return texts[next++ % 16];
}

const char *su_count_text(uint64_t count)
{
    char digits[24], *out = next_text();
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), k = 0;
    for (int i = 0; i < n && k < 30; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return out;
}

const char *su_bytes_text(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    char *out = next_text();
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

void su_short_digest(const uint8_t *digest, char out[20])
{
    (void)snprintf(out, 20, "%02x%02x-%02x%02x-%02x%02x-%02x%02x", digest[0], digest[1], digest[2], digest[3],
                   digest[4], digest[5], digest[6], digest[7]);
}
