#include "cli/control_served.h"

#include "cli/find.h"

static int stop_experiment(dz_cli *cli, const dz_experiment *experiment);
static int stop_trial(dz_cli *cli, const dz_found *found);
static int find(dz_cli *cli, bool trials, dz_found *found);

int dz_served_stop(dz_cli *cli)
{
    dz_found found = {0};
    int status = find(cli, true, &found);
    if (status == DZ_EXIT_SUCCEEDED)
        status =
            found.trial != NULL ? stop_trial(cli, &found) : stop_experiment(cli, found.experiment);
    dz_found_fini(&found);
    return status;
}

int dz_served_resume(dz_cli *cli)
{
    dz_found found = {0};
    dozan_error err = {0};
    int status = find(cli, false, &found);
    if (status == DZ_EXIT_SUCCEEDED) {
        const dz_experiment_spec *spec = found.experiment->spec;
        if (dz_service_control(cli->service, spec->namespace_, spec->name, DZ_COMMAND_RESUME, 0,
                               NULL, &err) != DOZAN_OK)
            status = dz_cli_fail(cli, &err);
        else
            dz_cli_note(cli, "experiment %s goes on; `dozan watch %s%s` follows it", spec->name,
                        spec->name, cli->options.db_hint);
    }
    dz_found_fini(&found);
    return status;
}

int dz_served_delete(dz_cli *cli)
{
    dz_found found = {0};
    dozan_error err = {0};
    int status = find(cli, false, &found);
    if (status == DZ_EXIT_SUCCEEDED) {
        const dz_experiment *experiment = found.experiment;
        const dz_experiment_spec *spec = experiment->spec;
        if (dz_experiment_has_jobs(experiment))
            status = dz_cli_failf(cli, DOZAN_FAILED_PRECONDITION,
                                  "experiment %s is running: `dozan stop %s%s` first", spec->name,
                                  spec->name, cli->options.db_hint);
        else if (dz_service_delete(cli->service, spec->namespace_, spec->name, experiment->uid,
                                   NULL, &err) != DOZAN_OK)
            status = dz_cli_fail(cli, &err);
        else
            dz_cli_note(cli, "experiment %s is deleted", spec->name);
    }
    dz_found_fini(&found);
    return status;
}

static int stop_experiment(dz_cli *cli, const dz_experiment *experiment)
{
    const dz_experiment_spec *spec = experiment->spec;
    dozan_error err = {0};
    if (dz_experiment_at_rest(experiment)) {
        dz_cli_note(cli, "experiment %s is not running: it is %s", spec->name,
                    dz_experiment_state_name(experiment->state));
        return DZ_EXIT_SUCCEEDED;
    }
    if (dz_service_control(cli->service, spec->namespace_, spec->name, DZ_COMMAND_STOP, 0, NULL,
                           &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    cli->pending = true;
    dz_cli_note(cli, "experiment %s is stopped; `dozan resume %s%s` goes on", spec->name,
                spec->name, cli->options.db_hint);
    return DZ_EXIT_SUCCEEDED;
}

static int stop_trial(dz_cli *cli, const dz_found *found)
{
    const dz_experiment_spec *spec = found->experiment->spec;
    const dz_trial *trial = found->trial;
    dozan_error err = {0};
    if (dz_trial_state_ended(trial->state)) {
        dz_cli_note(cli, "trial %s has ended already: it is %s", trial->name,
                    dz_trial_state_name(trial->state));
        return DZ_EXIT_SUCCEEDED;
    }
    if (dz_service_control(cli->service, spec->namespace_, spec->name, DZ_COMMAND_KILL_TRIAL,
                           trial->number, NULL, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    cli->pending = true;
    dz_cli_note(cli, "trial %s is stopped", trial->name);
    return DZ_EXIT_SUCCEEDED;
}

static int find(dz_cli *cli, bool trials, dz_found *found)
{
    int status = DZ_EXIT_FAILED;
    const char *name = cli->options.arguments[0];
    dz_store *store = dz_cli_open(cli, DZ_STORE_READ, &status);
    if (store == NULL)
        return status != DZ_EXIT_SUCCEEDED ? status : DZ_EXIT_FAILED;
    status = trials ? dz_find_object(cli, store, name, found)
                    : dz_find_experiment(cli, store, name, found);
    dz_store_close(store);
    return status;
}
