/*
 * One experiment, its slots and a clock, and short words for what happens to it: for the unit tests
 * of the core. Each word is one step; what the step did is in world->changes until the next one.
 */
#ifndef DZ_TESTS_SUPPORT_WORLD_H
#define DZ_TESTS_SUPPORT_WORLD_H

#include "support/experiment.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct world {
    dz_experiment *experiment;
    dz_slots slots;
    dz_changes changes;
    int64_t now;
    dozan_error err;
    dozan_status status; /* of the last step */
} world;

static inline world *world_create(const char *const *changes, int64_t cpus, int32_t gpus)
{
    world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->now = 1000000;
    dz_slots_init(&w->slots, cpus * 1000, gpus);
    assert_int_equal(
        dz_experiment_create(test_spec(changes), TEST_UID, 7, w->now, &w->experiment, &w->err),
        DOZAN_OK);
    return w;
}

static inline void world_destroy(world *w)
{
    dz_changes_clear(&w->changes);
    dz_experiment_destroy(w->experiment);
    free(w);
}

/* Steps; what an earlier step did counts as committed. */
static inline void happen(world *w, dz_event event)
{
    dz_changes_clear(&w->changes);
    w->experiment->dirty = false;
    for (size_t i = 0; i < w->experiment->active_count; i++) {
        w->experiment->active[i]->dirty = false;
    }
    w->status = dz_step(w->experiment, &w->slots, &event, w->now, &w->changes, &w->err);
}

static inline void must_happen(world *w, dz_event event)
{
    happen(w, event);
    if (w->status != DOZAN_OK) {
        fprintf(stderr, "%s: %s\n", w->err.place, w->err.message);
    }
    assert_int_equal(w->status, DOZAN_OK);
}

static inline void open_it(world *w)
{
    must_happen(w, (dz_event){.kind = DZ_EVENT_OPEN});
}

static inline void tick_at(world *w, int64_t now)
{
    w->now = now;
    must_happen(w, (dz_event){.kind = DZ_EVENT_TICK});
}

/* Answers with `count` good suggestions. */
static inline void suggest(world *w, size_t count, dozan_ask_end end)
{
    dozan_pair pairs[3] = {{"lr", "0.5"}, {"units", "32"}, {"optimizer", "sgd"}};
    dozan_suggestion suggestions[32];
    dozan_ask_reply reply = {
        .suggestions = suggestions, .suggestion_count = count, .end = end, .message = "test"};

    for (size_t i = 0; i < count && i < 32; i++) {
        suggestions[i] = (dozan_suggestion){.assignments = pairs, .assignment_count = 3};
    }
    must_happen(w, (dz_event){.kind = DZ_EVENT_SUGGESTED, .u.suggested = &reply});
}

static inline void ask_fails(world *w, const char *reason)
{
    must_happen(w, (dz_event){.kind = DZ_EVENT_ASK_FAILED,
                              .u.failed = {.reason = reason, .message = "the plugin is away"}});
}

static inline dz_trial *active(const world *w, int64_t number)
{
    return dz_experiment_find_active(w->experiment, number);
}

/* The trial, active or ended by the last step. */
static inline dz_trial *trial_of(const world *w, int64_t number)
{
    dz_trial *trial = active(w, number);

    for (size_t i = 0; trial == NULL && i < w->changes.ended_count; i++) {
        if (w->changes.ended[i]->number == number) {
            trial = w->changes.ended[i];
        }
    }
    assert_non_null(trial);
    return trial;
}

static inline void started(world *w, int64_t number)
{
    must_happen(w, (dz_event){.kind = DZ_EVENT_TRIAL_STARTED,
                              .u.trial = {.trial = number, .attempt = active(w, number)->attempt}});
}

static inline void ended_with(world *w, int64_t number, dz_end end)
{
    dz_trial *trial = active(w, number);

    assert_non_null(trial);
    must_happen(w,
                (dz_event){.kind = DZ_EVENT_TRIAL_ENDED,
                           .u.trial = {.trial = number, .attempt = trial->attempt, .end = &end}});
}

static inline void exited(world *w, int64_t number, int code)
{
    ended_with(w, number, (dz_end){.kind = DZ_END_EXITED, .code = code});
}

/* The next report of a metric. */
static inline void report_text(world *w, int64_t number, uint32_t metric, const char *text)
{
    dz_trial *trial = active(w, number);
    dz_point point = {.metric = metric, .time_ms = w->now, .text = text};

    assert_non_null(trial);
    point.step = trial->observations[metric].count + 1;
    point.is_number = dozan_number_parse(text, true, &point.value);
    must_happen(w, (dz_event){.kind = DZ_EVENT_TRIAL_REPORTED,
                              .u.trial = {.trial = number,
                                          .attempt = trial->attempt,
                                          .points = &point,
                                          .point_count = 1}});
}

/* A trial's whole life: it starts, reports, and ends well. */
static inline void succeed_with(world *w, int64_t number, const char *accuracy)
{
    started(w, number);
    report_text(w, number, 0, accuracy);
    exited(w, number, 0);
}

static inline size_t effects_of(const world *w, dz_effect_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < w->changes.effect_count; i++) {
        count += w->changes.effects[i].kind == kind;
    }
    return count;
}

static inline const dz_effect *effect_on(const world *w, dz_effect_kind kind, int64_t trial)
{
    for (size_t i = 0; i < w->changes.effect_count; i++) {
        if (w->changes.effects[i].kind == kind && w->changes.effects[i].trial == trial) {
            return &w->changes.effects[i];
        }
    }
    return NULL;
}

static inline const dz_log_entry *entry_of(const world *w, dozan_event_kind kind, int64_t trial)
{
    for (size_t i = 0; i < w->changes.log_count; i++) {
        if (w->changes.log[i].kind == kind && w->changes.log[i].trial == trial) {
            return &w->changes.log[i];
        }
    }
    return NULL;
}

static inline const dz_condition *condition_of(const world *w, const char *type)
{
    for (size_t i = 0; i < w->experiment->condition_count; i++) {
        if (strcmp(w->experiment->conditions[i].type, type) == 0) {
            return &w->experiment->conditions[i];
        }
    }
    return NULL;
}

static inline void assert_state(const world *w, dz_experiment_state state, const char *reason)
{
    const dz_experiment *e = w->experiment;
    const dz_condition *last = &e->conditions[e->condition_count - 1];

    assert_string_equal(dz_experiment_state_name(e->state), dz_experiment_state_name(state));
    assert_string_equal(last->type, dz_experiment_state_name(state));
    assert_true(last->status);
    assert_string_equal(last->reason, reason);
}

#endif
