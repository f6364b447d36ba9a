/*
 * All trials of an experiment as CSV (RFC 4180) or as a JSON list, some rows at a time: the memory
 * that it needs does not depend on their number.
 */
#include "api/resource.h"
#include "api/views/shared.h"

#include <dozan/buf.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 100, MAX_PART = 16 << 20 };

struct dz_export {
    dz_store *store;
    dz_experiment *experiment;
    dz_export_format format;
    int64_t last; /* number */
    int64_t rows;
    bool begun, ended;
    dozan_buf part;
};

static bool visit_csv(void *user, const dz_trial *trial);
static bool visit_json(void *user, const dz_trial *trial);
static void put_head(dz_export *export_);
static void put_field(dozan_buf *to, const char *text, bool first);

dozan_status dz_export_create(const dz_view_request *request, dz_export_format format,
                              dz_export **export_, dozan_error *err)
{
    dz_export *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->store = request->store;
    made->format = format;
    dozan_buf_init(&made->part, MAX_PART);
    dozan_status status = dz_request_load(request, &made->experiment, err);
    if (status != DOZAN_OK) {
        dz_export_destroy(made);
        return status;
    }
    *export_ = made;
    return DOZAN_OK;
}

void dz_export_destroy(dz_export *export_)
{
    if (export_ == NULL)
        return;
    dz_experiment_destroy(export_->experiment);
    dozan_buf_fini(&export_->part);
    free(export_);
}

dozan_status dz_export_next(dz_export *export_, const char **bytes, size_t *size, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    int64_t before = export_->rows;
    dozan_buf_clear(&export_->part);
    if (!export_->begun)
        put_head(export_);
    export_->begun = true;
    if (!export_->ended) {
        status = dz_store_trials(export_->store, export_->experiment, export_->last, ROWS_AT_ONCE,
                                 export_->format == DZ_EXPORT_CSV ? visit_csv : visit_json, export_,
                                 err);
        if (status == DOZAN_OK && export_->rows == before) {
            export_->ended = true;
            if (export_->format == DZ_EXPORT_JSON)
                (void)dozan_buf_puts(&export_->part, export_->rows > 0 ? "\n]\n" : "]\n");
        }
    }
    if (status == DOZAN_OK && export_->part.failed)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    *bytes = export_->part.data != NULL ? export_->part.data : "";
    *size = export_->part.size;
    return status;
}

/* ---- helpers */

static void put_head(dz_export *export_)
{
    const dz_experiment_spec *spec = export_->experiment->spec;
    dozan_buf *to = &export_->part;
    if (export_->format == DZ_EXPORT_JSON) {
        (void)dozan_buf_puts(to, "[");
        return;
    }
    static const char *const plain[] = {"name",    "state",   "reason", "attempt",
                                        "created", "started", "ended"};
    put_field(to, "number", true);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        put_field(to, plain[i], false);
    for (size_t i = 0; i < spec->parameter_count; i++)
        put_field(to, spec->parameters[i].name, false);
    for (size_t i = 0; i < spec->metric_count; i++)
        put_field(to, spec->metrics[i].name, false);
    (void)dozan_buf_puts(to, "\r\n");
}

/* In quotes where the text needs them. */
static void put_field(dozan_buf *to, const char *text, bool first)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL || *text == ' ';
    if (!first)
        (void)dozan_buf_puts(to, ",");
    if (!quoted) {
        (void)dozan_buf_puts(to, text);
        return;
    }
    (void)dozan_buf_puts(to, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"')
            (void)dozan_buf_puts(to, "\"");
        (void)dozan_buf_append(to, at, 1);
    }
    (void)dozan_buf_puts(to, "\"");
}

static const char *assigned(const dz_trial *trial, const char *parameter)
{
    for (size_t i = 0; i < trial->assignment_count; i++)
        if (strcmp(trial->assignments[i].name, parameter) == 0)
            return trial->assignments[i].value;
    return "";
}

static void put_time(dozan_buf *to, int64_t time_ms)
{
    char text[32];
    dz_time_text(time_ms, text);
    put_field(to, text, false);
}

static bool visit_csv(void *user, const dz_trial *trial)
{
    dz_export *export_ = user;
    const dz_experiment_spec *spec = export_->experiment->spec;
    dozan_buf *to = &export_->part;
    char text[DOZAN_VALUE_TEXT];
    (void)dozan_buf_printf(to, "%lld", (long long)trial->number);
    put_field(to, trial->name, false);
    put_field(to, dz_trial_state_name(trial->state), false);
    put_field(to, trial->reason, false);
    (void)dozan_buf_printf(to, ",%d", (int)trial->attempt);
    put_time(to, trial->created_ms);
    put_time(to, trial->started_ms);
    put_time(to, trial->ended_ms);
    for (size_t i = 0; i < spec->parameter_count; i++)
        put_field(to, assigned(trial, spec->parameters[i].name), false);
    for (size_t i = 0; i < spec->metric_count; i++) {
        double value = 0;
        text[0] = '\0';
        if (dz_trial_metric(trial, spec, i, &value))
            dozan_number_text(value, text);
        put_field(to, text, false);
    }
    (void)dozan_buf_puts(to, "\r\n");
    export_->last = trial->number;
    export_->rows++;
    return true;
}

static bool visit_json(void *user, const dz_trial *trial)
{
    dz_export *export_ = user;
    dz_builder build = {0};
    cJSON *item = cJSON_CreateObject();
    dz_build_trial_row(&build, item, export_->experiment, trial, true);
    char *text = item != NULL && !build.failed ? cJSON_PrintUnformatted(item) : NULL;
    cJSON_Delete(item);
    if (text == NULL) {
        export_->part.failed = true;
        return false;
    }
    (void)dozan_buf_puts(&export_->part, export_->rows > 0 ? ",\n" : "\n");
    (void)dozan_buf_puts(&export_->part, text);
    cJSON_free(text);
    export_->last = trial->number;
    export_->rows++;
    return true;
}
