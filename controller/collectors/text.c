/*
 * StdOut, and File with format TEXT: Katib's parsing of lines by filters, but line by line as they
 * come. A line's first word is its time when it is one (RFC 3339), else the time is when the line
 * came. All matches of every filter count, in the order of the filters and then of the line, where
 * group 1 is the name of a wanted metric.
 *
 * A carriage return ends a line too: progress bars print nothing else, and their values should not
 * wait for the end.
 */
#include "collectors/collector_kind.h"
#include "collectors/filter.h"
#include "collectors/rfc3339.h"

#include <stdlib.h>
#include <string.h>

typedef struct text_state {
    dz_filter **filters;
    size_t filter_count;
} text_state;

/* A line on its way through the filters. */
typedef struct text_line {
    dz_collector *collector;
    int64_t time_ms;
} text_line;

static dozan_status text_create(const dz_experiment_spec *spec, void **self, dozan_error *err);
static void text_destroy(void *self);
static dozan_status text_read(void *self, dz_collector *collector, const dz_line *line,
                              dozan_error *err);

const dz_collector_kind_ops dz_collector_text = {
    .carriage_return_ends_line = true,
    .create = text_create,
    .destroy = text_destroy,
    .line = text_read,
};

static int64_t line_time(const dz_line *line);
static dozan_status take_match(void *user, const dz_filter_match *match, dozan_error *err);

static dozan_status text_create(const dz_experiment_spec *spec, void **self, dozan_error *err)
{
    size_t count = spec->metrics_format_count > 0 ? spec->metrics_format_count : 1;
    text_state *state = calloc(1, sizeof *state);
    dz_filter **filters = calloc(count, sizeof(dz_filter *));
    dozan_status status = DOZAN_OK;
    if (state == NULL || filters == NULL) {
        free(state);
        free(filters);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "out of memory for the filters");
    }
    state->filters = filters;
    for (size_t i = 0; i < count && status == DOZAN_OK; i++) {
        const char *expression = spec->metrics_format_count > 0 ? spec->metrics_format[i] : NULL;
        status = dz_filter_create(expression, &filters[i], err);
        if (status == DOZAN_OK)
            state->filter_count++;
        else
            status = dozan_error_wrap(err, "metricsFormat[%zu]", i);
    }
    if (status == DOZAN_OK)
        *self = state;
    else
        text_destroy(state);
    return status;
}

static void text_destroy(void *self)
{
    text_state *state = self;
    if (state == NULL)
        return;
    for (size_t i = 0; i < state->filter_count; i++)
        dz_filter_destroy(state->filters[i]);
    free(state->filters);
    free(state);
}

static dozan_status text_read(void *self, dz_collector *collector, const dz_line *line,
                              dozan_error *err)
{
    const text_state *state = self;
    if (!dz_collector_line_has_name(collector, line))
        return DOZAN_OK;
    text_line context = {collector, line_time(line)};
    bool gave_up = false;
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; i < state->filter_count && status == DOZAN_OK; i++)
        status = dz_filter_run(state->filters[i], line->text, line->size, &gave_up, take_match,
                               &context, err);
    if (gave_up)
        dz_collector_gave_up(collector, line);
    return status;
}

static int64_t line_time(const dz_line *line)
{
    const char *space = memchr(line->text, ' ', line->size);
    size_t size = space != NULL ? (size_t)(space - line->text) : line->size;
    int64_t time_ms;
    return dz_rfc3339_parse(line->text, size, &time_ms) ? time_ms : line->now_ms;
}

static dozan_status take_match(void *user, const dz_filter_match *match, dozan_error *err)
{
    const text_line *line = user;
    size_t metric = dz_collector_metric_find(line->collector, match->name, match->name_size);
    if (metric == SIZE_MAX)
        return DOZAN_OK;
    return dz_collector_emit(line->collector, metric, line->time_ms, match->value,
                             match->value_size, err);
}
