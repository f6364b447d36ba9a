#include "cli/driver.h"

#include "cli/screen.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SIGNALS = 4 };
static const int signal_numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

struct dz_driver {
    dz_cli *cli;
    dz_store *store;
    dz_run_config config;
    dz_run_observer observer;
    dz_screen screen;
    dz_loop *loop;
    bool catches; /* the signals, since it was made: an interrupt counts before the run too */
    struct sigaction before[SIGNALS];
};

/* A signal handler has no argument of ours: this is the one place that it can find the loop at. */
static dz_loop *_Atomic signalled_loop;
static atomic_int signal_count; /* by the handler, which may run on any thread */

static void on_signal(int number);
static void on_broken_pipe(int number);
static void catch_signals(dz_loop *loop, struct sigaction *before);
static void release_signals(const struct sigaction *before);
static void on_progress(void *user, const dz_experiment *experiment, const dz_slots *slots,
                        int64_t now_ms);
static void on_trial_ended(void *user, const dz_experiment *experiment, const dz_trial *trial);
static void on_note(void *user, const char *line);
static const char *interrupt_text(const dz_driver *driver);

dozan_status dz_driver_create(dz_cli *cli, dz_store *store, dz_driver **driver, dozan_error *err)
{
    dozan_status status = dz_cli_config_load(&cli->options, err);
    if (status != DOZAN_OK)
        return status;
    dz_driver *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->cli = cli;
    made->store = store;
    made->config = (dz_run_config){
        .job_directory = cli->options.job_directory,
        .plugins = cli->options.plugins,
        .plugin_count = cli->options.plugin_count,
        .maps = cli->options.maps,
        .map_count = cli->options.map_count,
        .stop_grace_ms = cli->options.grace_ms,
        .plugin_timeout_ms = cli->options.plugin_timeout_ms,
        .plugin_faults = cli->options.plugin_faults,
        .keep_trials_on_interrupt = cli->options.keep,
    };
    made->observer = (dz_run_observer){made, on_progress, on_trial_ended, on_note};
    dz_screen_init(&made->screen, cli->err, cli->options.quiet);
    status = dz_loop_create(store, &made->config, &made->observer, &made->loop, err);
    if (status != DOZAN_OK) {
        dz_driver_destroy(made);
        return status;
    }
    made->catches = store != NULL;
    if (made->catches)
        catch_signals(made->loop, made->before);
    *driver = made;
    return DOZAN_OK;
}

void dz_driver_destroy(dz_driver *driver)
{
    if (driver == NULL)
        return;
    if (driver->catches)
        release_signals(driver->before);
    dz_loop_destroy(driver->loop);
    dz_screen_fini(&driver->screen);
    free(driver);
}

dz_loop *dz_driver_loop(dz_driver *driver)
{
    return driver->loop;
}

int dz_driver_run(dz_driver *driver, dz_experiment *experiment, dz_experiment_spec *budget)
{
    dozan_error err = {0};
    dz_trial *best = dz_cli_best(driver->store, experiment);
    dz_screen_start(&driver->screen, experiment, best, dz_cli_now());
    dz_trial_destroy(best);
    dozan_status status = dz_loop_run(driver->loop, experiment, budget, &err);
    dz_screen_clear(&driver->screen);
    if (status != DOZAN_OK)
        return dz_cli_fail(driver->cli, &err);
    return dz_cli_result(driver->cli, driver->store, experiment);
}

static void on_signal(int number)
{
    dz_loop *loop = atomic_load(&signalled_loop);
    (void)number;
    atomic_fetch_add(&signal_count, 1);
    if (loop != NULL)
        dz_loop_interrupt(loop);
}

/* A reader of our output that went away must not end the run. Not SIG_IGN: the trials' programs
 * would inherit that. */
static void on_broken_pipe(int number)
{
    (void)number;
}

static void catch_signals(dz_loop *loop, struct sigaction *before)
{
    atomic_store(&signal_count, 0);
    atomic_store(&signalled_loop, loop);
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action = {.sa_flags = SA_RESTART};
        action.sa_handler = signal_numbers[i] == SIGPIPE ? on_broken_pipe : on_signal;
        (void)sigemptyset(&action.sa_mask);
        (void)sigaction(signal_numbers[i], NULL, &before[i]);
        /* nohup, or a shell's job in the background: that signal is not for us */
        if (before[i].sa_handler != SIG_IGN || signal_numbers[i] == SIGTERM)
            (void)sigaction(signal_numbers[i], &action, NULL);
    }
}

static void release_signals(const struct sigaction *before)
{
    for (size_t i = 0; i < SIGNALS; i++)
        (void)sigaction(signal_numbers[i], &before[i], NULL);
    atomic_store(&signalled_loop, NULL);
}

static void on_progress(void *user, const dz_experiment *experiment, const dz_slots *slots,
                        int64_t now_ms)
{
    dz_driver *driver = user;
    (void)slots;
    if (atomic_load(&signal_count) > 0)
        dz_screen_interrupt(&driver->screen, interrupt_text(driver));
    dz_screen_faults(&driver->screen, experiment);
    dz_screen_draw(&driver->screen, experiment, now_ms);
}

static void on_trial_ended(void *user, const dz_experiment *experiment, const dz_trial *trial)
{
    dz_driver *driver = user;
    dz_screen_ended(&driver->screen, experiment, trial);
}

static void on_note(void *user, const char *line)
{
    dz_driver *driver = user;
    dz_screen_note(&driver->screen, line);
}

static const char *interrupt_text(const dz_driver *driver)
{
    if (driver->config.keep_trials_on_interrupt)
        return "leaving; the running trials go on, and the next run takes them up";
    return "stopping the running trials; Ctrl-C again leaves at once";
}
