/*
 * report_text.c - a report as text and as JSON.
 */
#include <string.h>

#include "tools/cli/report.h"

/* Characters, not bytes. A wide one counts as one: only the last column of a table may be long. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void pad(struct su_buf *out, size_t from, size_t to)
{
    for (; from < to; from++)
        su_buf_adds(out, " ");
}

static void add_padded(struct su_buf *out, const char *text, size_t width, bool is_right, bool is_last)
{
    size_t mine = width_of(text);
    if (is_right)
        pad(out, mine, width);
    su_buf_adds(out, text);
    if (!is_right && !is_last)
        pad(out, mine, width);
    su_buf_adds(out, is_last ? "\n" : "  ");
}

static size_t column_width(const struct su_report *r, const struct su_report_part *p, size_t column)
{
    size_t width = width_of(p->columns[column].heading);
    for (size_t row = 0; row < su_report_rows(p); row++) {
        size_t mine = width_of(su_report_cell(r, p, row, column)->shown);
        width = mine > width ? mine : width;
    }
    return width;
}

static void add_table(const struct su_report *r, const struct su_report_part *p, struct su_buf *out)
{
    size_t rows = su_report_rows(p), widths[32], count = p->column_count;
    if (count > 32)
        count = 32;
    if (rows == 0) {
        su_buf_addf(out, "  %s\n", p->words);
        return;
    }
    for (size_t i = 0; i < count; i++)
        widths[i] = column_width(r, p, i);
    for (size_t row = 0; row <= rows; row++) {
        su_buf_adds(out, "  ");
        for (size_t i = 0; i < count; i++)
            add_padded(out, row == 0 ? p->columns[i].heading : su_report_cell(r, p, row - 1, i)->shown,
                       widths[i], p->columns[i].kind == SU_COLUMN_NUMBER, i + 1 == count);
    }
}

static void add_facts(const struct su_report *r, const struct su_report_part *p, struct su_buf *out)
{
    size_t width = 0;
    for (size_t i = 0; i < p->column_count; i++) {
        size_t mine = width_of(p->columns[i].heading);
        width = mine > width ? mine : width;
    }
    for (size_t i = 0; i < p->column_count && i < p->cell_count; i++) {
        su_buf_adds(out, "  ");
        add_padded(out, p->columns[i].heading, width, false, false);
        su_buf_addf(out, "%s\n", su_report_cell(r, p, 0, i)->shown);
    }
}

static void add_line_below(struct su_buf *out, const char *text, char line)
{
    size_t width = width_of(text);
    su_buf_addf(out, "%s\n", text);
    for (size_t i = 0; i < width; i++)
        su_buf_add(out, &line, 1);
    su_buf_adds(out, "\n");
}

void su_report_plain(const struct su_report *r, struct su_buf *out)
{
    add_line_below(out, r->title, '=');
    for (size_t s = 0; s < r->sections.count; s++) {
        const struct su_report_section *section = &r->sections.at[s];
        su_buf_adds(out, "\n");
        if (section->heading[0])
            add_line_below(out, section->heading, '-');
        for (size_t i = 0; i < section->part_count; i++) {
            const struct su_report_part *p = &r->parts.at[section->first_part + i];
            if (i > 0)
                su_buf_adds(out, "\n");
            if (p->heading[0])
                su_buf_addf(out, "%s\n", p->heading);
            if (p->kind == SU_PART_WORDS)
                su_buf_addf(out, "%s\n", p->words);
            else if (p->kind == SU_PART_TABLE)
                add_table(r, p, out);
            else
                add_facts(r, p, out);
        }
    }
}

static void row_as_json(const struct su_report *r, const struct su_report_part *p, size_t row,
                        const char *key, struct su_json *json)
{
    su_json_open(json, key, '{');
    for (size_t i = 0; i < p->column_count && row < su_report_rows(p); i++) {
        const struct su_report_cell *cell = su_report_cell(r, p, row, i);
        if (cell->is_number)
            su_json_int(json, p->columns[i].key, cell->number);
        else
            su_json_text(json, p->columns[i].key, cell->value);
    }
    su_json_close(json, '}');
}

void su_report_json(const struct su_report *r, struct su_json *json)
{
    su_json_text(json, "title", r->title);
    su_json_text(json, "made", r->made);
    for (size_t s = 0; s < r->sections.count; s++) {
        const struct su_report_section *section = &r->sections.at[s];
        su_json_open(json, section->key, '{');
        for (size_t i = 0; i < section->part_count; i++) {
            const struct su_report_part *p = &r->parts.at[section->first_part + i];
            if (p->kind == SU_PART_WORDS)
                continue; /* explains the figures to people, and repeats none that is not there as a number */
            if (p->kind != SU_PART_TABLE) {
                row_as_json(r, p, 0, p->key, json);
                continue;
            }
            su_json_open(json, p->key, '[');
            for (size_t row = 0; row < su_report_rows(p); row++)
                row_as_json(r, p, row, NULL, json);
            su_json_close(json, ']');
        }
        su_json_close(json, '}');
    }
}
