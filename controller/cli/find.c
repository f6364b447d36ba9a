#include "cli/find.h"

#include "store/changes.h"
#include <string.h>

static dozan_status load_trial(dz_cli *cli, dz_store *store, const char *name, dz_found *found,
                               dozan_error *err);

int dz_find_experiment(dz_cli *cli, dz_store *store, const char *name, dz_found *found)
{
    dozan_error err = {0};
    *found = (dz_found){0};
    const char *namespace_ = cli->options.namespace_;
    dozan_status status = namespace_ != NULL
                              ? dz_store_load_in(store, namespace_, name, &found->experiment, &err)
                              : dz_store_load(store, name, &found->experiment, &err);
    if (status != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    return DZ_EXIT_SUCCEEDED;
}

int dz_find_trial(dz_cli *cli, dz_store *store, const char *name, dz_found *found)
{
    dozan_error err = {0};
    *found = (dz_found){0};
    if (load_trial(cli, store, name, found, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    return DZ_EXIT_SUCCEEDED;
}

int dz_find_object(dz_cli *cli, dz_store *store, const char *name, dz_found *found)
{
    dozan_error err = {0};
    *found = (dz_found){0};
    dozan_status status = load_trial(cli, store, name, found, &err);
    if (status == DOZAN_NOT_FOUND)
        return dz_find_experiment(cli, store, name, found);
    return status == DOZAN_OK ? DZ_EXIT_SUCCEEDED : dz_cli_fail(cli, &err);
}

void dz_found_fini(dz_found *found)
{
    dz_experiment_destroy(found->experiment);
    dz_trial_destroy(found->trial);
    *found = (dz_found){0};
}

dz_kind dz_find_kind(dz_cli *cli, const char *word)
{
    if (strcmp(word, "experiment") == 0 || strcmp(word, "experiments") == 0)
        return DZ_KIND_EXPERIMENT;
    if (strcmp(word, "trial") == 0 || strcmp(word, "trials") == 0)
        return DZ_KIND_TRIAL;
    (void)dz_cli_failf(cli, DOZAN_INVALID_ARGUMENT, "\"%s\" is none of %s", word,
                       cli->command->arguments[0].name);
    return DZ_KIND_NONE;
}

const char *dz_trial_metric_text(const dz_trial *trial, const dz_experiment_spec *spec,
                                 size_t metric)
{
    if (metric >= trial->metric_count)
        return NULL;
    const dz_observation *seen = &trial->observations[metric];
    switch (spec->metrics[metric].strategy) {
    case DZ_STRATEGY_MIN:
        return seen->min_text != NULL ? seen->min_text : seen->latest_text;
    case DZ_STRATEGY_MAX:
        return seen->max_text != NULL ? seen->max_text : seen->latest_text;
    case DZ_STRATEGY_LATEST:
        break;
    }
    return seen->latest_text;
}

static dozan_status load_trial(dz_cli *cli, dz_store *store, const char *name, dz_found *found,
                               dozan_error *err)
{
    const char *namespace_ = cli->options.namespace_;
    if (namespace_ == NULL)
        return dz_store_trial(store, name, &found->experiment, &found->trial, err);
    return dz_store_trial_in(store, namespace_, name, &found->experiment, &found->trial, err);
}
