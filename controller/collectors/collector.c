/*
 * The part that all collectors share: bytes into lines, and found values into points.
 *
 * Invariants: what is kept between two calls is one unfinished line of at most 1 MiB; how the bytes
 * are split into calls changes no point but for its arrival time; a metric's steps count up from 1
 * without gaps.
 */
#include "collectors/table.h"

#include <dozan/buf.h>
#include <dozan/space.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_LINE_BYTES = 1024 * 1024,
    MAX_VALUE_BYTES = 64 * 1024,
    REMARK_BYTES = 256,
    COMPLAINT_BYTES = 512 + REMARK_BYTES
};

/* Lines that could not be used for one reason. */
typedef struct complaint {
    int64_t count;
    int64_t first_line;
} complaint;

typedef struct wanted {
    char *name;
    size_t name_size;
    int64_t reports;
} wanted;

struct dz_collector {
    const dz_collector_kind_ops *kind;
    void *self;
    wanted *metrics;
    size_t metric_count;

    dozan_buf line; /* the unfinished line */
    bool skipping;  /* it has grown too long: the rest of it is passed over */
    int64_t line_number;

    complaint unusable, gave_up, long_lines, long_values;
    char remark[REMARK_BYTES]; /* "" = none */
    bool complaints_changed;   /* since the text was written */
    char complaint_text[COMPLAINT_BYTES];

    dz_point_sink *sink; /* of the call under way */
    void *user;
};

#define PROCESS_no_process DZ_PROCESS_NONE
#define PROCESS_own_process DZ_PROCESS_OWN
#define PROCESS_user_process DZ_PROCESS_USER
#define ROW(kind, format, lines, process, run)                                                     \
    {DZ_COLLECTOR_##kind, DZ_FORMAT_##format, &(lines), PROCESS_##process},

typedef struct kind_row {
    dz_collector_kind kind;
    dz_file_format format; /* matters to File alone */
    const dz_collector_kind_ops *ops;
    dz_collector_process process;
} kind_row;

static const kind_row kinds[] = {DZ_COLLECTOR_TABLE(ROW)};

static const char *const kind_names[] = {
    [DZ_COLLECTOR_STDOUT] = "StdOut",
    [DZ_COLLECTOR_FILE] = "File",
    [DZ_COLLECTOR_TENSORFLOW_EVENT] = "TensorFlowEvent",
    [DZ_COLLECTOR_PROMETHEUS] = "PrometheusMetric",
    [DZ_COLLECTOR_CUSTOM] = "Custom",
    [DZ_COLLECTOR_PUSH] = "Push",
    [DZ_COLLECTOR_MLFLOW] = "MLflow",
};

static const kind_row *find_kind(const dz_experiment_spec *spec);
static dozan_status refuse_kind(const dz_experiment_spec *spec, dozan_error *err);
static bool copy_metrics(dz_collector *collector, const dz_experiment_spec *spec);
static const char *line_end(const dz_collector *collector, const char *at, const char *end);
static dozan_status keep(dz_collector *collector, const char *bytes, size_t size, dozan_error *err);
static dozan_status end_line(dz_collector *collector, const char *rest, size_t size, int64_t now_ms,
                             dozan_error *err);
static void count_complaint(dz_collector *collector, complaint *which, int64_t line);
static void write_complaints(dz_collector *collector);

dozan_status dz_collector_create(const dz_experiment_spec *spec, dz_collector **collector,
                                 dozan_error *err)
{
    const kind_row *row = find_kind(spec);
    if (row == NULL)
        return refuse_kind(spec, err);
    const dz_collector_kind_ops *kind = row->ops;
    dz_collector *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "out of memory for a collector");
    made->kind = kind;
    dozan_buf_init(&made->line, MAX_LINE_BYTES);
    dozan_status status = DOZAN_OK;
    if (!copy_metrics(made, spec))
        status =
            dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for a collector");
    else if (kind->create != NULL)
        status = kind->create(spec, &made->self, err);
    if (status == DOZAN_OK)
        *collector = made;
    else
        dz_collector_destroy(made);
    return status;
}

void dz_collector_destroy(dz_collector *collector)
{
    if (collector == NULL)
        return;
    if (collector->kind->destroy != NULL)
        collector->kind->destroy(collector->self);
    for (size_t i = 0; i < collector->metric_count; i++)
        free(collector->metrics[i].name);
    free(collector->metrics);
    dozan_buf_fini(&collector->line);
    free(collector);
}

dozan_status dz_collector_feed(dz_collector *collector, const void *bytes, size_t size,
                               int64_t now_ms, dz_point_sink *sink, void *user, dozan_error *err)
{
    collector->sink = sink;
    collector->user = user;
    const char *at = bytes;
    const char *end = at + size;
    dozan_status status = DOZAN_OK;
    while (at < end && status == DOZAN_OK) {
        const char *stop = line_end(collector, at, end);
        if (stop == NULL) {
            status = keep(collector, at, (size_t)(end - at), err);
            break;
        }
        status = end_line(collector, at, (size_t)(stop - at), now_ms, err);
        if (*stop == '\n')
            collector->line_number++;
        at = stop + 1;
    }
    write_complaints(collector);
    return status;
}

dozan_status dz_collector_finish(dz_collector *collector, int64_t now_ms, dz_point_sink *sink,
                                 void *user, dozan_error *err)
{
    collector->sink = sink;
    collector->user = user;
    dozan_status status = end_line(collector, "", 0, now_ms, err);
    write_complaints(collector);
    return status;
}

dz_collector_process dz_collector_beside(const dz_experiment_spec *spec)
{
    const kind_row *row = find_kind(spec);
    return row != NULL ? row->process : DZ_PROCESS_NONE;
}

const char *dz_collector_kind_name(dz_collector_kind kind)
{
    size_t known = sizeof kind_names / sizeof kind_names[0];
    return (size_t)kind < known ? kind_names[kind] : "given";
}

const char *dz_collector_complaint(const dz_collector *collector)
{
    return collector->complaint_text[0] != '\0' ? collector->complaint_text : NULL;
}

/* ---- what the kinds call --------------------------------------------------------------------- */

size_t dz_collector_metric_count(const dz_collector *collector)
{
    return collector->metric_count;
}

const char *dz_collector_metric_name(const dz_collector *collector, size_t metric)
{
    return collector->metrics[metric].name;
}

bool dz_collector_line_has_name(const dz_collector *collector, const dz_line *line)
{
    for (size_t i = 0; i < collector->metric_count; i++) {
        const wanted *metric = &collector->metrics[i];
        if (memmem(line->text, line->size, metric->name, metric->name_size) != NULL)
            return true;
    }
    return false;
}

size_t dz_collector_metric_find(const dz_collector *collector, const char *name, size_t size)
{
    for (size_t i = 0; i < collector->metric_count; i++) {
        const wanted *metric = &collector->metrics[i];
        if (metric->name_size == size && memcmp(metric->name, name, size) == 0)
            return i;
    }
    return SIZE_MAX;
}

dozan_status dz_collector_emit(dz_collector *collector, size_t metric, int64_t time_ms,
                               const char *value, size_t size, dozan_error *err)
{
    if (size == 0)
        return DOZAN_OK;
    if (size > MAX_VALUE_BYTES) {
        count_complaint(collector, &collector->long_values, collector->line_number + 1);
        return DOZAN_OK;
    }
    char *text = strndup(value, size);
    if (text == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "out of memory for a metric's value");
    dz_point point = {
        .metric = (uint32_t)metric,
        .step = ++collector->metrics[metric].reports,
        .time_ms = time_ms,
        .text = text,
    };
    point.is_number = dozan_number_parse(text, true, &point.value);
    if (!point.is_number)
        point.value = 0;
    collector->sink(collector->user, &point);
    free(text);
    return DOZAN_OK;
}

void dz_collector_complain(dz_collector *collector, const dz_line *line)
{
    count_complaint(collector, &collector->unusable, line->number);
}

void dz_collector_remark(dz_collector *collector, const char *text, size_t size)
{
    if (collector->remark[0] != '\0')
        return;
    size = size < REMARK_BYTES - 1 ? size : REMARK_BYTES - 1;
    memcpy(collector->remark, text, size);
    collector->remark[size] = '\0';
    collector->complaints_changed = true;
}

void dz_collector_gave_up(dz_collector *collector, const dz_line *line)
{
    count_complaint(collector, &collector->gave_up, line->number);
}

/* ---- creation -------------------------------------------------------------------------------- */

static const kind_row *find_kind(const dz_experiment_spec *spec)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bool format_fits =
            spec->collector != DZ_COLLECTOR_FILE || kinds[i].format == spec->collector_format;
        if (kinds[i].kind == spec->collector && format_fits)
            return &kinds[i];
    }
    return NULL;
}

static dozan_status refuse_kind(const dz_experiment_spec *spec, dozan_error *err)
{
    char there[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (i > 0 && kinds[i].kind == kinds[i - 1].kind)
            continue;
        int wrote = snprintf(there + used, sizeof there - used, "%s%s", used > 0 ? ", " : "",
                             kind_names[kinds[i].kind]);
        if (wrote > 0 && (size_t)wrote < sizeof there - used)
            used += (size_t)wrote;
    }
    return dozan_error_set(
        err, DOZAN_UNIMPLEMENTED, "spec.metricsCollectorSpec.collector.kind",
        "there is no collector of the kind %s; there are %s: have the program print "
        "name=value lines and use StdOut",
        dz_collector_kind_name(spec->collector), there);
}

static bool copy_metrics(dz_collector *collector, const dz_experiment_spec *spec)
{
    collector->metrics = calloc(spec->metric_count > 0 ? spec->metric_count : 1, sizeof(wanted));
    if (collector->metrics == NULL)
        return false;
    for (size_t i = 0; i < spec->metric_count; i++) {
        wanted *metric = &collector->metrics[i];
        metric->name = strdup(spec->metrics[i].name);
        if (metric->name == NULL)
            return false;
        metric->name_size = strlen(metric->name);
        collector->metric_count++;
    }
    return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const char *line_end(const dz_collector *collector, const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    if (!collector->kind->carriage_return_ends_line)
        return newline;
    const char *before = newline != NULL ? newline : end;
    const char *carriage_return = memchr(at, '\r', (size_t)(before - at));
    return carriage_return != NULL ? carriage_return : newline;
}

/* Adds to the unfinished line what there is room for. */
static dozan_status keep(dz_collector *collector, const char *bytes, size_t size, dozan_error *err)
{
    if (collector->skipping)
        return DOZAN_OK;
    size_t room = MAX_LINE_BYTES - collector->line.size;
    if (size > room) {
        size = room;
        collector->skipping = true;
        count_complaint(collector, &collector->long_lines, collector->line_number + 1);
    }
    if (!dozan_buf_append(&collector->line, bytes, size))
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "out of memory for a line of output");
    return DOZAN_OK;
}

/* A line that came whole is read where it lies; only one in pieces, or too long, is put together
 * first. */
static dozan_status end_line(dz_collector *collector, const char *rest, size_t size, int64_t now_ms,
                             dozan_error *err)
{
    dz_line line = {rest, size, collector->line_number + 1, now_ms};
    if (collector->line.size > 0 || size > MAX_LINE_BYTES) {
        dozan_status status = keep(collector, rest, size, err);
        if (status != DOZAN_OK)
            return status;
        line.text = collector->line.data;
        line.size = collector->line.size;
    }
    dozan_status status =
        line.size > 0 ? collector->kind->line(collector->self, collector, &line, err) : DOZAN_OK;
    dozan_buf_clear(&collector->line);
    collector->skipping = false;
    return status;
}

/* ---- complaints ------------------------------------------------------------------------------ */

static void count_complaint(dz_collector *collector, complaint *which, int64_t line)
{
    if (which->count++ == 0)
        which->first_line = line;
    collector->complaints_changed = true;
}

static void write_complaints(dz_collector *collector)
{
    if (!collector->complaints_changed)
        return;
    const struct {
        const complaint *which;
        const char *text;
    } all[] = {
        {&collector->unusable, collector->kind->complaint},
        {&collector->gave_up, "took a filter too many steps"},
        {&collector->long_lines, "had more than 1 MiB (the rest was skipped)"},
        {&collector->long_values, "had a value of more than 64 KiB"},
    };
    (void)snprintf(collector->complaint_text, COMPLAINT_BYTES, "%s", collector->remark);
    size_t used = strlen(collector->remark);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].which->count == 0)
            continue;
        /* Four such sentences are shorter than the room for them. */
        int wrote =
            snprintf(collector->complaint_text + used, COMPLAINT_BYTES - used,
                     "%s%" PRId64 " line%s %s, the first at line %" PRId64, used > 0 ? "; " : "",
                     all[i].which->count, all[i].which->count == 1 ? "" : "s", all[i].text,
                     all[i].which->first_line);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    collector->complaints_changed = false;
}
