/*
 * report_chart.c - the bars of a report, as a drawing inside the page.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli/cli.h"
#include "tools/cli/report.h"

enum {
    WIDTH = 1000,
    LEFT = 58,
    RIGHT = 6,
    TOP = 46,
    HEIGHT = 170,
    BOTTOM = 34,
    MOST_BARS = 60,
    MOST_SERIES = 4
};

struct bar {
    const char *label; /* its first ten characters: a date */
    int64_t values[MOST_SERIES], total;
    bool is_bad;
};
struct chart {
    struct bar bars[MOST_BARS];
    const char *names[MOST_SERIES];
    size_t bar_count, series_count;
    int64_t top, step; /* of the axis */
    double slot;
    bool has_bad;
};

static void take_bars(struct chart *c, const struct su_report *r, const struct su_report_part *p)
{
    size_t rows = su_report_rows(p);
    c->bar_count = rows < MOST_BARS ? rows : MOST_BARS;
    for (size_t i = 0; i < p->column_count; i++)
        if (p->columns[i].chart == SU_SERIES && c->series_count < MOST_SERIES)
            c->names[c->series_count++] = p->columns[i].heading;
    for (size_t b = 0; b < c->bar_count; b++) { /* the table has the newest first */
        struct bar *bar = &c->bars[c->bar_count - 1 - b];
        size_t series = 0;
        bar->label = su_report_cell(r, p, b, 0)->shown;
        for (size_t i = 0; i < p->column_count; i++) {
            const struct su_report_cell *cell = su_report_cell(r, p, b, i);
            bar->is_bad |= cell->mark == SU_BAD;
            if (p->columns[i].chart != SU_SERIES || series >= MOST_SERIES)
                continue;
            bar->values[series++] = cell->number;
            bar->total += cell->number;
        }
        c->has_bad |= bar->is_bad;
    }
}

/* Up to three bars may leave the axis below them when they are more than four times as high as the next one:
 * the first synchronization must not make all others invisible. They are drawn broken, with their figure. */
static void choose_axis(struct chart *c)
{
    int64_t high[4] = {0};
    for (size_t b = 0; b < c->bar_count; b++)
        for (size_t i = 0; i < 4; i++)
            if (c->bars[b].total > high[i]) {
                memmove(&high[i + 1], &high[i], (3 - i) * sizeof *high);
                high[i] = c->bars[b].total;
                break;
            }
    int64_t most = high[0];
    for (size_t i = 0; i < 3; i++)
        if (high[i + 1] > 0 && high[i] > 4 * high[i + 1])
            most = high[i + 1];
    static const int64_t steps[] = {1, 2, 5};
    int64_t ten = 1;
    for (size_t i = 0; (c->step = steps[i % 3] * ten) * 4 < most && ten < INT64_MAX / 1000; i++)
        ten *= i % 3 == 2 ? 10 : 1;
    c->top = most > 0 ? (most + c->step - 1) / c->step * c->step : c->step;
}

static double y_of(const struct chart *c, int64_t value)
{
    if (value > c->top)
        value = c->top;
    return TOP + HEIGHT - (double)value * HEIGHT / (double)c->top;
}

static void add_axis(const struct chart *c, struct su_buf *out)
{
    for (int64_t v = 0; v <= c->top; v += c->step)
        su_buf_addf(
            out,
            "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
            "text-anchor=\"end\">%s</text>\n",
            v == 0 ? "a" : "g", LEFT, WIDTH - RIGHT, y_of(c, v), y_of(c, v), LEFT - 8, y_of(c, v) + 4,
            su_count_text((uint64_t)v));
    int x = LEFT;
    for (size_t i = 0; i < c->series_count; i++, x += 86)
        su_buf_addf(out,
                    "<rect class=\"s%zu\" x=\"%d\" y=\"4\" width=\"11\" height=\"11\"/><text x=\"%d\" "
                    "y=\"14\">%s</text>\n",
                    i, x, x + 17, c->names[i]);
    if (c->has_bad)
        su_buf_addf(out,
                    "<path class=\"x\" d=\"M%d 5l9 9m0 -9l-9 9\"/><text x=\"%d\" y=\"14\">Failed</text>\n",
                    x + 1, x + 17);
}

static void add_bar(const struct chart *c, size_t at, struct su_buf *out)
{
    const struct bar *bar = &c->bars[at];
    double x = LEFT + c->slot * (double)at, width = c->slot * 0.68, middle = x + c->slot / 2;
    int64_t below = 0;
    x += c->slot * 0.16;
    for (size_t i = 0; i < c->series_count; i++) {
        double low = y_of(c, below), high = y_of(c, below + bar->values[i]);
        below += bar->values[i];
        if (bar->values[i] > 0 && low > high)
            su_buf_addf(out, "<rect class=\"s%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                        i, x, high, width, low - high < 1 ? 1 : low - high);
    }
    if (bar->total > c->top)
        su_buf_addf(out,
                    "<path class=\"k\" d=\"M%.1f %d l%.1f -6l%.1f 6l%.1f -6l%.1f 6\"/><text class=\"t\" "
                    "x=\"%.1f\" y=\"%d\" "
                    "text-anchor=\"middle\">%s</text>\n",
                    x - 1, TOP + 22, (width + 2) / 4, (width + 2) / 4, (width + 2) / 4, (width + 2) / 4,
                    middle, TOP - 5 - (at % 2 ? 11 : 0), su_count_text((uint64_t)bar->total));
    if (bar->is_bad)
        su_buf_addf(out, "<path class=\"x\" d=\"M%.1f %d l8 8m0 -8l-8 8\"/>\n", middle - 4,
                    TOP + HEIGHT - 12);
}

void su_report_chart(const struct su_report *r, const struct su_report_part *p, struct su_buf *out)
{
    struct chart c = {.bar_count = 0};
    take_bars(&c, r, p);
    choose_axis(&c);
    c.slot = (double)(WIDTH - LEFT - RIGHT) / (double)(c.bar_count > 12 ? c.bar_count : 12);
    su_buf_addf(
        out,
        "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"The figures of the table below as bars\">\n",
        WIDTH, TOP + HEIGHT + BOTTOM);
    add_axis(&c, out);
    size_t every = (size_t)(74 / c.slot) + 1;
    for (size_t b = 0; b < c.bar_count; b++) {
        add_bar(&c, b, out);
        if (b % every == 0 && LEFT + c.slot * ((double)b + 0.16) + 62 < WIDTH &&
            strspn(c.bars[b].label, "0123456789-: ") >= 10)
            su_buf_addf(out, "<text x=\"%.1f\" y=\"%d\">%.10s</text>\n", LEFT + c.slot * ((double)b + 0.16),
                        TOP + HEIGHT + 18, c.bars[b].label);
    }
    su_buf_adds(out, "</svg>\n");
}
