/*
 * report_html.c - a report as one page: no script, no address, nothing loaded; well-formed as XML too.
 */
#include <string.h>

#include "tools/cli/report.h"

/* Fonts are whatever the system has. Marks differ in shape as well as in colour, for print in black and for
 * eyes that do not tell red from green. */
static const char style[] =
    "@page{size:A4;margin:14mm 13mm 15mm;@bottom-right{content:counter(page) ' / ' counter(pages);"
    "font:8pt system-ui,sans-serif;color:#68727d}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:1140px;padding:44px 36px 60px;color:#1b242d;background:#fff;"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans KR','Malgun Gothic',"
    "sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}\n"
    "h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 14px}\n"
    "h2{font-size:19px;line-height:1.3;font-weight:650;letter-spacing:-.005em;margin:44px 0 12px;"
    "padding-top:12px;border-top:2px solid #1b242d}\n"
    "h3{font-size:14px;font-weight:650;margin:22px 0 6px}\n"
    "p{margin:8px 0 12px;max-width:100ch;color:#4b5763}\n"
    "table{border-collapse:collapse;width:100%;font-size:13.5px;line-height:1.4;margin:6px 0 14px}\n"
    "th{font-size:11.5px;font-weight:600;text-align:left;vertical-align:bottom;color:#5a6570;"
    "border-bottom:1px solid #8c969f;padding:4px 14px 5px 0;overflow-wrap:normal}\n"
    "td{vertical-align:top;border-bottom:1px solid #e3e7ea;padding:5px 14px 5px 0}\n"
    "th:last-child,td:last-child{padding-right:0}\n"
    ".n{text-align:right;white-space:nowrap}\n"
    "th.n{white-space:normal}\n"
    ".w{white-space:nowrap}\n"
    ".c{font:12px/1.5 ui-monospace,'Cascadia Mono',Consolas,'DejaVu Sans Mono',monospace;"
    "overflow-wrap:anywhere}\n"
    ".z{color:#a3abb3}\n"
    ".bar{display:block;height:4px;margin-top:3px;background:#e9edf0}\n"
    ".bar i{display:block;height:4px;background:#2f6690}\n"
    ".good::before,.fair::before,.bad::before{display:inline-block;width:1.15em;font-size:.85em}\n"
    ".good::before{content:'\\25CF';color:#2b7a4b}\n"
    ".fair::before{content:'\\25B2';color:#c77700}\n"
    ".bad::before{content:'\\25A0';color:#b3261e}\n"
    ".bad{color:#8f1d17;font-weight:600}\n"
    "dl{margin:6px 0 14px}\n"
    ".facts{display:grid;grid-template-columns:max-content 1fr;gap:3px 22px;font-size:14px}\n"
    ".facts dt{color:#5a6570}\n"
    "dd{margin:0}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin-top:14px}\n"
    ".tiles div{border:1px solid #d5dbe0;border-radius:6px;padding:11px 14px 12px;background:#f8fafb;"
    "break-inside:avoid}\n"
    ".tiles dt{font-size:12px;color:#5a6570}\n"
    ".tiles dd{font-size:20px;line-height:1.3;font-weight:600;margin-top:3px;color:#1b242d}\n"
    ".pair{columns:2;column-gap:44px}\n"
    ".pair>p{column-span:all}\n"
    ".pair>div{break-inside:avoid;padding-top:8px}\n"
    ".pair h3{margin-top:0}\n"
    "svg{display:block;width:100%;height:auto;margin:4px 0 16px;font:11px "
    "system-ui,sans-serif;fill:#5a6570}\n"
    ".s0{fill:#1f4e79}.s1{fill:#73abd6}.s2{fill:#e3a02b}.s3{fill:#8f3b52}.x{stroke:#b3261e;stroke-width:2}"
    ".g{stroke:#e3e7ea}.a{stroke:#8c969f}.t{fill:#1b242d}.k{stroke:#fff;stroke-width:3;fill:none}\n"
    "@media screen and (max-width:760px){.pair{columns:1}body{padding:24px 16px}}\n"
    "@media print{body{padding:0;max-width:none;font-size:9pt;line-height:1.4}h1{font-size:19pt;"
    "margin-bottom:8pt}h2{font-size:12.5pt;margin:15pt 0 5pt;padding-top:5pt;break-after:avoid}"
    "h3{font-size:9.5pt;margin:10pt 0 3pt;break-after:avoid}p{margin:4pt 0 6pt}h2+p{break-after:avoid}"
    "table{font-size:7.7pt;margin:3pt 0 8pt}th{font-size:6.9pt;padding:2pt 6pt 3pt 0}"
    "td{padding:2.4pt 7pt 2.4pt "
    "0}.c{font-size:7.2pt}tr,svg{break-inside:avoid}thead{display:table-header-group}"
    ".facts{font-size:9pt;gap:1pt 12pt}.tiles{grid-template-columns:repeat(3,1fr);gap:6pt}"
    ".tiles div{padding:6pt 8pt;border-radius:3pt}.tiles dt{font-size:7.6pt}.tiles dd{font-size:12.5pt}"
    ".pair{column-gap:22pt}.pair>div{padding-top:4pt}.pair h3{margin-top:0}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}\n";

static void add_span(struct su_buf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '&': su_buf_adds(out, "&amp;"); break;
        case '<': su_buf_adds(out, "&lt;"); break;
        case '>': su_buf_adds(out, "&gt;"); break;
        case '"': su_buf_adds(out, "&quot;"); break;
        case '\'': su_buf_adds(out, "&#39;"); break;
        default: su_buf_add(out, &text[i], 1);
        }
    }
}

static void add_text(struct su_buf *out, const char *text)
{
    add_span(out, text, strlen(text));
}

/* LastSuccessfulSyncTime may break between its words. */
static void add_heading(struct su_buf *out, const char *heading)
{
    for (const char *p = heading; *p; p++) {
        if (p > heading && p[0] >= 'A' && p[0] <= 'Z' && p[-1] >= 'a' && p[-1] <= 'z')
            su_buf_adds(out, "<wbr/>");
        add_span(out, p, 1);
    }
}

/* A word of a few letters, or a date, stays whole; what is longer may be anything and breaks where it must.
 */
enum { WHOLE = 20 };
static void add_whole_words(struct su_buf *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, " ");
        bool is_whole = length > 0 && length <= WHOLE;
        su_buf_adds(out, is_whole ? "<span class=\"w\">" : "");
        add_span(out, text, length);
        su_buf_adds(out, is_whole ? "</span>" : "");
        text += length;
        if (*text) {
            su_buf_adds(out, " ");
            text++;
        }
    }
}

static void add_cell_text(struct su_buf *out, const struct su_report_cell *cell,
                          const struct su_report_column *column)
{
    static const char *const marks[] = {"", "good", "fair", "bad"};
    bool is_line = strlen(cell->shown) <= WHOLE && (column->kind == SU_COLUMN_WORD || cell->mark != SU_PLAIN);
    bool has_span = cell->mark != SU_PLAIN || (is_line && cell->shown[0]);
    if (has_span)
        su_buf_addf(out, "<span class=\"%s%s\">", marks[cell->mark], is_line ? cell->mark ? " w" : "w" : "");
    if (!is_line && (column->kind == SU_COLUMN_WORD || column->kind == SU_COLUMN_WORDS))
        add_whole_words(out, cell->shown);
    else
        add_text(out, cell->shown);
    if (has_span)
        su_buf_adds(out, "</span>");
}

static const char *class_of(const struct su_report_column *column, const struct su_report_cell *cell)
{
    static const char *const classes[] = {"", "", "", " class=\"c\"", " class=\"n\""};
    if (column->kind == SU_COLUMN_NUMBER && cell && cell->is_number && cell->number == 0 &&
        cell->mark == SU_PLAIN)
        return " class=\"n z\""; /* nothing happened: pale, so that what did stands out */
    return classes[column->kind];
}

static int64_t largest(const struct su_report *r, const struct su_report_part *p, size_t column)
{
    int64_t most = 1;
    for (size_t row = 0; row < su_report_rows(p); row++) {
        const struct su_report_cell *cell = su_report_cell(r, p, row, column);
        if (cell->number > most && !cell->is_sum)
            most = cell->number;
    }
    return most;
}

static void add_table(const struct su_report *r, const struct su_report_part *p, struct su_buf *out)
{
    bool has_series = false;
    for (size_t i = 0; i < p->column_count; i++)
        has_series |= p->columns[i].chart == SU_SERIES;
    if (su_report_rows(p) == 0) {
        su_buf_adds(out, "<p>");
        add_text(out, p->words);
        su_buf_adds(out, "</p>\n");
        return;
    }
    if (has_series)
        su_report_chart(r, p, out);
    su_buf_adds(out, "<table>\n<thead><tr>");
    for (size_t i = 0; i < p->column_count; i++) {
        su_buf_addf(out, "<th scope=\"col\"%s>",
                    p->columns[i].kind == SU_COLUMN_NUMBER ? " class=\"n\"" : "");
        add_heading(out, p->columns[i].heading);
        su_buf_adds(out, "</th>");
    }
    su_buf_adds(out, "</tr></thead>\n<tbody>\n");
    for (size_t row = 0; row < su_report_rows(p); row++) {
        su_buf_adds(out, "<tr>");
        for (size_t i = 0; i < p->column_count; i++) {
            const struct su_report_cell *cell = su_report_cell(r, p, row, i);
            su_buf_addf(out, "<td%s>", class_of(&p->columns[i], cell));
            add_cell_text(out, cell, &p->columns[i]);
            if (p->columns[i].chart == SU_SHARE && cell->is_number && !cell->is_sum)
                su_buf_addf(out, "<span class=\"bar\"><i style=\"width:%lld%%\"></i></span>",
                            (long long)(cell->number * 100 / largest(r, p, i)));
            su_buf_adds(out, "</td>");
        }
        su_buf_adds(out, "</tr>\n");
    }
    su_buf_adds(out, "</tbody></table>\n");
}

static void add_facts(const struct su_report *r, const struct su_report_part *p, struct su_buf *out)
{
    bool is_tiles = p->kind == SU_PART_TILES;
    su_buf_addf(out, "<dl class=\"%s\">\n", is_tiles ? "tiles" : "facts");
    for (size_t i = 0; i < p->column_count && su_report_rows(p) > 0; i++) {
        const struct su_report_cell *cell = su_report_cell(r, p, 0, i);
        su_buf_adds(out, is_tiles ? "<div><dt>" : "<dt>");
        add_text(out, p->columns[i].heading);
        su_buf_addf(out, "</dt><dd%s>", p->columns[i].kind == SU_COLUMN_CODE ? " class=\"c\"" : "");
        add_cell_text(out, cell, &p->columns[i]);
        su_buf_adds(out, is_tiles ? "</dd></div>\n" : "</dd>\n");
    }
    su_buf_adds(out, "</dl>\n");
}

static void add_part(const struct su_report *r, const struct su_report_part *p, struct su_buf *out)
{
    if (p->heading[0]) {
        su_buf_adds(out, "<h3>");
        add_text(out, p->heading);
        su_buf_adds(out, "</h3>\n");
    }
    if (p->kind == SU_PART_WORDS) {
        su_buf_adds(out, "<p>");
        add_text(out, p->words);
        su_buf_adds(out, "</p>\n");
    } else if (p->kind == SU_PART_TABLE) {
        add_table(r, p, out);
    } else {
        add_facts(r, p, out);
    }
}

void su_report_html(const struct su_report *r, struct su_buf *out)
{
    su_buf_adds(out,
                SU_REPORT_FIRST_LINE "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                                     "<meta http-equiv=\"Content-Security-Policy\" "
                                     "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
                                     "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>");
    add_text(out, r->title);
    su_buf_addf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    add_text(out, r->title);
    su_buf_adds(out, "</h1>\n");
    for (size_t s = 0; s < r->sections.count; s++) {
        const struct su_report_section *section = &r->sections.at[s];
        su_buf_adds(out, "<section>\n");
        if (section->heading[0]) {
            su_buf_adds(out, "<h2>");
            add_text(out, section->heading);
            su_buf_adds(out, "</h2>\n");
        }
        if (section->is_paired)
            su_buf_adds(out, "<div class=\"pair\">\n");
        for (size_t i = 0; i < section->part_count; i++) {
            const struct su_report_part *p = &r->parts.at[section->first_part + i];
            bool is_boxed = section->is_paired && p->kind != SU_PART_WORDS;
            su_buf_adds(out, is_boxed ? "<div>\n" : "");
            add_part(r, p, out);
            su_buf_adds(out, is_boxed ? "</div>\n" : "");
        }
        su_buf_adds(out, section->is_paired ? "</div>\n</section>\n" : "</section>\n");
    }
    su_buf_adds(out, "</body>\n</html>\n");
}
