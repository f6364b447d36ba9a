/*
 * Lists in parts, for an API: each part goes on after the last one's end, whatever has come and
 * gone meanwhile.
 */
#include "store/build.h"
#include "store/changes.h"

#include <string.h>

static dozan_status next_experiment(dz_store *store, const char *namespace_, int64_t after,
                                    dz_experiment **experiment, dozan_error *err);

/* One trial list under way. */
typedef struct trial_walk {
    const dz_experiment *experiment;
    dz_listed_trial_visit *visit;
    void *user;
    int64_t left; /* -1 = no limit */
    bool go_on;
} trial_walk;

static bool hand_on(void *user, const dz_trial *trial);

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_store_list_experiments(dz_store *store, const char *namespace_,
                                       const dz_list_from *from, int64_t limit,
                                       dz_experiment_visit *visit, void *user, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    bool go_on = true;
    dz_bind bind = dz_bind_new(
        store, "SELECT " DZ_EXPERIMENT_COLUMNS " FROM " DZ_EXPERIMENT_TABLES
               " WHERE (?1 IS NULL OR e.namespace = ?1) AND (e.namespace, e.name) > (?2, ?3)"
               " ORDER BY e.namespace, e.name LIMIT ?4");
    dz_bind_text(&bind, namespace_);
    dz_bind_text(&bind, from && from->namespace_ ? from->namespace_ : "");
    dz_bind_text(&bind, from && from->name ? from->name : "");
    dz_bind_int(&bind, limit > 0 ? limit : -1);
    while (status == DOZAN_OK && go_on && dz_bind_step(&bind)) {
        dz_experiment *experiment = NULL;
        status = dz_build_experiment(&bind, &experiment, err);
        if (status == DOZAN_OK)
            go_on = visit(user, experiment);
        dz_experiment_destroy(experiment);
    }
    return dz_bind_end(&bind, status, "cannot read the experiments", err);
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_store_list_trials(dz_store *store, const char *namespace_, const dz_list_from *from,
                                  int64_t limit, dz_listed_trial_visit *visit, void *user,
                                  dozan_error *err)
{
    trial_walk walk = {.visit = visit, .user = user, .left = limit > 0 ? limit : -1, .go_on = true};
    int64_t id = from && from->experiment_id > 0 ? from->experiment_id - 1 : 0;
    int64_t after = from ? from->trial : 0;
    dozan_status status = DOZAN_OK;
    while (status == DOZAN_OK && walk.go_on && walk.left != 0) {
        dz_experiment *experiment = NULL;
        status = next_experiment(store, namespace_, id, &experiment, err);
        if (status != DOZAN_OK || !experiment)
            break;
        if (!from || experiment->id != from->experiment_id)
            after = 0; /* the one that the last part ended in may be gone */
        id = experiment->id;
        walk.experiment = experiment;
        status = dz_store_trials(store, experiment, after, walk.left > 0 ? walk.left : 0, hand_on,
                                 &walk, err);
        dz_experiment_destroy(experiment);
    }
    return status;
}

/* ---- helpers */

static bool hand_on(void *user, const dz_trial *trial)
{
    trial_walk *walk = user;
    if (walk->left > 0)
        walk->left--;
    walk->go_on = walk->visit(walk->user, walk->experiment, trial);
    return walk->go_on;
}

/* *experiment stays NULL after the last one. */
static dozan_status next_experiment(dz_store *store, const char *namespace_, int64_t after,
                                    dz_experiment **experiment, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_new(store, "SELECT " DZ_EXPERIMENT_COLUMNS " FROM " DZ_EXPERIMENT_TABLES
                                      " WHERE e.id > ?1 AND (?2 IS NULL OR e.namespace = ?2)"
                                      " AND e.trial_count > 0 ORDER BY e.id LIMIT 1");
    dz_bind_int(&bind, after);
    dz_bind_text(&bind, namespace_);
    if (dz_bind_step(&bind))
        status = dz_build_experiment(&bind, experiment, err);
    return dz_bind_end(&bind, status, "cannot read the experiments", err);
}
