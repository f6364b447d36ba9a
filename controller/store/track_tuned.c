#include "store/track_tuned.h"

#include "store/track_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PREFIX = 24, GENERATIONS = 16 };

void dz_track_run_id(const char *experiment_uid, int64_t trial, char run[DZ_RUN_ID])
{
    size_t at = 0;
    for (const char *c = experiment_uid; *c != '\0' && at < PREFIX; c++)
        if (*c != '-')
            run[at++] = *c;
    (void)snprintf(run + at, DZ_RUN_ID - at, "%08" PRIx32, (uint32_t)trial);
}

dozan_status dz_track_find_trial(dz_track *track, const char *run, dz_track_trial *trial,
                                 dozan_error *err)
{
    *trial = (dz_track_trial){0};
    track_query query = track_ask(
        track,
        "SELECT k.experiment, k.trial, u.place, u.logged, t.active, e.namespace, t.name FROM "
        "track_runs r JOIN track_trials k ON k.run = r.id JOIN track_tuned u ON u.experiment = "
        "k.experiment JOIN experiments e ON e.id = k.experiment JOIN trials t ON t.experiment = "
        "k.experiment AND t.number = k.trial WHERE r.uuid = ?",
        "s", run);
    if (track_step(&query)) {
        trial->experiment = track_int(&query, 0);
        trial->trial = track_int(&query, 1);
        trial->place = track_int(&query, 2);
        trial->logged = track_int(&query, 3) != 0;
        trial->active = track_int(&query, 4) != 0;
        (void)snprintf(trial->namespace_, sizeof(trial->namespace_), "%s", track_text(&query, 5));
        (void)snprintf(trial->name, sizeof(trial->name), "%s", track_text(&query, 6));
    }
    return track_end(&query, err);
}

dozan_status dz_track_collects(dz_track *track, int64_t experiment, const char *name,
                               bool *collects, dozan_error *err)
{
    track_query query =
        track_ask(track, "SELECT 1 FROM track_names WHERE experiment = ? AND name = ?", "is",
                  experiment, name);
    *collects = track_step(&query);
    return track_end(&query, err);
}

dozan_status dz_track_is_below(dz_track *track, const char *run, const char *above, bool *below,
                               dozan_error *err)
{
    char at[DZ_RUN_ID];
    dozan_status status = DOZAN_OK;
    (void)snprintf(at, sizeof(at), "%s", run);
    *below = strcmp(run, above) == 0;
    for (int i = 0; status == DOZAN_OK && !*below && *at != '\0' && i < GENERATIONS; i++) {
        track_query query =
            track_ask(track,
                      "SELECT p.value FROM track_runs r JOIN track_pairs p ON p.kind = 1 AND "
                      "p.owner = r.id AND p.key = 'mlflow.parentRunId' WHERE r.uuid = ?",
                      "s", at);
        bool found = track_step(&query);
        (void)snprintf(at, sizeof(at), "%s", found ? track_text(&query, 0) : "");
        status = track_end(&query, err);
        *below = strcmp(at, above) == 0;
    }
    return status;
}

dozan_status dz_track_model_run(dz_track *track, const char *model, char run[DZ_RUN_ID],
                                dozan_error *err)
{
    *run = '\0';
    track_query query =
        track_ask(track, "SELECT source_run FROM track_models WHERE uuid = ?", "s", model);
    if (track_step(&query) && track_text(&query, 0) != NULL)
        (void)snprintf(run, DZ_RUN_ID, "%s", track_text(&query, 0));
    return track_end(&query, err);
}
