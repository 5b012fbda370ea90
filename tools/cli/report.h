/*
 * report.h - a report: sections of paragraphs, facts and tables, gathered once and written as HTML, text or JSON.
 *
 * Whatever a reader sees is in the structure and every writer walks all of it, so the three say the same by
 * construction. A chart or a bar is another view of numbers of its table and says nothing of its own.
 *
 * Text is made safe when it enters: no control characters, well-formed, at most SU_MAX_REPORT_TEXT characters. A writer
 * adds the quoting of its own form and nothing else. Building is sticky like a buffer: a failure is asked for once, with
 * su_report_check. All memory is the report's; one thread at a time.
 */
#ifndef SU_REPORT_H
#define SU_REPORT_H

#include "common/base/buf.h"
#include "common/base/json.h"

/* What a word means for whoever looks for trouble; a colour and a shape beside it. */
enum su_mark { SU_PLAIN, SU_GOOD, SU_FAIR, SU_BAD };

struct su_report_column {
    const char *key, *heading; /* in JSON; for people */
    /* A word stays on a line; words break between them only. */
    enum { SU_COLUMN_TEXT, SU_COLUMN_WORD, SU_COLUMN_WORDS, SU_COLUMN_CODE, SU_COLUMN_NUMBER } kind;
    enum { SU_NO_CHART, SU_SERIES, SU_SHARE } chart; /* a series of the table's chart; a bar below the number */
};

struct su_report_cell {
    const char *shown;
    const char *value; /* as JSON, when that is not `number`; NULL with is_number false: null */
    int64_t number;
    bool is_number, is_sum; /* a sum of many has no bar beside the single ones */
    enum su_mark mark;
};

enum su_part_kind {
    SU_PART_WORDS, /* a paragraph */
    SU_PART_TILES, /* one row of cells, the few facts to be seen first */
    SU_PART_FACTS, /* one row of cells, shown as a list of names and values */
    SU_PART_TABLE,
};
struct su_report_part {
    enum su_part_kind kind;
    const char *key, *heading; /* heading: "" when the section's says it */
    const char *words;         /* of a paragraph; of a table: what is said when it has no rows */
    const struct su_report_column *columns;
    size_t column_count, first_cell, cell_count; /* cells row by row */
};
struct su_report_section {
    const char *key, *heading;
    size_t first_part, part_count;
    bool is_paired; /* its tables may stand side by side */
};
struct su_report {
    const char *title;
    const char *made; /* when, as su_time_now writes it */
    SU_VEC(struct su_report_section) sections;
    SU_VEC(struct su_report_part) parts;
    SU_VEC(struct su_report_cell) cells;
    struct su_arena texts;
    bool has_failed;
};
#define SU_REPORT_INIT { .texts = SU_ARENA_INIT(SU_MAX_JSON_BYTES) }
void su_report_cleanup(struct su_report *report);
int su_report_check(const struct su_report *report, struct su_err *err) SU_CHECKED;

void su_report_title(struct su_report *report, const char *made, const char *fmt, ...) SU_PRINTF(3, 4);
void su_report_section(struct su_report *report, const char *key, const char *heading, bool is_paired);
void su_report_say(struct su_report *report, const char *fmt, ...) SU_PRINTF(2, 3);
/* Cells follow, row by row. Keys, headings and columns live as long as the program; columns end with SU_COLUMNS_END. */
#define SU_COLUMNS_END {NULL, NULL, SU_COLUMN_TEXT, SU_NO_CHART}
void su_report_part(struct su_report *report, enum su_part_kind kind, const char *key, const char *heading,
                    const struct su_report_column *columns, const char *when_empty);
void su_report_text(struct su_report *report, const char *text);
void su_report_none(struct su_report *report); /* nothing to say: a dash */
void su_report_count(struct su_report *report, uint64_t count);
void su_report_sum(struct su_report *report, uint64_t count);
void su_report_bytes(struct su_report *report, uint64_t bytes);
void su_report_when(struct su_report *report, const char *time); /* "" or NULL: never */
/* A word for a number, and what to think of it. */
void su_report_word(struct su_report *report, enum su_mark mark, int64_t number, const char *fmt, ...) SU_PRINTF(4, 5);
/* A text with a mark. */
void su_report_marked(struct su_report *report, enum su_mark mark, const char *fmt, ...) SU_PRINTF(3, 4);

/* The writers. Errors are the buffer's. */
void su_report_html(const struct su_report *report, struct su_buf *out);
void su_report_plain(const struct su_report *report, struct su_buf *out);
void su_report_json(const struct su_report *report, struct su_json *json);
/* report_chart.c: the series of a table as bars, its last row to the left. */
void su_report_chart(const struct su_report *report, const struct su_report_part *part, struct su_buf *out);
/* How a page of ours begins, so that no other file is taken for one and replaced. */
#define SU_REPORT_FIRST_LINE "<!DOCTYPE html><!-- report of an update point -->\n"

static inline size_t su_report_rows(const struct su_report_part *part)
{
    return part->column_count ? part->cell_count / part->column_count : 0;
}
static inline const struct su_report_cell *su_report_cell(const struct su_report *report,
                                                          const struct su_report_part *part, size_t row, size_t column)
{
    return &report->cells.at[part->first_cell + row * part->column_count + column];
}

#endif
