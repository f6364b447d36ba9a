/*
 * Comparing what was stored with what was read. A double is the same when its bits are, or when
 * both are NaN.
 */
#ifndef DZ_TESTS_SUPPORT_STORE_COMPARE_H
#define DZ_TESTS_SUPPORT_STORE_COMPARE_H

#include "support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define assert_ok(status, err) check_ok((status), &(err), __FILE__, __LINE__)

static inline void check_ok(dozan_status status, const dozan_error *err, const char *file, int line)
{
    if (status == DOZAN_OK)
        return;
    print_error("%s: %s: %s\n", dozan_status_name((int)status), err->place, err->message);
    _fail(file, line);
}

static inline void assert_same_double(double a, double b)
{
    if (isnan(a) && isnan(b))
        return;
    assert_memory_equal(&a, &b, sizeof a);
}

static inline void assert_same_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        assert_ptr_equal(a, b);
    else
        assert_string_equal(a, b);
}

static inline void assert_same_pairs(const dozan_pair *a, size_t a_count, const dozan_pair *b,
                                     size_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_string_equal(a[i].value, b[i].value);
    }
}

static inline void assert_same_observation(const dz_observation *a, const dz_observation *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->numeric, b->numeric);
    assert_int_equal(a->latest_numeric, b->latest_numeric);
    assert_same_double(a->min, b->min);
    assert_same_double(a->max, b->max);
    assert_same_double(a->latest, b->latest);
    assert_same_text(a->min_text, b->min_text);
    assert_same_text(a->max_text, b->max_text);
    assert_same_text(a->latest_text, b->latest_text);
}

static inline void assert_same_trial(const dz_trial *a, const dz_trial *b)
{
    assert_int_equal(a->number, b->number);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->stop_cause, b->stop_cause);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->failures, b->failures);
    assert_int_equal(a->losses, b->losses);
    assert_same_pairs(a->assignments, a->assignment_count, b->assignments, b->assignment_count);
    assert_same_pairs(a->labels, a->label_count, b->labels, b->label_count);
    assert_int_equal(a->metric_count, b->metric_count);
    for (size_t i = 0; i < a->metric_count; i++)
        assert_same_observation(&a->observations[i], &b->observations[i]);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->ended_ms, b->ended_ms);
    assert_int_equal(a->not_before_ms, b->not_before_ms);
    assert_int_equal(a->cpu_milli, b->cpu_milli);
    assert_int_equal(a->gpu_count, b->gpu_count);
    assert_memory_equal(a->gpus, b->gpus, sizeof(int32_t) * (size_t)a->gpu_count);
    assert_string_equal(a->reason, b->reason);
    assert_string_equal(a->message, b->message);
    assert_int_equal(a->judged_dirty, b->judged_dirty);
}

static inline void assert_same_condition(const dz_condition *a, const dz_condition *b)
{
    assert_string_equal(a->type, b->type);
    assert_int_equal(a->status, b->status);
    assert_string_equal(a->reason, b->reason);
    assert_string_equal(a->message, b->message);
    assert_int_equal(a->updated_ms, b->updated_ms);
    assert_int_equal(a->changed_ms, b->changed_ms);
}

/* All but the active trials. */
static inline void assert_same_experiment(const dz_experiment *a, const dz_experiment *b)
{
    assert_int_equal(a->id, b->id);
    assert_string_equal(a->uid, b->uid);
    assert_true(cJSON_Compare(a->spec->document, b->spec->document, true));
    assert_true(a->seed == b->seed);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->condition_count, b->condition_count);
    for (size_t i = 0; i < a->condition_count; i++)
        assert_same_condition(&a->conditions[i], &b->conditions[i]);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->completed_ms, b->completed_ms);
    assert_int_equal(a->runtime_ms, b->runtime_ms);
    assert_int_equal(a->runtime_mark_ms, b->runtime_mark_ms);
    assert_int_equal(a->trial_count, b->trial_count);
    assert_int_equal(a->last_seq, b->last_seq);
    assert_memory_equal(a->state_counts, b->state_counts, sizeof a->state_counts);
    assert_int_equal(a->best.trial, b->best.trial);
    assert_same_double(a->best.value, b->best.value);
    assert_int_equal(a->exhausted, b->exhausted);
    assert_string_equal(a->suggestion_reason, b->suggestion_reason);
    assert_string_equal(a->suggestion_message, b->suggestion_message);
    assert_int_equal(a->plugin_faults, b->plugin_faults);
    assert_string_equal(a->warm_start, b->warm_start);
    assert_string_equal(a->plugin_fault, b->plugin_fault);
    assert_int_equal(dozan_space_dimensions(a->space), dozan_space_dimensions(b->space));
}

/* Opens the fixture's file for writing, as its owner. */
static inline dz_store *open_owned(const store_fixture *fixture, dz_durability durability)
{
    dozan_error err = {0};
    dz_store *store = NULL;
    assert_ok(dz_store_open(fixture->path, DZ_STORE_WRITE, durability, &store, &err), err);
    assert_ok(dz_store_own(store, &err), err);
    return store;
}

static inline void insert(dz_store *store, dz_experiment *experiment)
{
    static const char source[] = "kind: Experiment # as written\n";
    dozan_error err = {0};
    assert_ok(
        dz_store_insert(store, experiment, "experiment.yaml", source, sizeof source - 1, &err),
        err);
}

static inline void commit(dz_store *store, dz_experiment *experiment, dz_changes *changes)
{
    dozan_error err = {0};
    assert_ok(dz_store_commit(store, experiment, changes, &err), err);
    dz_changes_clear(changes);
}

static inline dz_experiment *load(dz_store *store, const char *name)
{
    dozan_error err = {0};
    dz_experiment *experiment = NULL;
    assert_ok(dz_store_load(store, name, &experiment, &err), err);
    return experiment;
}

#endif
