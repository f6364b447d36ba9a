/*
 * Folding the log. Katib's times have whole seconds, and the log has none: each event's time is its
 * sequence number, in seconds, so that services which sort by time see the order of the log.
 */
#include "grpc_bridge_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_ROOM = 512, TIME_ROOM = 32, FIRST_SECOND = 946684800 /* 2000-01-01 */ };

static void reset(dz_bridge_log *log);
static dozan_status renew(dz_bridge_log *log, const dozan_experiment *experiment, dozan_error *err);
static dozan_status fold(dz_bridge_log *log, const dozan_log_event *event, dozan_error *err);
static dozan_status fold_asked(dz_bridge_log *log, const dozan_log_event *event, dozan_error *err);
static dozan_status fold_report(dz_bridge_trial *trial, const dozan_log_event *event,
                                dozan_error *err);
static dozan_status fold_end(dz_bridge_log *log, dz_bridge_trial *trial,
                             const dozan_log_event *event, dozan_error *err);
static const char *time_text(dz_arena *arena, int64_t seq);
static dozan_status own_experiment(const dz_bridge_log *log, dz_arena *arena,
                                   const dozan_experiment **experiment, dozan_error *err);

dz_bridge_log *dz_bridge_log_create(void)
{
    return calloc(1, sizeof(dz_bridge_log));
}

void dz_bridge_log_destroy(dz_bridge_log *log)
{
    if (log == NULL)
        return;
    reset(log);
    free(log->trials);
    free(log);
}

int64_t dz_bridge_log_cursor(const dz_bridge_log *log)
{
    return log->cursor;
}

dozan_status dz_bridge_log_apply(dz_bridge_log *log, const dozan_log_part *part, bool *stale,
                                 bool *unknown, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    *stale = *unknown = false;
    bool changed =
        part->experiment != NULL &&
        (log->experiment == NULL || dz_wire_experiment_digest(part->experiment) != log->digest);
    if (changed)
        status = renew(log, part->experiment, err);
    if (status != DOZAN_OK)
        return status;
    if (log->experiment == NULL || part->since_seq > log->cursor ||
        (part->to_seq < log->cursor && part->since_seq > 0)) {
        *stale = true;
        *unknown = log->experiment == NULL;
        return DOZAN_OK;
    }
    if (part->to_seq < log->cursor) { /* a log that is shorter than what is known is another */
        const dozan_experiment *same = log->experiment;
        dz_arena keep = log->arena;
        dz_arena_init(&log->arena);
        status = renew(log, same, err);
        dz_arena_fini(&keep);
    }
    for (size_t i = 0; i < part->event_count && status == DOZAN_OK; i++) {
        if (part->events[i].seq > log->cursor)
            status = fold(log, &part->events[i], err);
    }
    if (status != DOZAN_OK)
        reset(log);
    else if (part->to_seq > log->cursor)
        log->cursor = part->to_seq;
    return status;
}

dozan_status dz_bridge_log_history(const dz_bridge_log *log, dz_arena *arena,
                                   dz_katib_history *history, dozan_error *err)
{
    dz_katib_trial *rows = dz_arena_array(arena, log->count, sizeof(*rows));
    if (rows == NULL)
        return dz_bridge_no_memory(err);
    for (size_t i = 0; i < log->count; i++) {
        const dz_bridge_trial *from = &log->trials[i];
        rows[i] = (dz_katib_trial){.name = from->name,
                                   .assignments = from->assignments,
                                   .assignment_count = from->assignment_count,
                                   .condition = from->condition,
                                   .start_time = time_text(arena, from->started),
                                   .completion_time =
                                       from->ended > 0 ? time_text(arena, from->ended) : "",
                                   .metrics = from->metrics,
                                   .metric_count = from->metric_count};
        if (rows[i].start_time == NULL || rows[i].completion_time == NULL)
            return dz_bridge_no_memory(err);
    }
    history->trials = rows;
    history->trial_count = log->count;
    return own_experiment(log, arena, &history->experiment, err);
}

dz_bridge_trial *dz_bridge_find(const dz_bridge_log *log, int64_t number)
{
    for (size_t low = 0, high = log->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (log->trials[middle].number == number)
            return &log->trials[middle];
        if (log->trials[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool dz_bridge_set(dz_bridge_log *log, const char *name, const char *value)
{
    size_t i = 0;
    while (i < log->setting_count && strcmp(log->settings[i].name, name) != 0)
        i++;
    if (i == DZ_BRIDGE_SETTINGS)
        return true;
    const char *own =
        i < log->setting_count ? log->settings[i].name : dz_arena_text(&log->arena, name);
    const char *copy = dz_arena_text(&log->arena, value);
    if (own == NULL || copy == NULL)
        return false;
    log->settings[i] = (dozan_pair){.name = own, .value = copy};
    if (i == log->setting_count)
        log->setting_count++;
    return true;
}

dozan_status dz_bridge_no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a call");
}

/* ---- the experiment ------------------------------------------------------------------------- */

static void reset(dz_bridge_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        free(log->trials[i].reports);
    dozan_space_destroy(log->space);
    dz_arena_fini(&log->arena);
    dz_arena_fini(&log->rules_arena);
    log->space = NULL;
    log->experiment = NULL;
    log->cursor = 0;
    log->count = log->succeeded = log->setting_count = log->rule_count = 0;
    log->rules = NULL;
    log->has_rules = false;
}

/* The experiment is copied by packing and unpacking it. */
static dozan_status renew(dz_bridge_log *log, const dozan_experiment *experiment, dozan_error *err)
{
    const dz_validate_request request = {.experiment = experiment, .kind = DOZAN_KIND_SEARCH};
    dz_validate_request copy = {.kind = DOZAN_KIND_SEARCH};
    dz_arena arena = {0};
    dz_bytes body = {0};
    reset(log);
    dozan_status status = dz_wire_pack_validate(&request, &arena, &body, err);
    if (status == DOZAN_OK)
        status = dz_wire_unpack_validate(body, &log->arena, &copy, err);
    if (status == DOZAN_OK)
        status = dozan_space_create(copy.experiment->parameters, copy.experiment->parameter_count,
                                    &log->space, err);
    dz_arena_fini(&arena);
    if (status != DOZAN_OK) {
        reset(log);
        return status;
    }
    log->experiment = copy.experiment;
    log->digest = dz_wire_experiment_digest(copy.experiment);
    return DOZAN_OK;
}

/* With the settings that the service has set. */
static dozan_status own_experiment(const dz_bridge_log *log, dz_arena *arena,
                                   const dozan_experiment **experiment, dozan_error *err)
{
    const dozan_experiment *from = log->experiment;
    dozan_experiment *own = dz_arena_alloc(arena, sizeof(*own));
    dozan_pair *settings = dz_arena_array(arena, from->algorithm_setting_count + log->setting_count,
                                          sizeof(*settings));
    if (own == NULL || settings == NULL)
        return dz_bridge_no_memory(err);
    size_t count = 0;
    for (size_t i = 0; i < from->algorithm_setting_count; i++) {
        bool overridden = false;
        for (size_t k = 0; k < log->setting_count; k++)
            overridden =
                overridden || strcmp(log->settings[k].name, from->algorithm_settings[i].name) == 0;
        if (!overridden)
            settings[count++] = from->algorithm_settings[i];
    }
    for (size_t k = 0; k < log->setting_count; k++)
        settings[count++] = log->settings[k];
    *own = *from;
    own->algorithm_settings = settings;
    own->algorithm_setting_count = count;
    *experiment = own;
    return DOZAN_OK;
}

/* ---- events --------------------------------------------------------------------------------- */

/* Results from earlier experiments are not told: services that know their own trials alone break on
 * those of others. */
static dozan_status fold(dz_bridge_log *log, const dozan_log_event *event, dozan_error *err)
{
    if (event->kind == DOZAN_EVENT_KNOWN)
        return DOZAN_OK;
    if (event->kind == DOZAN_EVENT_ASKED)
        return fold_asked(log, event, err);
    dz_bridge_trial *trial = dz_bridge_find(log, event->trial);
    if (trial == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "events",
                               "trial %" PRId64 " was never asked for", event->trial);
    if (trial->ended > 0)
        return DOZAN_OK;
    switch (event->kind) {
    case DOZAN_EVENT_STARTED:
        trial->condition = DZ_KATIB_RUNNING;
        return DOZAN_OK;
    case DOZAN_EVENT_LOST:
        trial->condition = DZ_KATIB_CREATED;
        trial->report_count = 0; /* it runs again, from its beginning */
        return DOZAN_OK;
    case DOZAN_EVENT_REPORT:
        return fold_report(trial, event, err);
    default:
        return fold_end(log, trial, event, err);
    }
}

/* The assignments as the service wrote them, and the trial's name likewise. */
static dozan_status fill_asked(dz_bridge_log *log, const dozan_log_event *event,
                               dz_bridge_trial *trial, dozan_error *err)
{
    char name[NAME_ROOM];
    dozan_pair *pairs = dz_arena_array(&log->arena, event->assignment_count, sizeof(*pairs));
    (void)snprintf(name, sizeof(name), "%.256s-%08" PRId64, log->experiment->name, event->trial);
    const char *known_as = name;
    bool good = pairs != NULL;
    for (size_t i = 0; good && i < event->assignment_count; i++) {
        pairs[i].name = dz_arena_text(&log->arena, event->assignments[i].name);
        pairs[i].value = dz_arena_text(&log->arena, event->assignments[i].value);
        good = pairs[i].name != NULL && pairs[i].value != NULL;
    }
    for (size_t k = 0; good && k < event->label_count; k++) {
        const dozan_pair *label = &event->labels[k];
        static const size_t value_size = sizeof(DZ_BRIDGE_VALUE_LABEL) - 1;
        static const size_t setting_size = sizeof(DZ_BRIDGE_SETTING_LABEL) - 1;
        if (strcmp(label->name, DZ_BRIDGE_NAME_LABEL) == 0)
            known_as = label->value;
        else if (strncmp(label->name, DZ_BRIDGE_SETTING_LABEL, setting_size) == 0)
            good = dz_bridge_set(log, label->name + setting_size, label->value);
        bool value = strncmp(label->name, DZ_BRIDGE_VALUE_LABEL, value_size) == 0;
        for (size_t i = 0; good && value && i < event->assignment_count; i++) {
            if (strcmp(pairs[i].name, label->name + value_size) == 0)
                good = (pairs[i].value = dz_arena_text(&log->arena, label->value)) != NULL;
        }
    }
    *trial = (dz_bridge_trial){.number = event->trial,
                               .name = dz_arena_text(&log->arena, known_as),
                               .assignments = pairs,
                               .assignment_count = event->assignment_count,
                               .condition = DZ_KATIB_CREATED,
                               .started = event->seq};
    return good && trial->name != NULL ? DOZAN_OK : dz_bridge_no_memory(err);
}

static dozan_status fold_asked(dz_bridge_log *log, const dozan_log_event *event, dozan_error *err)
{
    int64_t last = log->count > 0 ? log->trials[log->count - 1].number : 0;
    if (event->trial <= last)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "events",
                               "trial %" PRId64 " comes after trial %" PRId64, event->trial, last);
    if (log->count == log->room) {
        size_t room = log->room > 0 ? log->room * 2 : 64;
        dz_bridge_trial *grown = reallocarray(log->trials, room, sizeof(*grown));
        if (grown == NULL)
            return dz_bridge_no_memory(err);
        log->trials = grown;
        log->room = room;
    }
    dozan_status status = fill_asked(log, event, &log->trials[log->count], err);
    if (status == DOZAN_OK)
        log->count++;
    return status;
}

static dozan_status fold_report(dz_bridge_trial *trial, const dozan_log_event *event,
                                dozan_error *err)
{
    if (trial->report_count == trial->report_room) {
        size_t room = trial->report_room > 0 ? trial->report_room * 2 : 16;
        dz_bridge_report *grown = reallocarray(trial->reports, room, sizeof(*grown));
        if (grown == NULL)
            return dz_bridge_no_memory(err);
        trial->reports = grown;
        trial->report_room = room;
    }
    trial->reports[trial->report_count++] =
        (dz_bridge_report){.metric = event->metric, .value = event->value};
    return DOZAN_OK;
}

static dz_katib_condition condition_of(dozan_event_kind kind)
{
    switch (kind) {
    case DOZAN_EVENT_COMPLETED:
        return DZ_KATIB_SUCCEEDED;
    case DOZAN_EVENT_FAILED:
        return DZ_KATIB_FAILED;
    case DOZAN_EVENT_STOPPED:
        return DZ_KATIB_EARLY_STOPPED;
    case DOZAN_EVENT_KILLED:
        return DZ_KATIB_KILLED;
    default:
        return DZ_KATIB_UNKNOWN; /* as Katib tells of one without metrics */
    }
}

static bool put_metric(dz_bridge_log *log, dozan_pair *metrics, dz_bridge_trial *trial,
                       const char *name, double value)
{
    char text[DOZAN_VALUE_TEXT];
    dozan_number_text(value, text);
    char *copy = dz_arena_text(&log->arena, text);
    metrics[trial->metric_count++] = (dozan_pair){.name = name, .value = copy};
    return copy != NULL;
}

/* A value that is no number is not told: services read it as one, and break. */
static dozan_status fold_end(dz_bridge_log *log, dz_bridge_trial *trial,
                             const dozan_log_event *event, dozan_error *err)
{
    const dozan_experiment *e = log->experiment;
    dozan_pair *metrics =
        dz_arena_array(&log->arena, e->additional_metric_count + 1, sizeof(*metrics));
    if (metrics == NULL)
        return dz_bridge_no_memory(err);
    trial->condition = condition_of(event->kind);
    trial->ended = event->seq;
    trial->metrics = metrics;
    bool usable = event->has_value && isfinite(event->value);
    bool good = true;
    if (usable)
        good = put_metric(log, metrics, trial, e->objective_metric, event->value);
    else if (trial->condition == DZ_KATIB_SUCCEEDED)
        trial->condition = DZ_KATIB_UNKNOWN;
    for (size_t i = 0; usable && good && i < e->additional_metric_count; i++) {
        bool given = i < event->other_value_count && isfinite(event->other_values[i]);
        if (given)
            good =
                put_metric(log, metrics, trial, e->additional_metrics[i], event->other_values[i]);
    }
    log->succeeded += trial->condition == DZ_KATIB_SUCCEEDED ? 1 : 0;
    free(trial->reports);
    trial->reports = NULL;
    trial->report_count = trial->report_room = 0;
    return good ? DOZAN_OK : dz_bridge_no_memory(err);
}

static const char *time_text(dz_arena *arena, int64_t seq)
{
    char text[TIME_ROOM];
    struct tm parts;
    time_t seconds = (time_t)(FIRST_SECOND + seq);
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return "";
    return dz_arena_text(arena, text);
}
