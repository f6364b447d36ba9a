/*
 * The members are the trials, each with the name under which Katib lists it. One that was handed
 * out and is not listed yet is pending all the same: Katib is about to create it; or its answer
 * was lost, and then the same number of trials is asked for again and it is handed out again.
 */
#include "grpc_katib_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 15 };

static void reset(dz_katib_fold *fold);
static dozan_status check_numbers(const dz_katib_ask *request, dozan_error *err);
static bool is_another(const dz_katib_turn *t);
static dozan_status renew_session(const dz_katib_turn *t, dozan_error *err);
static dozan_status take_list(const dz_katib_turn *t, dozan_error *err);
static dozan_status take_new(const dz_katib_turn *t, const dz_katib_trial *trial, dozan_error *err);
static dozan_status take_end(const dz_katib_turn *t, dz_katib_member *m,
                             const dz_katib_trial *trial, dozan_error *err);
static dozan_status tell_session(const dz_katib_turn *t, dozan_error *err);

dz_katib_fold *dz_katib_fold_create(const dozan_algorithm *const *algorithms)
{
    dz_katib_fold *made = calloc(1, sizeof(*made));
    if (made != NULL)
        made->algorithms = algorithms;
    return made;
}

void dz_katib_fold_destroy(dz_katib_fold *fold)
{
    if (fold == NULL)
        return;
    reset(fold);
    free(fold->members);
    free(fold->events);
    free(fold);
}

dozan_status dz_katib_fold_ask(dz_katib_fold *fold, const dz_katib_ask *request, dz_arena *arena,
                               dz_katib_answer *answer, dozan_error *err)
{
    dozan_experiment own = {.uid = ""};
    dz_katib_turn t = {.fold = fold, .request = request, .experiment = &own, .arena = arena};
    *answer = (dz_katib_answer){.suggestion_count = 0};
    dozan_status status = check_numbers(request, err);
    if (status == DOZAN_OK)
        status = dz_katib_own_settings(request->history.experiment, arena, &own, &t.labels, err);
    if (status != DOZAN_OK)
        return status;
    if (is_another(&t))
        reset(fold);
    status = renew_session(&t, err);
    if (status == DOZAN_OK)
        status = take_list(&t, err);
    if (status == DOZAN_OK)
        status = tell_session(&t, err);
    if (status == DOZAN_OK && request->current > 0)
        status = dz_katib_answer_all(&t, answer, err);
    /* A fold that has failed half-way is made anew from the next request. */
    if (status != DOZAN_OK && status != DOZAN_FAILED_PRECONDITION && status != DOZAN_OUT_OF_RANGE)
        reset(fold);
    return status;
}

dozan_status dz_katib_find_algorithm(const dozan_algorithm *const *algorithms,
                                     dozan_algorithm_kind kind, const char *name,
                                     const dozan_algorithm **found, dozan_error *err)
{
    bool search = kind == DOZAN_KIND_SEARCH;
    for (size_t i = 0; name != NULL && algorithms[i] != NULL; i++) {
        if (algorithms[i]->kind == kind && strcmp(algorithms[i]->name, name) == 0) {
            *found = algorithms[i];
            return DOZAN_OK;
        }
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT,
                           search ? "spec.algorithm.algorithmName"
                                  : "spec.earlyStopping.algorithmName",
                           "this service has no %s algorithm \"%.100s\"",
                           search ? "search" : "early-stopping", name != NULL ? name : "");
}

dozan_status dz_katib_own_settings(const dozan_experiment *experiment, dz_arena *arena,
                                   dozan_experiment *own, const char **labels, dozan_error *err)
{
    dozan_pair *settings =
        dz_arena_array(arena, experiment->algorithm_setting_count, sizeof(*settings));
    if (settings == NULL)
        return dz_katib_no_memory(err);
    *own = *experiment;
    own->algorithm_settings = settings;
    own->algorithm_setting_count = 0;
    *labels = "";
    for (size_t i = 0; i < experiment->algorithm_setting_count; i++) {
        const dozan_pair *setting = &experiment->algorithm_settings[i];
        if (strcmp(setting->name, DZ_KATIB_LABELS_SETTING) == 0)
            *labels = setting->value;
        else
            settings[own->algorithm_setting_count++] = *setting;
    }
    return DOZAN_OK;
}

dozan_status dz_katib_no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for an experiment");
}

/* ---- the state ------------------------------------------------------------------------------ */

static void reset(dz_katib_fold *fold)
{
    dz_session_destroy(fold->session);
    fold->session = NULL;
    HASH_CLEAR(hh, fold->by_name);
    dz_arena_fini(&fold->arena);
    fold->count = 0;
    fold->event_count = 0;
    fold->last_number = 0;
}

static dz_katib_member *find(const dz_katib_fold *fold, const char *name)
{
    dz_katib_member *found = NULL;
    HASH_FIND_STR(fold->by_name, name, found);
    return found;
}

static bool make_room(void **rows, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return true;
    size_t more = *room > 0 ? *room * 2 : 64;
    void *grown = reallocarray(*rows, more, size);
    if (grown == NULL)
        return false;
    *rows = grown;
    *room = more;
    return true;
}

static const dozan_pair *copy_pairs(dz_arena *arena, const dozan_pair *pairs, size_t count)
{
    dozan_pair *copy = dz_arena_array(arena, count, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i].name = dz_arena_text(arena, pairs[i].name);
        copy[i].value = dz_arena_text(arena, pairs[i].value);
        if (copy[i].name == NULL || copy[i].value == NULL)
            return NULL;
    }
    return copy;
}

/* Adds what `from` describes (its texts are copied) and its ASKED. */
dz_katib_member *dz_katib_add_member(dz_katib_fold *fold, const dz_katib_member *from)
{
    if (!make_room((void **)&fold->members, &fold->room, fold->count, sizeof(void *)) ||
        !make_room((void **)&fold->events, &fold->event_room, fold->event_count,
                   sizeof(*fold->events)))
        return NULL;
    dz_katib_member *m = dz_arena_alloc(&fold->arena, sizeof(*m));
    if (m == NULL)
        return NULL;
    *m = *from;
    memset(&m->hh, 0, sizeof(m->hh));
    m->name = dz_arena_text(&fold->arena, from->name);
    m->assignments = copy_pairs(&fold->arena, from->assignments, from->assignment_count);
    m->labels = copy_pairs(&fold->arena, from->labels, from->label_count);
    if (m->name == NULL || m->assignments == NULL || m->labels == NULL)
        return NULL;
    HASH_ADD_KEYPTR(hh, fold->by_name, m->name, strlen(m->name), m);
    if (find(fold, m->name) != m)
        return NULL;
    fold->members[fold->count++] = m;
    fold->events[fold->event_count++] = (dz_katib_event){.kind = DOZAN_EVENT_ASKED, .trial = m};
    if (m->number > fold->last_number)
        fold->last_number = m->number;
    return m;
}

/* How many trials had been asked for before this request. */
int64_t dz_katib_given_before(const dz_katib_turn *t)
{
    return (int64_t)t->request->total - t->request->current;
}

static dozan_status check_numbers(const dz_katib_ask *request, dozan_error *err)
{
    if (request->current >= 0 && request->current <= DZ_SESSION_MAX_BATCH &&
        request->total >= request->current)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "current_request_number",
                           "%d of %d in all: must be from 0 to %d, and at most all",
                           (int)request->current, (int)request->total, (int)DZ_SESSION_MAX_BATCH);
}

/* Whether the experiment has been deleted, and another one has its name: nothing was ever asked
 * for, yet here are trials that Katib has shown. */
static bool is_another(const dz_katib_turn *t)
{
    if (dz_katib_given_before(t) > 0 || t->request->history.trial_count > 0)
        return false;
    for (size_t i = 0; i < t->fold->count; i++) {
        if (t->fold->members[i]->listed)
            return true;
    }
    return false;
}

static dozan_status renew_session(const dz_katib_turn *t, dozan_error *err)
{
    dz_katib_fold *fold = t->fold;
    uint64_t digest = dz_wire_experiment_digest(t->experiment);
    if (fold->session != NULL && fold->digest == digest)
        return DOZAN_OK;
    const dozan_algorithm *algorithm = NULL;
    dz_session *session = NULL;
    dozan_status status = dz_katib_find_algorithm(fold->algorithms, DOZAN_KIND_SEARCH,
                                                  t->experiment->algorithm, &algorithm, err);
    if (status == DOZAN_OK)
        status = dz_session_create(algorithm, t->experiment, &session, err);
    if (status != DOZAN_OK)
        return status;
    dz_session_destroy(fold->session);
    fold->session = session;
    fold->digest = digest;
    return DOZAN_OK;
}

/* ---- what Katib lists ----------------------------------------------------------------------- */

/* The number in a name that was given here; 0 when Katib, or someone else, has named it. */
static int64_t number_of(const char *experiment, const char *name)
{
    size_t size = strlen(experiment);
    if (strncmp(name, experiment, size) != 0 || name[size] != '-')
        return 0;
    const char *digits = name + size + 1;
    size_t count = strspn(digits, "0123456789");
    if (count < DZ_KATIB_NUMBER_DIGITS || count > MOST_DIGITS || digits[count] != '\0')
        return 0;
    return strtoll(digits, NULL, 10);
}

/* Numbered ones first and in their order, then by the time of their start, then by name: the order
 * in which Katib lists them means nothing. */
static int compare_trials(const void *a, const void *b, void *experiment)
{
    const dz_katib_trial *left = *(const dz_katib_trial *const *)a;
    const dz_katib_trial *right = *(const dz_katib_trial *const *)b;
    int64_t numbers[] = {number_of(experiment, left->name), number_of(experiment, right->name)};
    if (numbers[0] != numbers[1] && numbers[0] > 0 && numbers[1] > 0)
        return numbers[0] < numbers[1] ? -1 : 1;
    if ((numbers[0] > 0) != (numbers[1] > 0))
        return numbers[0] > 0 ? -1 : 1;
    int order = strcmp(left->start_time, right->start_time);
    return order != 0 ? order : strcmp(left->name, right->name);
}

/* By the time of their end, then as above. */
static int compare_ends(const void *a, const void *b, void *experiment)
{
    const dz_katib_trial *left = *(const dz_katib_trial *const *)a;
    const dz_katib_trial *right = *(const dz_katib_trial *const *)b;
    int order = strcmp(left->completion_time, right->completion_time);
    return order != 0 ? order : compare_trials(a, b, experiment);
}

static dozan_status take_list(const dz_katib_turn *t, dozan_error *err)
{
    dz_katib_fold *fold = t->fold;
    size_t count = t->request->history.trial_count;
    char *experiment = dz_arena_text(t->arena, t->experiment->name);
    const dz_katib_trial **rows = dz_arena_array(t->arena, count, sizeof(void *));
    if (rows == NULL || experiment == NULL)
        return dz_katib_no_memory(err);
    for (size_t i = 0; i < count; i++)
        rows[i] = &t->request->history.trials[i];
    for (size_t i = 0; i < fold->count; i++)
        fold->members[i]->shown = false;
    dozan_status status = DOZAN_OK;
    qsort_r(rows, count, sizeof(void *), compare_trials, experiment);
    for (size_t i = 0; i < count && status == DOZAN_OK; i++)
        status = take_new(t, rows[i], err);
    qsort_r(rows, count, sizeof(void *), compare_ends, experiment);
    for (size_t i = 0; i < count && status == DOZAN_OK; i++) {
        dz_katib_member *m = find(fold, rows[i]->name);
        if (m != NULL && !m->ended)
            status = take_end(t, m, rows[i], err);
    }
    /* Katib leaves out trials without metrics, and those that were deleted. */
    for (size_t i = 0; i < fold->count && status == DOZAN_OK; i++) {
        dz_katib_member *m = fold->members[i];
        if (m->listed && !m->shown && !m->ended)
            status = take_end(t, m, &(dz_katib_trial){.condition = DZ_KATIB_UNKNOWN}, err);
    }
    return status;
}

/* Whether the assignments are a point of the space: trials of other experiments and algorithms may
 * be listed, too. */
static bool fits(const dz_session *session, const dz_katib_trial *trial)
{
    size_t dimensions = dozan_space_dimensions(session->space);
    if (trial->assignment_count != dimensions)
        return false;
    for (size_t i = 0; i < dimensions; i++) {
        const dozan_pair *pair = &trial->assignments[i];
        double u = 0;
        size_t at = dozan_space_find(session->space, pair->name);
        if (at == SIZE_MAX ||
            dozan_space_parse(session->space, at, pair->value, &u, NULL) != DOZAN_OK)
            return false;
        for (size_t k = 0; k < i; k++) {
            if (strcmp(trial->assignments[k].name, pair->name) == 0)
                return false;
        }
    }
    return true;
}

static bool same_point(const dz_katib_member *m, const dz_katib_trial *trial)
{
    if (m->assignment_count != trial->assignment_count)
        return false;
    for (size_t i = 0; i < m->assignment_count; i++) {
        size_t k = 0;
        while (k < trial->assignment_count &&
               strcmp(m->assignments[i].name, trial->assignments[k].name) != 0)
            k++;
        if (k == trial->assignment_count ||
            strcmp(m->assignments[i].value, trial->assignments[k].value) != 0)
            return false;
    }
    return true;
}

/* A suggestion that Katib has made a trial of under a name of its own. */
static dz_katib_member *adopt(dz_katib_fold *fold, const dz_katib_trial *trial)
{
    for (size_t i = 0; i < fold->count; i++) {
        dz_katib_member *m = fold->members[i];
        if (m->listed || !same_point(m, trial))
            continue;
        char *name = dz_arena_text(&fold->arena, trial->name);
        if (name == NULL)
            return NULL;
        HASH_DEL(fold->by_name, m);
        m->name = name;
        HASH_ADD_KEYPTR(hh, fold->by_name, m->name, strlen(m->name), m);
        return find(fold, name);
    }
    return NULL;
}

static dozan_status take_new(const dz_katib_turn *t, const dz_katib_trial *trial, dozan_error *err)
{
    dz_katib_fold *fold = t->fold;
    dz_katib_member *m = find(fold, trial->name);
    if (m == NULL)
        m = adopt(fold, trial);
    if (m == NULL && !fits(fold->session, trial))
        return DOZAN_OK;
    if (m == NULL) {
        char *name = dz_arena_text(t->arena, trial->name);
        int64_t number = number_of(t->experiment->name, trial->name);
        dz_katib_member from = {.name = name,
                                .number = number > 0 ? number : fold->last_number + 1,
                                .assignments = trial->assignments,
                                .assignment_count = trial->assignment_count};
        from.labels = dz_katib_labels_read(t->labels, from.number, t->arena, &from.label_count);
        m = name != NULL ? dz_katib_add_member(fold, &from) : NULL;
        if (m == NULL)
            return dz_katib_no_memory(err);
    }
    m->listed = true;
    m->shown = true;
    return DOZAN_OK;
}

static bool metric_of(const dz_katib_trial *trial, const char *name, double *value)
{
    for (size_t i = 0; i < trial->metric_count; i++) {
        if (strcmp(trial->metrics[i].name, name) == 0)
            return dozan_number_parse(trial->metrics[i].value, true, value);
    }
    return false;
}

static dozan_event_kind end_of(dz_katib_condition condition, bool has_value)
{
    switch (condition) {
    case DZ_KATIB_SUCCEEDED:
        return has_value ? DOZAN_EVENT_COMPLETED : DOZAN_EVENT_UNAVAILABLE;
    case DZ_KATIB_KILLED:
        return DOZAN_EVENT_KILLED;
    case DZ_KATIB_FAILED:
        return DOZAN_EVENT_FAILED;
    case DZ_KATIB_EARLY_STOPPED:
        return DOZAN_EVENT_STOPPED;
    case DZ_KATIB_METRICS_UNAVAILABLE:
    case DZ_KATIB_UNKNOWN:
    default:
        return DOZAN_EVENT_UNAVAILABLE;
    }
}

/* Its end, if it has ended; the only news there can be of a trial. */
static dozan_status take_end(const dz_katib_turn *t, dz_katib_member *m,
                             const dz_katib_trial *trial, dozan_error *err)
{
    dz_katib_fold *fold = t->fold;
    const dozan_experiment *e = t->experiment;
    if (trial->condition == DZ_KATIB_CREATED || trial->condition == DZ_KATIB_RUNNING)
        return DOZAN_OK;
    double *others = dz_arena_array(&fold->arena, e->additional_metric_count, sizeof(*others));
    if (others == NULL || !make_room((void **)&fold->events, &fold->event_room, fold->event_count,
                                     sizeof(*fold->events)))
        return dz_katib_no_memory(err);
    dz_katib_event end = {.trial = m, .others = others, .other_count = e->additional_metric_count};
    end.has_value = metric_of(trial, e->objective_metric, &end.value);
    end.kind = end_of(trial->condition, end.has_value);
    for (size_t i = 0; i < e->additional_metric_count; i++) {
        if (!metric_of(trial, e->additional_metrics[i], &others[i]))
            others[i] = (double)NAN;
    }
    fold->events[fold->event_count++] = end;
    m->ended = true;
    return DOZAN_OK;
}

/* The session's cursor is how many of the events it knows: a new one knows none. */
static dozan_status tell_session(const dz_katib_turn *t, dozan_error *err)
{
    dz_katib_fold *fold = t->fold;
    size_t known = (size_t)dz_session_applied_seq(fold->session);
    size_t count = fold->event_count - known;
    dozan_log_event *events = dz_arena_array(t->arena, count, sizeof(*events));
    if (events == NULL)
        return dz_katib_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const dz_katib_event *from = &fold->events[known + i];
        bool asked = from->kind == DOZAN_EVENT_ASKED;
        events[i] = (dozan_log_event){.seq = (int64_t)(known + i + 1),
                                      .kind = from->kind,
                                      .trial = from->trial->number,
                                      .has_value = from->has_value,
                                      .value = from->value};
        if (asked) {
            events[i].assignments = from->trial->assignments;
            events[i].assignment_count = from->trial->assignment_count;
            events[i].labels = from->trial->labels;
            events[i].label_count = from->trial->label_count;
        } else {
            events[i].other_values = from->others;
            events[i].other_value_count = from->other_count;
        }
    }
    const dozan_log_part part = {.uid = t->experiment->uid,
                                 .since_seq = (int64_t)known,
                                 .to_seq = (int64_t)fold->event_count,
                                 .events = events,
                                 .event_count = count};
    bool stale = false;
    dozan_status status = dz_session_apply(fold->session, &part, &stale, err);
    if (status != DOZAN_OK || !stale)
        return status;
    return dozan_error_set(err, DOZAN_INTERNAL, NULL, "the session has lost its place in the log");
}
