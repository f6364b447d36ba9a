/*
 * A store in memory. It copies only what is marked as changed, as a real one does: so a change that
 * the core forgets to mark is lost in the next crash, and found.
 */
#include "support_simulation.h"

#include <stdlib.h>

typedef struct memory {
    dz_experiment experiment; /* plain fields; the pointers mean nothing here */
    dz_trial *trials[SIM_MAX_TRIALS + 1];
    dz_front front;
} memory;

static dz_trial *copy_trial(const dz_trial *from);
static void keep_front(memory *m, const dz_front *front);
static void keep_trial(memory *m, dz_trial *trial);
static void forget_what_is_not_kept(dz_experiment *experiment);
static char *copy_text(const char *text);
static dozan_pair *copy_pairs(const dozan_pair *from, size_t count);

static void *memory_open(const sim *s)
{
    (void)s;
    return calloc(1, sizeof(memory));
}

static void memory_close(void *self)
{
    memory *m = self;

    for (size_t i = 0; i <= SIM_MAX_TRIALS; i++) {
        dz_trial_destroy(m->trials[i]);
    }
    dz_front_fini(&m->front);
    free(m);
}

static void memory_insert(void *self, sim *s, dz_experiment *experiment)
{
    memory *m = self;

    (void)s;
    m->experiment = *experiment;
    experiment->dirty = false;
}

static void memory_commit(void *self, sim *s, dz_experiment *experiment, dz_changes *changes)
{
    memory *m = self;

    (void)s;
    if (experiment->dirty) {
        keep_front(m, &experiment->front);
        m->experiment = *experiment;
        dz_front_saved(&experiment->front);
        experiment->dirty = false;
    } else if (changes->log_count > 0) {
        m->experiment.last_seq = experiment->last_seq;
    }
    for (size_t i = 0; i < experiment->active_count; i++) {
        if (experiment->active[i]->dirty) {
            keep_trial(m, experiment->active[i]);
        }
    }
    for (size_t i = 0; i < changes->ended_count; i++) {
        keep_trial(m, changes->ended[i]);
    }
}

static dz_experiment *memory_load(void *self, sim *s)
{
    memory *m = self;
    dz_experiment *loaded = malloc(sizeof *loaded);

    *loaded = m->experiment;
    forget_what_is_not_kept(loaded);
    loaded->spec = sim_spec(s);
    loaded->front = (dz_front){0};
    for (size_t i = 0; i < m->front.count; i++) {
        dozan_error err = {0};
        if (dz_front_restore(&loaded->front, loaded->spec, m->front.trials[i],
                             &m->front.values[i * m->front.width], &err) != DOZAN_OK) {
            sim_trouble(s, "%s", err.message);
        }
    }
    loaded->active = calloc(SIM_MAX_TRIALS + 1, sizeof(dz_trial *));
    loaded->active_capacity = SIM_MAX_TRIALS + 1;
    for (size_t i = 1; i <= SIM_MAX_TRIALS; i++) {
        if (m->trials[i] != NULL && !dz_trial_state_ended(m->trials[i]->state)) {
            loaded->active[loaded->active_count++] = copy_trial(m->trials[i]);
        }
    }
    return loaded;
}

const sim_store sim_memory_store = {memory_open, memory_close, memory_insert, memory_commit,
                                    memory_load};

/* As the real store does: by what has left and what is new. */
static void keep_front(memory *m, const dz_front *front)
{
    const dz_experiment_spec two = {.objective_count = 2};
    size_t kept = 0;

    for (size_t i = 0; i < m->front.count; i++) {
        bool gone = false;
        for (size_t k = 0; k < front->gone_count; k++) {
            gone = gone || front->gone[k] == m->front.trials[i];
        }
        if (!gone) {
            m->front.trials[kept] = m->front.trials[i];
            memmove(&m->front.values[2 * kept], &m->front.values[2 * i], 2 * sizeof(double));
            kept++;
        }
    }
    m->front.count = kept;
    for (size_t i = 0; i < front->count; i++) {
        if (!front->stored[i] && dz_front_restore(&m->front, &two, front->trials[i],
                                                  &front->values[2 * i], NULL) != DOZAN_OK) {
            abort();
        }
    }
}

static void keep_trial(memory *m, dz_trial *trial)
{
    trial->dirty = false;
    dz_trial_destroy(m->trials[trial->number]);
    m->trials[trial->number] = copy_trial(trial);
}

static dz_trial *copy_trial(const dz_trial *from)
{
    dz_trial *to = malloc(sizeof *to);

    *to = *from;
    to->dirty = false;
    to->judged_dirty = false;
    to->judging_attempt = 0;
    to->name = copy_text(from->name);
    to->assignments = copy_pairs(from->assignments, from->assignment_count);
    to->labels = copy_pairs(from->labels, from->label_count);
    to->observations = calloc(from->metric_count, sizeof *to->observations);
    for (size_t i = 0; i < from->metric_count; i++) {
        to->observations[i] = from->observations[i];
        to->observations[i].min_text = copy_text(from->observations[i].min_text);
        to->observations[i].max_text = copy_text(from->observations[i].max_text);
        to->observations[i].latest_text = copy_text(from->observations[i].latest_text);
    }
    return to;
}

/* Nonsense instead, so that nobody relies on it. */
static void forget_what_is_not_kept(dz_experiment *experiment)
{
    experiment->open = false;
    experiment->space = NULL;
    experiment->active = NULL;
    experiment->active_count = experiment->active_capacity = 0;
    experiment->asking = experiment->judging = experiment->wait_for_end = true;
    experiment->asked_count = 77;
    experiment->ask_not_before_ms = experiment->judge_not_before_ms = INT64_MAX;
    experiment->faults_in_row = experiment->judge_faults_in_row = 77;
    experiment->stillborn_in_row = 77;
    experiment->dirty = false;
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

static dozan_pair *copy_pairs(const dozan_pair *from, size_t count)
{
    dozan_pair *to = count == 0 ? NULL : calloc(count, sizeof *to);

    for (size_t i = 0; i < count; i++) {
        to[i].name = copy_text(from[i].name);
        to[i].value = copy_text(from[i].value);
    }
    return to;
}
