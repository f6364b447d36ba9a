#include "support_lab.h"

#include "table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const dozan_parameter *find_resource(const dozan_experiment *experiment);
static void tell(dz_lab *lab, dozan_rng *rng);
static void require(dozan_status status, const dozan_error *err, const char *what);
static dozan_log_event *add_event(dz_lab *lab, dozan_event_kind kind, int64_t trial);
static double *read_point(dz_lab *lab, const dozan_suggestion *suggestion);

const dozan_algorithm *dz_lab_algorithm(const char *name)
{
    for (const dozan_algorithm *const *entry = dozan_algorithms_table(); *entry != NULL; entry++) {
        if (strcmp((*entry)->name, name) == 0) {
            return *entry;
        }
    }
    fail_msg("no algorithm %s", name);
    return NULL;
}

dozan_experiment dz_lab_experiment(const dozan_algorithm *algorithm,
                                   const dozan_parameter *parameters, size_t count, uint64_t seed)
{
    bool search = algorithm->kind == DOZAN_KIND_SEARCH;
    return (dozan_experiment){.uid = "lab",
                              .name = "lab",
                              .parameters = parameters,
                              .parameter_count = count,
                              .objective_metric = "loss",
                              .algorithm = search ? algorithm->name : "random",
                              .early_stopping = search ? NULL : algorithm->name,
                              .parallel_trials = 3,
                              .seed = seed};
}

void dz_lab_require(dozan_experiment *experiment, const dozan_algorithm *algorithm,
                    const dozan_pair *given, dz_lab_settings *room)
{
    static const dozan_pair values[] = {{"suggestion_trial_dir", "/checkpoints"},
                                        {"n_population", "6"},
                                        {"truncation_threshold", "0.25"}};
    const dozan_parameter *resource = find_resource(experiment);
    size_t count = 0;
    if (given != NULL) {
        room->pairs[count++] = *given;
    }
    for (size_t i = 0; i < algorithm->setting_count; i++) {
        const char *name = algorithm->settings[i].name;
        if (!algorithm->settings[i].required || (given != NULL && strcmp(given->name, name) == 0)) {
            continue;
        }
        dozan_pair pair = {name, ""};
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            pair = strcmp(values[v].name, name) == 0 ? values[v] : pair;
        }
        if (resource != NULL && strcmp(name, "resource_name") == 0) {
            pair.value = resource->name;
        } else if (resource != NULL && strcmp(name, "r_l") == 0) {
            pair.value = resource->max;
        }
        assert_true(count < DZ_LAB_SETTINGS);
        room->pairs[count++] = pair;
    }
    bool search = algorithm->kind == DOZAN_KIND_SEARCH;
    if (search) {
        experiment->algorithm_settings = room->pairs;
        experiment->algorithm_setting_count = count;
    } else {
        experiment->early_stopping_settings = room->pairs;
        experiment->early_stopping_setting_count = count;
    }
}

void dz_lab_open(dz_lab *lab, const dozan_algorithm *algorithm, const dozan_experiment *experiment)
{
    dozan_error err = {0};
    *lab = (dz_lab){.algorithm = algorithm, .experiment = *experiment};
    require(
        dozan_space_create(experiment->parameters, experiment->parameter_count, &lab->space, &err),
        &err, "space");
    lab->dimensions = dozan_space_dimensions(lab->space);
}

void dz_lab_close(dz_lab *lab)
{
    dz_session_destroy(lab->session);
    dozan_space_destroy(lab->space);
    dz_arena_fini(&lab->arena);
    free(lab->events);
    *lab = (dz_lab){0};
}

dz_lab_answer dz_lab_peek(dz_lab *lab, uint32_t count)
{
    tell(lab, NULL);
    dozan_error err = {0};
    dozan_ask_reply *reply = dz_arena_alloc(&lab->arena, sizeof(*reply));
    assert_non_null(reply);
    require(dz_session_ask(lab->session, lab->trials + 1, count, &lab->arena, reply, &err), &err,
            "ask");
    assert_true(reply->suggestion_count == count || reply->end != DOZAN_ASK_MORE);
    dz_lab_answer answer = {.count = reply->suggestion_count,
                            .first_trial = lab->trials + 1,
                            .suggestions = reply->suggestions,
                            .end = reply->end,
                            .message = reply->message};
    answer.points = dz_arena_array(&lab->arena, count, sizeof(*answer.points));
    assert_non_null(answer.points);
    for (size_t i = 0; i < answer.count; i++) {
        answer.points[i] = read_point(lab, &reply->suggestions[i]);
    }
    return answer;
}

dz_lab_answer dz_lab_ask(dz_lab *lab, uint32_t count)
{
    dz_lab_answer answer = dz_lab_peek(lab, count);
    dz_lab_accept(lab, &answer);
    return answer;
}

void dz_lab_accept(dz_lab *lab, const dz_lab_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        dozan_log_event *event = add_event(lab, DOZAN_EVENT_ASKED, ++lab->trials);
        event->assignments = answer->suggestions[i].assignments;
        event->assignment_count = answer->suggestions[i].assignment_count;
        event->labels = answer->suggestions[i].labels;
        event->label_count = answer->suggestions[i].label_count;
    }
}

int64_t dz_lab_give(dz_lab *lab, const double *point)
{
    dozan_pair *pairs = dz_arena_array(&lab->arena, lab->dimensions, sizeof(*pairs));
    assert_non_null(pairs);
    for (size_t d = 0; d < lab->dimensions; d++) {
        char text[DOZAN_VALUE_TEXT];
        const char *value = dozan_space_text(lab->space, d, point[d], text);
        pairs[d] = (dozan_pair){dozan_space_dimension(lab->space, d)->name,
                                dz_arena_text(&lab->arena, value)};
    }
    dozan_log_event *event = add_event(lab, DOZAN_EVENT_ASKED, ++lab->trials);
    event->assignments = pairs;
    event->assignment_count = lab->dimensions;
    return lab->trials;
}

void dz_lab_log(dz_lab *lab, dozan_event_kind kind, int64_t trial, int64_t step, double value)
{
    dozan_log_event *event = add_event(lab, kind, trial);
    event->step = step;
    event->value = value;
    event->has_value = kind == DOZAN_EVENT_REPORT || kind == DOZAN_EVENT_COMPLETED ||
                       (kind == DOZAN_EVENT_STOPPED && !isnan(value));
}

dozan_trial_verdict dz_lab_judge(dz_lab *lab, int64_t trial)
{
    tell(lab, NULL);
    dozan_error err = {0};
    dozan_judge_reply reply = {0};
    require(dz_session_judge(lab->session, &trial, 1, &lab->arena, &reply, &err), &err, "judge");
    assert_int_equal(reply.verdict_count, 1);
    return reply.verdicts[0];
}

void dz_lab_restart(dz_lab *lab, dozan_rng *rng)
{
    dz_session_destroy(lab->session);
    lab->session = NULL;
    lab->applied = 0;
    tell(lab, rng);
}

void dz_lab_copy(dz_lab *copy, const dz_lab *lab, dozan_rng *rng)
{
    dz_lab_open(copy, lab->algorithm, &lab->experiment);
    copy->trials = lab->trials;
    for (size_t i = 0; i < lab->event_count; i++) {
        dozan_log_event from = lab->events[i];
        dozan_event_kind last = DOZAN_EVENT_STARTED;
        while (rng != NULL && from.kind != DOZAN_EVENT_ASKED && dozan_rng_below(rng, 3) == 0) {
            (void)add_event(copy, last, from.trial);
            last = last == DOZAN_EVENT_LOST ? DOZAN_EVENT_STARTED : DOZAN_EVENT_LOST;
        }
        dozan_log_event *event = add_event(copy, from.kind, from.trial);
        from.seq = event->seq;
        *event = from;
    }
}

/* The first parameter with a range; NULL when there is none. */
static const dozan_parameter *find_resource(const dozan_experiment *experiment)
{
    for (size_t i = 0; i < experiment->parameter_count; i++) {
        if (experiment->parameters[i].max != NULL) {
            return &experiment->parameters[i];
        }
    }
    return NULL;
}

/* Tells the session what it does not know yet, in one part or in random ones that may overlap. */
static void tell(dz_lab *lab, dozan_rng *rng)
{
    dozan_error err = {0};
    if (lab->session == NULL) {
        require(dz_session_create(lab->algorithm, &lab->experiment, &lab->session, &err), &err,
                "create");
    }
    while (lab->applied < lab->event_count) {
        size_t left = lab->event_count - lab->applied;
        size_t size = rng != NULL ? 1 + (size_t)dozan_rng_below(rng, left < 20 ? left : 20) : left;
        size_t since = rng != NULL ? (size_t)dozan_rng_below(rng, lab->applied + 1) : lab->applied;
        size_t to = lab->applied + size;
        dozan_log_part part = {.uid = "lab",
                               .since_seq = (int64_t)since,
                               .to_seq = (int64_t)to,
                               .events = lab->events + since,
                               .event_count = to - since};
        bool stale = false;
        require(dz_session_apply(lab->session, &part, &stale, &err), &err, "apply");
        assert_false(stale);
        lab->applied = to;
    }
}

static void require(dozan_status status, const dozan_error *err, const char *what)
{
    if (status != DOZAN_OK) {
        char text[512];
        dozan_error_text(err, text, sizeof(text));
        fail_msg("%s: %s", what, text);
    }
}

static dozan_log_event *add_event(dz_lab *lab, dozan_event_kind kind, int64_t trial)
{
    if (lab->event_count == lab->event_capacity) {
        lab->event_capacity = 2 * lab->event_capacity + 64;
        lab->events = realloc(lab->events, lab->event_capacity * sizeof(*lab->events));
        assert_non_null(lab->events);
    }
    dozan_log_event *event = &lab->events[lab->event_count++];
    *event = (dozan_log_event){.seq = (int64_t)lab->event_count, .kind = kind, .trial = trial};
    return event;
}

/* The point of a suggestion; each of its texts must be a value of the space. */
static double *read_point(dz_lab *lab, const dozan_suggestion *suggestion)
{
    double *point = dz_arena_array(&lab->arena, lab->dimensions, sizeof(*point));
    assert_non_null(point);
    assert_int_equal(suggestion->assignment_count, lab->dimensions);
    for (size_t d = 0; d < lab->dimensions; d++) {
        dozan_error err = {0};
        const dozan_pair *pair = &suggestion->assignments[d];
        assert_string_equal(pair->name, dozan_space_dimension(lab->space, d)->name);
        require(dozan_space_parse(lab->space, d, pair->value, &point[d], &err), &err, pair->name);
    }
    return point;
}
