#include "cli/plot.h"

#include "cli/text.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_WIDTH = 20, MIN_HEIGHT = 3, LABEL = 32 };

typedef struct frame {
    const double *values;
    size_t count;
    size_t columns, rows;
    double low, high;
    size_t margin; /* width of the labels */
} frame;

static bool find_range(frame *plot);
static size_t clamp(size_t value, size_t low, size_t high);
static double column_value(const frame *plot, size_t column);
static size_t row_of(const frame *plot, double value);
static bool passes(const frame *plot, size_t column, size_t row);
static void draw_row(const frame *plot, size_t row, dozan_buf *out);
static void draw_axis(const frame *plot, dozan_buf *out);

void dz_plot_render(const double *values, size_t count, size_t width, size_t height, dozan_buf *out)
{
    frame plot = {.values = values, .count = count};
    if (!find_range(&plot))
        return;
    char low[LABEL], high[LABEL];
    dz_value_text(plot.low, low);
    dz_value_text(plot.high, high);
    plot.margin = strlen(low) > strlen(high) ? strlen(low) : strlen(high);
    width = clamp(width, MIN_WIDTH, DZ_PLOT_MAX_WIDTH);
    size_t room = width > plot.margin + 4 ? width - plot.margin - 4 : 1;
    plot.columns = count < room ? count : room;
    bool flat = !(plot.low < plot.high);
    plot.rows = flat ? 1 : clamp(height, MIN_HEIGHT, DZ_PLOT_MAX_HEIGHT);
    for (size_t row = 0; row < plot.rows; row++)
        draw_row(&plot, row, out);
    draw_axis(&plot, out);
}

static bool find_range(frame *plot)
{
    bool found = false;
    for (size_t i = 0; i < plot->count; i++) {
        double value = plot->values[i];
        if (!isfinite(value))
            continue;
        plot->low = !found || value < plot->low ? value : plot->low;
        plot->high = !found || value > plot->high ? value : plot->high;
        found = true;
    }
    return found;
}

static size_t clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The value after the last trial of the column. */
static double column_value(const frame *plot, size_t column)
{
    return plot->values[(column + 1) * plot->count / plot->columns - 1];
}

/* Row 0 is the top, the highest value. The range is halved, so that it cannot overflow. */
static size_t row_of(const frame *plot, double value)
{
    if (plot->rows == 1)
        return 0;
    double share = (plot->high / 2 - value / 2) / (plot->high / 2 - plot->low / 2);
    return (size_t)lround(share * (double)(plot->rows - 1));
}

/* Whether the best value went through that row within the column. */
static bool passes(const frame *plot, size_t column, size_t row)
{
    size_t first = column * plot->count / plot->columns;
    size_t last = (column + 1) * plot->count / plot->columns - 1;
    while (first < last && !isfinite(plot->values[first]))
        first++;
    if (!isfinite(plot->values[first]) || !isfinite(plot->values[last]))
        return false;
    size_t from = row_of(plot, plot->values[first]), to = row_of(plot, plot->values[last]);
    return from < to ? row >= from && row < to : row <= from && row > to;
}

static void draw_row(const frame *plot, size_t row, dozan_buf *out)
{
    char label[LABEL] = "", line[DZ_PLOT_MAX_WIDTH + 1];
    if (row == 0)
        dz_value_text(plot->high, label);
    else if (row + 1 == plot->rows)
        dz_value_text(plot->low, label);
    size_t used = 0;
    for (size_t column = 0; column < plot->columns; column++) {
        double value = column_value(plot, column);
        line[column] = passes(plot, column, row) ? '|' : ' ';
        if (line[column] == '|')
            used = column + 1;
        if (!isfinite(value) || row_of(plot, value) != row)
            continue;
        double before = column == 0 ? NAN : column_value(plot, column - 1);
        bool changed = !isfinite(before) || before < value || before > value;
        line[column] = changed ? '*' : '-';
        used = column + 1;
    }
    dozan_buf_printf(out, "%*s |%s%.*s\n", (int)plot->margin, label, used > 0 ? " " : "", (int)used,
                     line);
}

static void draw_axis(const frame *plot, dozan_buf *out)
{
    dozan_buf_printf(out, "%*s +", (int)plot->margin, "");
    for (size_t column = 0; column < plot->columns + 1; column++)
        dozan_buf_puts(out, "-");
    char last[LABEL];
    if (snprintf(last, sizeof(last), "%zu", plot->count) < 0)
        last[0] = '\0';
    dozan_buf_printf(out, "\n%*s   1", (int)plot->margin, "");
    if (plot->columns > strlen(last) + 1)
        dozan_buf_printf(out, "%*s", (int)(plot->columns - 1), last);
    else if (plot->count > 1)
        dozan_buf_printf(out, " .. %s", last);
    dozan_buf_puts(out, "  trial\n");
}
