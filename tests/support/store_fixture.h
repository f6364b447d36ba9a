/*
 * Experiments, trials and log entries with random contents, in a directory that goes away, for the
 * tests of the store: every field has a value that a lost or swapped column would change.
 */
#ifndef DZ_TESTS_SUPPORT_STORE_FIXTURE_H
#define DZ_TESTS_SUPPORT_STORE_FIXTURE_H

#include "store/store.h"

#include <dozan/rng.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIXTURE_PATH = 128, FIXTURE_METRICS = 3 };

#define FIXTURE_NOW INT64_C(1767225600000)

typedef struct store_fixture {
    char directory[64];
    char path[FIXTURE_PATH];
    dozan_rng rng;
} store_fixture;

static inline void fixture_check(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "fixture: %s\n", what);
    abort();
}

static inline void fixture_open(store_fixture *fixture, uint64_t seed)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s/dozan-store-XXXXXX",
                   base != NULL && strlen(base) < 32 ? base : "/tmp");
    fixture_check(mkdtemp(fixture->directory) != NULL, "no temporary directory");
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/test.db", fixture->directory);
    fixture->rng = dozan_rng_stream(seed, "store.fixture", 0);
}

static inline void fixture_close(store_fixture *fixture)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[FIXTURE_PATH + 16];
        (void)snprintf(path, sizeof path, "%s%s", fixture->path, suffixes[i]);
        (void)unlink(path);
    }
    (void)rmdir(fixture->directory);
}

static inline int64_t fixture_below(store_fixture *fixture, int64_t n)
{
    return (int64_t)dozan_rng_below(&fixture->rng, (uint64_t)n);
}

/* Numbers that are hard to keep, and ordinary ones. */
static inline double fixture_double(store_fixture *fixture)
{
    static const double special[] = {(double)NAN,
                                     (double)INFINITY,
                                     -(double)INFINITY,
                                     -0.0,
                                     0.0,
                                     5e-324,
                                     1.7976931348623157e308,
                                     0.1,
                                     1.0 / 3.0,
                                     1e-5};
    int64_t which = fixture_below(fixture, 20);
    if (which < (int64_t)(sizeof special / sizeof *special))
        return special[which];
    return dozan_rng_normal(&fixture->rng) * 1e3;
}

static inline const char *fixture_text(store_fixture *fixture)
{
    static const char *const texts[] = {"",
                                        "plain",
                                        "with 'single' and \"double\" quotes",
                                        "two\nlines\tand a tab \\ backslash",
                                        "dūzān — دوزان 🎛",
                                        "{\"json\": [1, null]}",
                                        "control \x01\x1f characters",
                                        "no UTF-8: \xff\xfe\xc3",
                                        "'); DROP TABLE trials; --",
                                        "0.10",
                                        "nan"};
    return texts[fixture_below(fixture, (int64_t)(sizeof texts / sizeof *texts))];
}

static inline char *fixture_strdup(const char *text)
{
    char *copy = strdup(text);
    fixture_check(copy != NULL, "out of memory");
    return copy;
}

static inline dz_experiment_spec *fixture_spec(const char *name, int parallel, int max)
{
    char text[4096];
    int size = snprintf(
        text, sizeof text,
        "{\"apiVersion\":\"kubeflow.org/v1beta1\",\"kind\":\"Experiment\","
        "\"metadata\":{\"name\":\"%s\",\"annotations\":{\"note\":\"d\\u016bz\\u0101n\"}},"
        "\"spec\":{\"objective\":{\"type\":\"maximize\",\"goal\":0.99,"
        "\"objectiveMetricName\":\"accuracy\",\"additionalMetricNames\":[\"loss\",\"time\"]},"
        "\"algorithm\":{\"algorithmName\":\"random\"},"
        "\"parallelTrialCount\":%d,\"maxTrialCount\":%d,\"maxFailedTrialCount\":3,"
        "\"parameters\":["
        "{\"name\":\"lr\",\"parameterType\":\"double\","
        "\"feasibleSpace\":{\"min\":\"0.001\",\"max\":\"0.1\"}},"
        "{\"name\":\"layers\",\"parameterType\":\"int\","
        "\"feasibleSpace\":{\"min\":\"1\",\"max\":\"8\"}}],"
        "\"trialTemplate\":{\"primaryContainerName\":\"main\",\"trialParameters\":["
        "{\"name\":\"learningRate\",\"reference\":\"lr\"},"
        "{\"name\":\"layers\",\"reference\":\"layers\"}],"
        "\"trialSpec\":{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"spec\":{\"template\":"
        "{\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"none\",\"command\":["
        "\"train\",\"--lr=${trialParameters.learningRate}\","
        "\"--layers=${trialParameters.layers}\"]}],\"restartPolicy\":\"Never\"}}}}}}}",
        name, parallel, max);
    dz_experiment_spec *spec = NULL;
    dz_problems problems;
    dozan_status status = dz_spec_read(text, (size_t)size, "fixture", NULL, 0, &spec, &problems);
    for (size_t i = 0; status != DOZAN_OK && i < problems.count; i++)
        (void)fprintf(stderr, "%s: %s\n", problems.items[i].place, problems.items[i].message);
    dz_problems_fini(&problems);
    fixture_check(status == DOZAN_OK, "the specification is refused");
    return spec;
}

static inline dozan_pair *fixture_pairs(store_fixture *fixture, size_t count)
{
    dozan_pair *pairs = calloc(count + 1, sizeof *pairs);
    fixture_check(pairs != NULL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        char name[32], value[DOZAN_VALUE_TEXT];
        (void)snprintf(name, sizeof name, "name-%zu-%" PRId64, i, fixture_below(fixture, 1000));
        dozan_number_text(fixture_double(fixture), value);
        pairs[i].name = fixture_strdup(name);
        pairs[i].value = fixture_strdup(fixture_below(fixture, 2) ? value : fixture_text(fixture));
    }
    return pairs;
}

/* A value and a text that may or may not say the same. */
static inline void fixture_part(store_fixture *fixture, double *value, char **text)
{
    char number[DOZAN_VALUE_TEXT];
    *value = fixture_double(fixture);
    dozan_number_text(*value, number);
    free(*text);
    *text = fixture_below(fixture, 4) == 0
                ? NULL
                : fixture_strdup(fixture_below(fixture, 3) ? number : fixture_text(fixture));
}

static inline void fixture_observe(store_fixture *fixture, dz_trial *trial)
{
    for (size_t i = 0; i < trial->metric_count; i++) {
        dz_observation *observation = &trial->observations[i];
        observation->count = fixture_below(fixture, 3) ? 1 + fixture_below(fixture, 1000000) : 0;
        observation->numeric = observation->count > 0 && fixture_below(fixture, 2);
        observation->latest_numeric = observation->count > 0 && fixture_below(fixture, 2);
        fixture_part(fixture, &observation->min, &observation->min_text);
        fixture_part(fixture, &observation->max, &observation->max_text);
        fixture_part(fixture, &observation->latest, &observation->latest_text);
    }
}

/* Changes all that may change in a trial. */
static inline void fixture_change_trial(store_fixture *fixture, dz_trial *trial,
                                        dz_trial_state state)
{
    trial->state = state;
    trial->stop_cause = (dz_stop_cause)fixture_below(fixture, DZ_STOP_INTERRUPT + 1);
    trial->attempt = (int32_t)fixture_below(fixture, 5);
    trial->failures = (int32_t)fixture_below(fixture, 5);
    trial->losses = (int32_t)fixture_below(fixture, 5);
    trial->started_ms = FIXTURE_NOW + fixture_below(fixture, 1000);
    trial->ended_ms = FIXTURE_NOW + 1000 + fixture_below(fixture, 1000);
    trial->not_before_ms = FIXTURE_NOW + 2000 + fixture_below(fixture, 1000);
    trial->cpu_milli = fixture_below(fixture, 64000);
    trial->gpu_count = (int32_t)fixture_below(fixture, 17);
    for (int32_t i = 0; i < trial->gpu_count; i++)
        trial->gpus[i] = (int32_t)fixture_below(fixture, 64) - 1;
    trial->judged_dirty = fixture_below(fixture, 2);
    (void)snprintf(trial->reason, sizeof trial->reason, "Reason%" PRId64,
                   fixture_below(fixture, 1000));
    (void)snprintf(trial->message, sizeof trial->message, "%s", fixture_text(fixture));
    fixture_observe(fixture, trial);
    trial->dirty = true;
}

static inline dz_trial *fixture_trial(store_fixture *fixture, const dz_experiment *experiment,
                                      int64_t number, dz_trial_state state)
{
    char name[96];
    dz_trial *trial = calloc(1, sizeof *trial);
    fixture_check(trial != NULL, "out of memory");
    (void)snprintf(name, sizeof name, "%s-trial%" PRId64, experiment->spec->name, number);
    trial->number = number;
    trial->name = fixture_strdup(name);
    trial->metric_count = experiment->spec->metric_count;
    trial->observations = calloc(trial->metric_count, sizeof *trial->observations);
    fixture_check(trial->observations != NULL, "out of memory");
    trial->assignment_count = (size_t)fixture_below(fixture, 5);
    trial->assignments = fixture_pairs(fixture, trial->assignment_count);
    trial->label_count = (size_t)fixture_below(fixture, 3);
    trial->labels = fixture_pairs(fixture, trial->label_count);
    trial->created_ms = FIXTURE_NOW - fixture_below(fixture, 1000);
    fixture_change_trial(fixture, trial, state);
    return trial;
}

static inline void fixture_activate(dz_experiment *experiment, dz_trial *trial)
{
    if (experiment->active_count == experiment->active_capacity) {
        size_t capacity = experiment->active_capacity * 2 + 4;
        dz_trial **grown = realloc(experiment->active, capacity * sizeof *grown);
        fixture_check(grown != NULL, "out of memory");
        experiment->active = grown;
        experiment->active_capacity = capacity;
    }
    experiment->active[experiment->active_count++] = trial;
    if (trial->number > experiment->trial_count)
        experiment->trial_count = trial->number;
    experiment->dirty = true;
}

/* Moves an active trial to the changes, ended. */
static inline void fixture_end(dz_experiment *experiment, size_t index, dz_trial_state state,
                               dz_changes *changes)
{
    dz_trial *trial = experiment->active[index];
    experiment->active_count--;
    memmove(&experiment->active[index], &experiment->active[index + 1],
            (experiment->active_count - index) * sizeof(dz_trial *));
    dz_trial **grown = realloc(changes->ended, (changes->ended_count + 1) * sizeof *grown);
    fixture_check(grown != NULL, "out of memory");
    changes->ended = grown;
    changes->ended[changes->ended_count++] = trial;
    changes->ended_capacity = changes->ended_count;
    trial->state = state;
    trial->dirty = true;
}

/* Appends an entry with the next number. */
static inline dz_log_entry *fixture_log(store_fixture *fixture, dz_experiment *experiment,
                                        dz_changes *changes, dozan_event_kind kind, int64_t trial)
{
    dz_log_entry *grown = realloc(changes->log, (changes->log_count + 1) * sizeof *grown);
    fixture_check(grown != NULL, "out of memory");
    changes->log = grown;
    dz_log_entry *entry = &changes->log[changes->log_count++];
    changes->log_capacity = changes->log_count;
    *entry = (dz_log_entry){.seq = ++experiment->last_seq, .kind = kind, .trial = trial};
    entry->attempt = 1 + (int32_t)fixture_below(fixture, 2);
    entry->time_ms = FIXTURE_NOW + entry->seq;
    if (kind == DOZAN_EVENT_REPORT || kind == DOZAN_EVENT_COMPLETED || kind == DOZAN_EVENT_STOPPED)
        entry->has_value = fixture_below(fixture, 5) != 0;
    if (entry->has_value)
        entry->value = fixture_double(fixture);
    if (kind != DOZAN_EVENT_REPORT)
        return entry;
    entry->metric = (uint32_t)fixture_below(fixture, FIXTURE_METRICS);
    entry->step = 1 + fixture_below(fixture, 100);
    entry->text = fixture_strdup(fixture_text(fixture));
    return entry;
}

/* Changes all that may change in an experiment. */
static inline void fixture_change(store_fixture *fixture, dz_experiment *experiment)
{
    experiment->state = (dz_experiment_state)fixture_below(fixture, DZ_EXPERIMENT_FAILED + 1);
    experiment->condition_count = (size_t)fixture_below(fixture, DZ_MAX_CONDITIONS + 1);
    for (size_t i = 0; i < experiment->condition_count; i++) {
        dz_condition *condition = &experiment->conditions[i];
        (void)snprintf(condition->type, sizeof condition->type, "Type%zu", i);
        condition->status = fixture_below(fixture, 2);
        (void)snprintf(condition->reason, sizeof condition->reason, "Reason%" PRId64,
                       fixture_below(fixture, 1000));
        (void)snprintf(condition->message, sizeof condition->message, "%s", fixture_text(fixture));
        condition->updated_ms = FIXTURE_NOW + fixture_below(fixture, 1000);
        condition->changed_ms = FIXTURE_NOW - fixture_below(fixture, 1000);
    }
    experiment->started_ms = FIXTURE_NOW + 1;
    experiment->completed_ms = FIXTURE_NOW + fixture_below(fixture, 1000);
    experiment->runtime_ms = fixture_below(fixture, 100000);
    experiment->runtime_mark_ms = FIXTURE_NOW + fixture_below(fixture, 1000);
    for (int i = 0; i < DZ_TRIAL_STATE_COUNT; i++)
        experiment->state_counts[i] = fixture_below(fixture, 4);
    experiment->best.trial = fixture_below(fixture, 100);
    experiment->best.value = fixture_double(fixture);
    experiment->exhausted = fixture_below(fixture, 2);
    (void)snprintf(experiment->suggestion_reason, sizeof experiment->suggestion_reason, "S%" PRId64,
                   fixture_below(fixture, 1000));
    (void)snprintf(experiment->suggestion_message, sizeof experiment->suggestion_message, "%s",
                   fixture_text(fixture));
    experiment->plugin_faults = fixture_below(fixture, 10);
    (void)snprintf(experiment->plugin_fault, sizeof experiment->plugin_fault, "PluginFault: %d",
                   (int)fixture_below(fixture, 1000));
    experiment->dirty = true;
}

static inline dz_experiment *fixture_experiment(store_fixture *fixture, const char *name)
{
    char uid[40];
    dz_experiment *experiment = NULL;
    (void)snprintf(uid, sizeof uid, "%08x-0000-4000-8000-%012" PRIx64,
                   (unsigned)fixture_below(fixture, INT64_C(1) << 32),
                   (uint64_t)fixture_below(fixture, INT64_C(1) << 48));
    dozan_status status =
        dz_experiment_create(fixture_spec(name, 2, 20), uid, dozan_rng_next(&fixture->rng),
                             FIXTURE_NOW, &experiment, NULL);
    fixture_check(status == DOZAN_OK, "the experiment is refused");
    fixture_change(fixture, experiment);
    return experiment;
}

#endif
