#include "loop/warm_start.h"

#include "store/track_history.h"

#include <dozan/buf.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 640 };

/* A walk over the trials of one earlier experiment. */
typedef struct walk {
    dz_warm_start *warm;
    const dz_experiment_spec *source;
    dozan_status status;
    dozan_error *err;
} walk;

static dozan_status find(dz_store *store, const dz_experiment_spec *spec, size_t index,
                         dz_experiment **found, dozan_error *err);
static dozan_status say_which(dz_store *store, const dz_experiment_spec *spec, size_t index,
                              dozan_error *err);
static bool visit_name(void *user, const dz_experiment *experiment);
static bool visit_trial(void *user, const dz_trial *trial);
static bool pass_by(void *user, const dz_trial *trial);
static bool is_tracked(const dz_experiment_spec *spec, size_t index);
static dozan_status walk_runs(dz_store *store, const dz_experiment_spec *spec, size_t index,
                              dz_trial_visit *visit, walk *from, dozan_error *err);

dozan_status dz_warm_start_check(dz_store *store, const dz_experiment_spec *spec, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; status == DOZAN_OK && i < spec->warm_experiment_count; i++) {
        dz_experiment *found = NULL;
        if (is_tracked(spec, i)) {
            walk none = {0};
            status = walk_runs(store, spec, i, pass_by, &none, err);
            continue;
        }
        status = find(store, spec, i, &found, err);
        dz_experiment_destroy(found);
    }
    return status;
}

dozan_status dz_warm_start_collect(dz_store *store, dz_experiment *experiment, int64_t now_ms,
                                   dz_changes *changes, dozan_error *err)
{
    const dz_experiment_spec *spec = experiment->spec;
    walk from = {.err = err};
    dozan_status status = DOZAN_OK;
    if (spec->warm_experiment_count == 0)
        return DOZAN_OK;
    status = dz_warm_start_create(experiment, &from.warm, err);
    for (size_t i = 0; status == DOZAN_OK && i < spec->warm_experiment_count; i++) {
        dz_experiment *found = NULL;
        if (is_tracked(spec, i)) {
            from.source = spec; /* the runs' metrics are in its order */
            status = walk_runs(store, spec, i, visit_trial, &from, err);
            status = status == DOZAN_OK ? from.status : status;
            continue;
        }
        status = find(store, spec, i, &found, err);
        if (status == DOZAN_OK) {
            from.source = found->spec;
            status = dz_store_trials(store, found, 0, 0, visit_trial, &from, err);
        }
        dz_experiment_destroy(found);
        status = status == DOZAN_OK ? from.status : status;
    }
    if (status == DOZAN_OK)
        status = dz_warm_start_finish(from.warm, now_ms, changes, err);
    dz_warm_start_destroy(from.warm);
    return status;
}

/* ---- helpers ---- */

static dozan_status find(dz_store *store, const dz_experiment_spec *spec, size_t index,
                         dz_experiment **found, dozan_error *err)
{
    dozan_status status = dz_store_load(store, spec->warm_experiments[index], found, err);
    return status == DOZAN_NOT_FOUND ? say_which(store, spec, index, err) : status;
}

static dozan_status say_which(dz_store *store, const dz_experiment_spec *spec, size_t index,
                              dozan_error *err)
{
    char place[64];
    dozan_buf names;
    dozan_buf_init(&names, NAMES_MAX);
    dozan_status status = dz_store_experiments(store, visit_name, &names, err);
    if (status == DOZAN_OK) {
        bool none = names.size == 0 && !names.failed;
        (void)snprintf(place, sizeof place, "spec.warmStart.experiments[%zu]", index);
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                                 "there is no experiment \"%.64s\" in the database; %s%s%s",
                                 spec->warm_experiments[index],
                                 none ? "there is none at all" : "there are: ",
                                 names.data != NULL ? names.data : "", names.failed ? ", ..." : "");
    }
    dozan_buf_fini(&names);
    return status;
}

/* False when there are more than a sentence can hold. */
static bool visit_name(void *user, const dz_experiment *experiment)
{
    dozan_buf *names = user;
    const char *name = experiment->spec->name;
    if (names->size + strlen(name) + 3 > NAMES_MAX / 2) {
        names->failed = true;
        return false;
    }
    dozan_buf_printf(names, "%s%s", names->size > 0 ? ", " : "", name);
    return true;
}

static bool visit_trial(void *user, const dz_trial *trial)
{
    walk *from = user;
    from->status = dz_warm_start_offer(from->warm, from->source, trial, from->err);
    return from->status == DOZAN_OK;
}

/* ---- runs that MLflow's client has logged ---- */

static bool is_tracked(const dz_experiment_spec *spec, size_t index)
{
    return strncmp(spec->warm_experiments[index], DZ_TRACKED, strlen(DZ_TRACKED)) == 0;
}

static dozan_status walk_runs(dz_store *store, const dz_experiment_spec *spec, size_t index,
                              dz_trial_visit *visit, walk *from, dozan_error *err)
{
    const char *name = spec->warm_experiments[index] + strlen(DZ_TRACKED);
    bool found = false;
    char place[64];
    dozan_status status = dz_store_tracked_runs(store, name, spec, &found, visit, from, err);
    if (status != DOZAN_OK || found)
        return status;
    (void)snprintf(place, sizeof place, "spec.warmStart.experiments[%zu]", index);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                           "MLflow's tracking has no experiment \"%.64s\" in this database", name);
}

static bool pass_by(void *user, const dz_trial *trial)
{
    (void)user;
    (void)trial;
    return false;
}
