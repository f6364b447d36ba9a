/*
 * The core in thousands of simulated worlds. DOZAN_SEED=n in the environment runs that schedule
 * alone, in every test.
 */
#include "support_simulation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_grid_gets_each_point_once_whatever_the_infrastructure_does(void **state)
{
    const sim_options options = {.name = "grid",
                                 .parallel = 3,
                                 .max_trials = SIM_MAX_TRIALS,
                                 .cpus = 2,
                                 .points = 9,
                                 .initial_points = 2,
                                 .crash = 60,
                                 .lost = 250,
                                 .silent = 150,
                                 .garbage = 150,
                                 .wait = 200,
                                 .duplicate = 200,
                                 .suspend = 15};

    (void)state;
    sim_run_all(&options, &sim_memory_store, 1, 800);
}

static void the_budget_is_kept_exactly(void **state)
{
    const sim_options options = {.name = "budget",
                                 .parallel = 4,
                                 .max_trials = 10,
                                 .cpus = 8,
                                 .points = 1000,
                                 .crash = 40,
                                 .lost = 100,
                                 .silent = 100,
                                 .garbage = 50,
                                 .wait = 100,
                                 .duplicate = 150};

    (void)state;
    sim_run_all(&options, &sim_memory_store, 100000, 800);
}

static void anything_may_happen_to_trials(void **state)
{
    const sim_options options = {.name = "anything",
                                 .parallel = 4,
                                 .max_trials = 12,
                                 .cpus = 3,
                                 .points = 40,
                                 .initial_points = 3,
                                 .early_stopping = true,
                                 .crash = 30,
                                 .lost = 150,
                                 .failed = 200,
                                 .unavailable = 100,
                                 .timeout = 50,
                                 .silent = 100,
                                 .garbage = 50,
                                 .wait = 150,
                                 .duplicate = 200,
                                 .kill = 20,
                                 .suspend = 10,
                                 .budget = 15,
                                 .retries = 1};

    (void)state;
    sim_run_all(&options, &sim_memory_store, 200000, 1200);
}

static void gpus_are_never_shared(void **state)
{
    const sim_options options = {.name = "gpus",
                                 .parallel = 5,
                                 .max_trials = 12,
                                 .cpus = 8,
                                 .gpus = 5,
                                 .gpus_per_trial = 2,
                                 .points = 1000,
                                 .early_stopping = true,
                                 .crash = 40,
                                 .lost = 200,
                                 .failed = 100,
                                 .duplicate = 100,
                                 .kill = 20,
                                 .suspend = 15,
                                 .budget = 10};

    (void)state;
    sim_run_all(&options, &sim_memory_store, 300000, 400);
}

static void in_a_calm_world_nothing_is_done_twice(void **state)
{
    const sim_options options = {
        .name = "calm", .parallel = 3, .max_trials = 20, .cpus = 3, .points = 1000};

    (void)state;
    sim_run_all(&options, &sim_memory_store, 400000, 100);
}

static void the_front_survives_any_crash(void **state)
{
    const sim_options options = {.name = "front",
                                 .parallel = 4,
                                 .max_trials = 30,
                                 .cpus = 4,
                                 .points = 1000,
                                 .objectives = true,
                                 .crash = 60,
                                 .lost = 100,
                                 .failed = 50,
                                 .unavailable = 50,
                                 .duplicate = 150,
                                 .kill = 10,
                                 .suspend = 10};

    (void)state;
    sim_run_all(&options, &sim_memory_store, 450000, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_gets_each_point_once_whatever_the_infrastructure_does),
        cmocka_unit_test(the_budget_is_kept_exactly),
        cmocka_unit_test(anything_may_happen_to_trials),
        cmocka_unit_test(gpus_are_never_shared),
        cmocka_unit_test(in_a_calm_world_nothing_is_done_twice),
        cmocka_unit_test(the_front_survives_any_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
