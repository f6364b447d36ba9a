/*
 * Folding a part of the log into a session. The log comes from outside: every event is checked
 * before the history sees it, and the first bad one breaks the session, so that a half-applied part
 * can never be mistaken for a whole one.
 */
#include "session_parts.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static dozan_status fold(dz_session *session, const dozan_log_event *event, dozan_error *err);

typedef char place_text[96];

static dozan_status check_part(const dozan_log_part *log, dozan_error *err)
{
    if (log->since_seq < 0 || log->to_seq < log->since_seq)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "log",
                               "a log part from %lld to %lld makes no sense",
                               (long long)log->since_seq, (long long)log->to_seq);
    int64_t before = log->since_seq;
    for (size_t i = 0; i < log->event_count; i++) {
        int64_t seq = log->events[i].seq;
        if (seq <= before || seq > log->to_seq) {
            place_text place;
            (void)snprintf(place, sizeof(place), "events[%zu]", i);
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                                   "sequence number %lld is not above %lld and at most %lld",
                                   (long long)seq, (long long)before, (long long)log->to_seq);
        }
        before = seq;
    }
    return DOZAN_OK;
}

static dozan_status fold_all(dz_session *session, const dozan_log_part *log, dozan_error *err)
{
    for (size_t i = 0; i < log->event_count; i++) {
        if (log->events[i].seq <= session->cursor)
            continue;
        dozan_error inner = {.code = DOZAN_OK};
        dozan_status status = fold(session, &log->events[i], &inner);
        if (status != DOZAN_OK) {
            char place[sizeof(inner.place) + 48];
            (void)snprintf(place, sizeof(place), "events[%zu]%s%s", i,
                           inner.place[0] != '\0' ? "." : "", inner.place);
            session->broken = true;
            return dozan_error_set(err, status, place, "event %lld: %s",
                                   (long long)log->events[i].seq, inner.message);
        }
    }
    return DOZAN_OK;
}

dozan_status dz_session_apply(dz_session *session, const dozan_log_part *log, bool *stale,
                              dozan_error *err)
{
    *stale = false;
    dozan_status status = check_part(log, err);
    if (status != DOZAN_OK)
        return status;
    bool behind = log->to_seq < session->cursor;
    if ((session->broken || behind) && log->since_seq == 0) {
        status = dz_session_restart(session, err);
        if (status != DOZAN_OK)
            return status;
    } else if (session->broken || behind || log->since_seq > session->cursor) {
        session->wanted_seq = session->broken || behind ? 0 : session->cursor;
        *stale = true;
        return DOZAN_OK;
    }
    status = fold_all(session, log, err);
    if (status == DOZAN_OK && log->to_seq > session->cursor)
        session->cursor = log->to_seq;
    session->wanted_seq = session->broken ? 0 : session->cursor;
    return status;
}

/* ---- one event ------------------------------------------------------------------------------- */

/* The dimension that assignment `index` is for: nearly always the one at its own position. */
static size_t find_dimension(const dz_session *session, const dozan_pair *assignment, size_t index)
{
    if (assignment->name == NULL)
        return SIZE_MAX;
    const dozan_dimension *same = dozan_space_dimension(session->space, index);
    if (same != NULL && strcmp(same->name, assignment->name) == 0)
        return index;
    return dozan_space_find(session->space, assignment->name);
}

static dozan_status read_assignment(dz_session *session, const dozan_pair *assignment, size_t index,
                                    dozan_error *err)
{
    place_text place;
    char excerpt[DZ_EXCERPT];
    (void)snprintf(place, sizeof(place), "assignments[%zu]", index);
    size_t dimension = find_dimension(session, assignment, index);
    const char *name = assignment->name != NULL ? assignment->name : "";
    if (dimension == SIZE_MAX || !isnan(session->point[dimension]))
        return dozan_error_set(
            err, DOZAN_INVALID_ARGUMENT, place, "'%s' is %s", dz_text_excerpt(name, excerpt),
            dimension == SIZE_MAX ? "no parameter of the experiment" : "assigned twice");
    dozan_error inner = {.code = DOZAN_OK};
    double *u = &session->point[dimension];
    if (dozan_space_parse(session->space, dimension, assignment->value, u, &inner) != DOZAN_OK)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "%s", inner.message);
    return DOZAN_OK;
}

/* Each active parameter must have a value by now, and no other one; an inactive one gets the
 * coordinate that it always has. */
static dozan_status settle_inactive(dz_session *session, dozan_error *err)
{
    size_t dimensions = dozan_space_dimensions(session->space);
    for (size_t i = 0; i < dimensions; i++) {
        bool given = !isnan(session->point[i]);
        bool active = dozan_space_active(session->space, session->point, i);
        char excerpt[DZ_EXCERPT];
        if (given != active)
            return dozan_error_set(
                err, DOZAN_INVALID_ARGUMENT, "assignments", "parameter '%s' is %s",
                dz_text_excerpt(dozan_space_dimension(session->space, i)->name, excerpt),
                active ? "not assigned" : "assigned, and its condition does not hold");
    }
    dozan_space_snap(session->space, session->point);
    return DOZAN_OK;
}

/* Reads the assignments into session->point: each active parameter once. */
static dozan_status read_point(dz_session *session, const dozan_log_event *event, dozan_error *err)
{
    size_t dimensions = dozan_space_dimensions(session->space);
    bool conditional = dozan_space_is_conditional(session->space);
    if (event->assignment_count > dimensions ||
        (event->assignment_count < dimensions && !conditional))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "assignments",
                               "%zu assignments for %zu parameters", event->assignment_count,
                               dimensions);
    for (size_t i = 0; i < dimensions; i++)
        session->point[i] = (double)NAN;
    for (size_t i = 0; i < event->assignment_count; i++) {
        dozan_status status = read_assignment(session, &event->assignments[i], i, err);
        if (status != DOZAN_OK)
            return status;
    }
    return conditional ? settle_inactive(session, err) : DOZAN_OK;
}

static dozan_status read_labels(const dozan_log_event *event, dozan_label *labels, dozan_error *err)
{
    if (event->label_count > DOZAN_MAX_LABELS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "labels",
                               "%zu labels are more than the limit of %d", event->label_count,
                               (int)DOZAN_MAX_LABELS);
    for (size_t i = 0; i < event->label_count; i++) {
        if (event->labels[i].name == NULL || event->labels[i].value == NULL)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "labels",
                                   "label %zu has no name or no value", i);
        labels[i] = (dozan_label){event->labels[i].name, event->labels[i].value};
    }
    return DOZAN_OK;
}

static dozan_status fold_asked(dz_session *session, const dozan_log_event *event, dozan_error *err)
{
    dozan_label labels[DOZAN_MAX_LABELS];
    dozan_status status = read_point(session, event, err);
    if (status == DOZAN_OK)
        status = read_labels(event, labels, err);
    if (status == DOZAN_OK)
        status = dz_history_ask(session->history, event->trial, session->point, labels,
                                event->label_count, err);
    return status;
}

static double loss_of(const dz_session *session, double value)
{
    return session->problem.maximize ? -value : value;
}

static dozan_status fold_report(dz_session *session, const dozan_log_event *event, dozan_error *err)
{
    if (event->metric >= session->metric_count)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metric",
                               "metric %u is unknown: the experiment has %u", event->metric,
                               session->metric_count);
    if (!event->has_value || event->step < 1)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "value",
                               "a report needs a value, and a step from 1 on");
    if (event->metric != 0)
        return DOZAN_OK;
    return dz_history_report(session->history, event->trial, event->step,
                             loss_of(session, event->value), err);
}

/* How far a value is beyond the bounds; NaN stays. */
static double excess_of(const dz_metric_role *role, double value)
{
    if (isnan(value))
        return value;
    double excess = -(double)INFINITY;
    if (role->has_min)
        excess = role->min - value;
    if (role->has_max)
        excess = fmax(excess, value - role->max);
    return excess;
}

/* Fills session->others: the losses of the other objectives, and what the constraints come to. */
static void read_others(dz_session *session, const dozan_log_event *event)
{
    size_t objectives = session->problem.objective_count - 1;
    for (size_t i = 0; i < objectives + session->problem.constraint_count; i++) {
        const dz_metric_role *role = &session->roles[i];
        double value = (double)NAN;
        if (role->metric == 0 && event->has_value)
            value = event->value;
        else if (role->metric > 0 && role->metric - 1 < event->other_value_count)
            value = event->other_values[role->metric - 1];
        if (i < objectives)
            session->others[i] = role->maximize ? -value : value;
        else
            session->others[i] = excess_of(role, value);
    }
}

static dozan_status fold_end(dz_session *session, const dozan_log_event *event,
                             dozan_trial_state state, dozan_error *err)
{
    if (state == DOZAN_TRIAL_COMPLETED && !event->has_value)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "value",
                               "a completed trial needs a value");
    read_others(session, event);
    dz_result result = {.loss = event->has_value ? loss_of(session, event->value) : (double)NAN,
                        .other_losses = session->others,
                        .excess = session->others + session->problem.objective_count - 1};
    return dz_history_end(session->history, event->trial, state, &result, err);
}

static dozan_status fold_history(dz_session *session, const dozan_log_event *event,
                                 dozan_error *err)
{
    switch (event->kind) {
    case DOZAN_EVENT_ASKED:
        return fold_asked(session, event, err);
    case DOZAN_EVENT_STARTED:
    case DOZAN_EVENT_LOST:
        return DOZAN_OK;
    case DOZAN_EVENT_REPORT:
        return fold_report(session, event, err);
    case DOZAN_EVENT_COMPLETED:
        return fold_end(session, event, DOZAN_TRIAL_COMPLETED, err);
    case DOZAN_EVENT_FAILED:
        return fold_end(session, event, DOZAN_TRIAL_FAILED, err);
    case DOZAN_EVENT_STOPPED:
        return fold_end(session, event, DOZAN_TRIAL_STOPPED, err);
    case DOZAN_EVENT_UNAVAILABLE:
        return fold_end(session, event, DOZAN_TRIAL_UNAVAILABLE, err);
    case DOZAN_EVENT_KILLED:
        return fold_end(session, event, DOZAN_TRIAL_KILLED, err);
    default:
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "kind", "unknown kind of event %d",
                               (int)event->kind);
    }
}

static dozan_status tell(dz_session *session, const dozan_log_event *event,
                         const dozan_trial *trial, dozan_error *err)
{
    if (session->algorithm->tell == NULL)
        return DOZAN_OK;
    dozan_event told = {.seq = event->seq, .kind = event->kind, .trial = trial};
    if (event->kind == DOZAN_EVENT_REPORT) {
        if ((session->algorithm->traits & DOZAN_WANTS_REPORTS) == 0)
            return DOZAN_OK;
        told.metric = event->metric;
        told.step = event->step;
        told.value = event->metric == 0 ? loss_of(session, event->value) : event->value;
    }
    return session->algorithm->tell(session->self, &session->problem, &told, err);
}

static bool is_end(dozan_event_kind kind)
{
    return kind != DOZAN_EVENT_ASKED && kind != DOZAN_EVENT_STARTED && kind != DOZAN_EVENT_REPORT &&
           kind != DOZAN_EVENT_LOST;
}

static dozan_status fold_told(dz_session *session, const dozan_log_event *event, dozan_error *err)
{
    const dozan_trial *before = dozan_history_find(session->history, event->trial);
    if (event->kind != DOZAN_EVENT_ASKED && before == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "trial",
                               "trial %lld was never asked for", (long long)event->trial);
    bool late = before != NULL && before->state != DOZAN_TRIAL_PENDING && !is_end(event->kind);
    dozan_status status = fold_history(session, event, err);
    if (status != DOZAN_OK || late) /* what reaches a trial after its end changes nothing */
        return status;
    return tell(session, event, dozan_history_find(session->history, event->trial), err);
}

/* A result from before the experiment, told as a trial that was asked for and has completed.
 * Algorithms that use no results are not told of it: it would only change which points they try. */
static dozan_status fold_known(dz_session *session, const dozan_log_event *event, dozan_error *err)
{
    if (session->algorithm->kind != DOZAN_KIND_SEARCH ||
        (session->algorithm->traits & DOZAN_IGNORES_RESULTS) != 0)
        return DOZAN_OK;
    if (event->trial >= 0 ||
        dozan_history_count(session->history) != dozan_history_ended_count(session->history))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "trial",
                               "known results have numbers below 0 and come before all trials");
    dozan_log_event part = *event;
    part.kind = DOZAN_EVENT_ASKED;
    dozan_status status = fold_told(session, &part, err);
    part.kind = DOZAN_EVENT_COMPLETED;
    return status == DOZAN_OK ? fold_told(session, &part, err) : status;
}

static dozan_status fold(dz_session *session, const dozan_log_event *event, dozan_error *err)
{
    if (event->kind == DOZAN_EVENT_KNOWN)
        return fold_known(session, event, err);
    if (event->trial < 1)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "trial %lld: trials are numbered from 1", (long long)event->trial);
    return fold_told(session, event, err);
}
