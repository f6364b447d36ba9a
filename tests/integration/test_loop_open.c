/*
 * The loop with a wish to stop that comes before it has taken its experiment up: nothing starts,
 * what a killed run has left is ended, and what it had not begun yet never begins.
 */
#include "loop/run.h"

#include "support/world.h"
#include <ftw.h>
#include <unistd.h>

#define INITIAL "[{lr: 0.5, units: 16, optimizer: sgd}, {lr: 0.25, units: 32, optimizer: adam}]"
#define COMMAND "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command"

typedef struct kept {
    dz_store *store;
    dz_experiment *experiment;
    char folder[64];
    char path[96], jobs[96], ran[96], shim[4096], suggest[4096];
    dz_run_config config;
    dz_run_observer observer;
} kept;

/* A stored experiment whose trials would leave a file behind. */
static kept *keep_create(void)
{
    const char *build = getenv("DOZAN_BUILD");
    char command[512];
    dozan_error err = {0};
    kept *k = calloc(1, sizeof *k);
    assert_non_null(k);
    assert_non_null(build);
    (void)snprintf(k->folder, sizeof k->folder, "/tmp/dozan-loop-XXXXXX");
    assert_non_null(mkdtemp(k->folder));
    (void)snprintf(k->path, sizeof k->path, "%s/test.db", k->folder);
    (void)snprintf(k->jobs, sizeof k->jobs, "%s/test.db.d", k->folder);
    (void)snprintf(k->ran, sizeof k->ran, "%s/ran", k->folder);
    (void)snprintf(k->shim, sizeof k->shim, "%s/dozan-shim", build);
    (void)snprintf(k->suggest, sizeof k->suggest, "%s/dozan-suggest", build);
    (void)snprintf(command, sizeof command,
                   "[sh, -c, 'touch %s; echo accuracy=${trialParameters.lr}; : "
                   "${trialParameters.units} ${trialParameters.optimizer}; exec sleep 600']",
                   k->ran);
    k->config = (dz_run_config){
        .job_directory = k->jobs, .shim = k->shim, .suggest = k->suggest, .stop_grace_ms = 200};
    dz_experiment_spec *spec = test_spec((const char *const[]){
        "spec.initialPoints", INITIAL, COMMAND, command, TEST_RESOURCES, "{}", NULL});
    assert_int_equal(dz_experiment_create(spec, TEST_UID, 7, 1000000, &k->experiment, &err),
                     DOZAN_OK);
    assert_int_equal(dz_store_open(k->path, DZ_STORE_WRITE, DZ_DURABILITY_OFF, &k->store, &err),
                     DOZAN_OK);
    assert_int_equal(dz_store_own(k->store, &err), DOZAN_OK);
    assert_int_equal(dz_store_insert(k->store, k->experiment, "e.yaml", test_experiment_yaml,
                                     strlen(test_experiment_yaml), &err),
                     DOZAN_OK);
    return k;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void keep_destroy(kept *k)
{
    dz_experiment_destroy(k->experiment);
    dz_store_close(k->store);
    assert_int_equal(nftw(k->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(k);
}

/* Runs it to its rest; how the wish to stop comes is the caller's. */
static void run_it(kept *k, int interrupts)
{
    dz_loop *loop = NULL;
    dozan_error err = {0};
    assert_int_equal(dz_loop_create(k->store, &k->config, &k->observer, &loop, &err), DOZAN_OK);
    for (int i = 0; i < interrupts; i++)
        dz_loop_interrupt(loop);
    assert_int_equal(dz_loop_interrupted(loop), interrupts > 0);
    if (dz_loop_run(loop, k->experiment, NULL, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    dz_loop_destroy(loop);
}

static void assert_never_ran(const kept *k)
{
    assert_int_equal(access(k->ran, F_OK), -1);
}

static void assert_suspended(const kept *k, const char *reason)
{
    const dz_experiment *e = k->experiment;
    assert_int_equal(e->state, DZ_EXPERIMENT_SUSPENDED);
    assert_string_equal(e->conditions[e->condition_count - 1].reason, reason);
    assert_true(dz_experiment_at_rest(e));
    assert_never_ran(k);
}

static void reload(kept *k)
{
    dozan_error err = {0};
    dz_experiment_destroy(k->experiment);
    k->experiment = NULL;
    assert_int_equal(dz_store_load(k->store, "bowl", &k->experiment, &err), DOZAN_OK);
}

static void an_interrupt_before_the_opening_begins_nothing(void **state)
{
    (void)state;
    kept *k = keep_create();
    run_it(k, 1);
    assert_suspended(k, "Interrupted");
    assert_int_equal(k->experiment->trial_count, 0);
    reload(k);
    assert_suspended(k, "Interrupted");
    keep_destroy(k);
}

static void a_stop_before_the_opening_begins_nothing(void **state)
{
    (void)state;
    kept *k = keep_create();
    bool waits = true;
    dozan_error err = {0};
    assert_int_equal(dz_store_post(k->store, DZ_COMMAND_DELETE, "absent", 0, &err), DOZAN_OK);
    assert_int_equal(dz_store_post(k->store, DZ_COMMAND_STOP, "bowl", 0, &err), DOZAN_OK);
    run_it(k, 0);
    assert_suspended(k, "UserStopped");
    assert_int_equal(dz_store_waits(k->store, DZ_COMMAND_STOP, "bowl", 0, &waits, &err), DOZAN_OK);
    assert_false(waits);
    assert_int_equal(dz_store_waits(k->store, DZ_COMMAND_DELETE, "absent", 0, &waits, &err),
                     DOZAN_OK);
    assert_false(waits);
    keep_destroy(k);
}

/* The commit that starts two trials is written, and the process dies before it has started them. */
static void what_was_decided_but_never_begun_is_not_begun_to_be_stopped(void **state)
{
    (void)state;
    kept *k = keep_create();
    dz_slots slots;
    dz_changes changes = {0};
    dozan_error err = {0};
    dz_slots_init(&slots, 8000, 0);
    assert_int_equal(
        dz_step(k->experiment, &slots, &(dz_event){.kind = DZ_EVENT_OPEN}, 1000001, &changes, &err),
        DOZAN_OK);
    assert_int_equal(k->experiment->state_counts[DZ_TRIAL_STARTING], 2);
    assert_int_equal(dz_store_commit(k->store, k->experiment, &changes, &err), DOZAN_OK);
    dz_changes_clear(&changes);
    reload(k);
    assert_int_equal(dz_store_post(k->store, DZ_COMMAND_STOP, "bowl", 0, &err), DOZAN_OK);
    run_it(k, 0);
    assert_suspended(k, "UserStopped");
    assert_int_equal(k->experiment->state_counts[DZ_TRIAL_PENDING], 2);
    keep_destroy(k);
}

/* --keep: the second interrupt is implied; nothing is taken up and nothing is changed. */
static void leaving_before_the_opening_changes_nothing(void **state)
{
    (void)state;
    kept *k = keep_create();
    k->config.keep_trials_on_interrupt = true;
    run_it(k, 1);
    assert_int_equal(k->experiment->state, DZ_EXPERIMENT_CREATED);
    assert_never_ran(k);
    keep_destroy(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupt_before_the_opening_begins_nothing),
        cmocka_unit_test(a_stop_before_the_opening_begins_nothing),
        cmocka_unit_test(what_was_decided_but_never_begun_is_not_begun_to_be_stopped),
        cmocka_unit_test(leaving_before_the_opening_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
