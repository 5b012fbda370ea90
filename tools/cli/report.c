/*
 * report.c - building a report.
 */
#include "tools/cli/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "tools/cli/cli.h"

void su_report_cleanup(struct su_report *r)
{
    free(r->sections.at);
    free(r->parts.at);
    free(r->cells.at);
    su_arena_cleanup(&r->texts);
    *r = (struct su_report)SU_REPORT_INIT;
}

int su_report_check(const struct su_report *r, struct su_err *err)
{
    return r->has_failed ? su_fail(err, SU_LIMIT, "the report is larger than memory or its limit") : 0;
}

/* The two noncharacters that no XML document may hold. */
static void replace_noncharacters(char *text)
{
    for (char *p = strstr(text, "\xef\xbf"); p; p = strstr(p + 1, "\xef\xbf"))
        if ((unsigned char)p[2] >= 0xbe)
            p[2] = (char)0xbd;
}

/* Titles come with the line ends and blanks of their document: one blank between words is enough. */
static void collapse_blanks(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != ' ' || (to > text && to[-1] != ' '))
            *to++ = *from;
    if (to > text && to[-1] == ' ')
        to--;
    *to = 0;
}

/* A copy that may be shown: safe, and cut at `most` characters. */
static const char *keep(struct su_report *r, const char *text, size_t most)
{
    static const char mark[] = "\xe2\x80\xa6"; /* an ellipsis */
    char safe[8 * SU_KIB];
    size_t characters = 0, end = 0, cut = 0;
    su_escape_into(safe, sizeof safe - sizeof mark, text);
    collapse_blanks(safe);
    for (; safe[end] && characters <= most; characters++) {
        if (characters + 1 == most)
            cut = end;
        do
            end++;
        while (((unsigned char)safe[end] & 0xc0) == 0x80);
    }
    if (characters > most) {
        memcpy(safe + cut, mark, sizeof mark);
        end = cut + sizeof mark - 1;
    }
    replace_noncharacters(safe);
    const char *kept = su_arena_text(&r->texts, safe, end);
    r->has_failed |= !kept;
    return kept ? kept : "";
}

void su_report_title(struct su_report *r, const char *made, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    r->title = keep(r, text, SU_MAX_REPORT_TEXT);
    r->made = keep(r, made, SU_MAX_REPORT_TEXT);
}

void su_report_section(struct su_report *r, const char *key, const char *heading, bool is_paired)
{
    struct su_report_section *s = SU_PUSH(&r->sections, 100);
    r->has_failed |= !s;
    if (s)
        *s = (struct su_report_section){key, heading, r->parts.count, 0, is_paired};
}

static struct su_report_part *add_part(struct su_report *r)
{
    struct su_report_part *p = r->sections.count ? SU_PUSH(&r->parts, 1000) : NULL;
    r->has_failed |= !p;
    if (p)
        r->sections.at[r->sections.count - 1].part_count++;
    return p;
}

void su_report_say(struct su_report *r, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct su_report_part *p = add_part(r);
    if (p)
        *p = (struct su_report_part){
            .kind = SU_PART_WORDS, .key = "", .heading = "", .words = keep(r, text, sizeof text)};
}

void su_report_part(struct su_report *r, enum su_part_kind kind, const char *key, const char *heading,
                    const struct su_report_column *columns, const char *when_empty)
{
    struct su_report_part *p = add_part(r);
    if (!p)
        return;
    *p = (struct su_report_part){.kind = kind,
                                 .key = key,
                                 .heading = heading,
                                 .words = when_empty,
                                 .columns = columns,
                                 .first_cell = r->cells.count};
    while (columns[p->column_count].key)
        p->column_count++;
}

static void add_cell(struct su_report *r, struct su_report_cell cell)
{
    struct su_report_cell *c = r->parts.count ? SU_PUSH(&r->cells, 1000000) : NULL;
    r->has_failed |= !c;
    if (!c)
        return;
    *c = cell;
    r->parts.at[r->parts.count - 1].cell_count++;
}

void su_report_text(struct su_report *r, const char *text)
{
    const char *kept = keep(r, text, SU_MAX_REPORT_TEXT);
    add_cell(r, (struct su_report_cell){.shown = kept, .value = kept});
}

void su_report_none(struct su_report *r)
{
    add_cell(r, (struct su_report_cell){.shown = "\xe2\x80\x93"});
}

static void add_number(struct su_report *r, enum su_mark mark, uint64_t number, const char *shown)
{
    add_cell(r, (struct su_report_cell){.shown = keep(r, shown, SU_MAX_REPORT_TEXT),
                                        .number = (int64_t)number,
                                        .is_number = true,
                                        .mark = mark});
}

void su_report_count(struct su_report *r, uint64_t count)
{
    add_number(r, SU_PLAIN, count, su_count_text(count));
}

void su_report_sum(struct su_report *r, uint64_t count)
{
    su_report_count(r, count);
    if (r->cells.count > 0)
        r->cells.at[r->cells.count - 1].is_sum = true;
}

void su_report_bytes(struct su_report *r, uint64_t bytes)
{
    add_number(r, SU_PLAIN, bytes, su_bytes_text(bytes));
}

/* To the minute: 2026-10-14T02:00:00Z becomes 2026-10-14 02:00. What is no such time is shown as it is. */
void su_report_when(struct su_report *r, const char *time)
{
    char text[SU_MAX_REPORT_TEXT];
    if (!time || !time[0]) {
        su_report_none(r);
        return;
    }
    (void)snprintf(text, sizeof text, "%s", time);
    if (strlen(text) >= 17 && text[10] == 'T' && text[13] == ':' && text[16] == ':') {
        text[10] = ' ';
        text[16] = 0;
    }
    add_cell(r, (struct su_report_cell){.shown = keep(r, text, SU_MAX_REPORT_TEXT),
                                        .value = keep(r, time, SU_MAX_REPORT_TEXT)});
}

void su_report_word(struct su_report *r, enum su_mark mark, int64_t number, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    add_number(r, mark, (uint64_t)number, text);
}

void su_report_marked(struct su_report *r, enum su_mark mark, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *kept = keep(r, text, SU_MAX_REPORT_TEXT);
    add_cell(r, (struct su_report_cell){.shown = kept, .value = kept, .mark = mark});
}
