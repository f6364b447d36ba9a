/*
 * The ends of experiments, their conditions, and how they go on: suspension, budgets, a restart of
 * the controller.
 */
#include "support/world.h"

static void suspend(world *w)
{
    must_happen(w, (dz_event){.kind = DZ_EVENT_SUSPEND, .u.suspend = {.reason = "UserStopped"}});
}

static void budget(world *w, const char *path, const char *value)
{
    const char *changes[] = {path, value, NULL};

    happen(w, (dz_event){.kind = DZ_EVENT_BUDGET, .u.budget = test_spec(changes)});
}

/* Runs trials `from` .. `to`, one after another, to their success. */
static void run_trials(world *w, int64_t from, int64_t to)
{
    for (int64_t number = from; number <= to; number++) {
        if (active(w, number) == NULL) {
            suggest(w, w->experiment->asked_count, DOZAN_ASK_MORE);
        }
        succeed_with(w, number, "0.5");
    }
}

static void conditions_are_appended_and_the_last_is_the_state(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxTrialCount", "2", NULL}, 8, 0);
    dz_experiment *e = w->experiment;

    (void)state;
    assert_state(w, DZ_EXPERIMENT_CREATED, "ExperimentCreated");
    open_it(w);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_int_equal(e->started_ms, w->now);
    w->now += 500;
    suggest(w, 2, DOZAN_ASK_MORE);
    run_trials(w, 1, 2);
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached");
    assert_int_equal(e->condition_count, 3);
    assert_string_equal(e->conditions[0].type, "Created");
    assert_string_equal(e->conditions[1].type, "Running");
    assert_false(e->conditions[1].status);
    assert_string_equal(e->conditions[1].reason, "ExperimentRunning");
    assert_int_equal(e->completed_ms, w->now);
    assert_int_equal(e->runtime_ms, 500);
    assert_true(dz_experiment_at_rest(e));
    assert_int_equal(dz_next_tick(e), INT64_MAX);
    world_destroy(w);
}

typedef struct goal_case {
    const char *type, *goal, *value;
    bool reached;
} goal_case;

static void a_goal_is_inclusive_in_both_directions(void **state)
{
    static const goal_case cases[] = {
        {"maximize", "0.9", "0.9", true},  {"maximize", "0.9", "0.89", false},
        {"minimize", "0.1", "0.1", true},  {"minimize", "0.1", "0.11", false},
        {"maximize", "0.9", "nan", false}, {"minimize", "0.1", "nan", false},
        {"maximize", "0.9", "inf", true},  {"minimize", "0.1", "-inf", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *changes[] = {"spec.objective.type", cases[i].type, "spec.objective.goal",
                                 cases[i].goal, NULL};
        world *w = world_create(changes, 8, 0);

        open_it(w);
        suggest(w, 2, DOZAN_ASK_MORE);
        succeed_with(w, 1, cases[i].value);
        if (cases[i].reached) {
            assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentGoalReached");
        } else {
            assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
        }
        world_destroy(w);
    }
}

static void the_goal_is_tested_before_failures_and_the_budget(void **state)
{
    const char *const changes[] = {"spec.objective.goal",
                                   "0.9",
                                   "spec.maxTrialCount",
                                   "2",
                                   "spec.maxFailedTrialCount",
                                   "1",
                                   NULL};
    world *w = world_create(changes, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    succeed_with(w, 1, "0.95");
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentGoalReached");
    assert_non_null(strstr(condition_of(w, "Succeeded")->message, "0.95"));
    world_destroy(w);

    w = world_create(changes, 8, 0);
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    succeed_with(w, 1, "0.5");
    exited(w, 2, 1); /* completes the budget, and is one failure too many */
    assert_state(w, DZ_EXPERIMENT_FAILED, "ExperimentFailed");
    world_destroy(w);
}

static void failures_and_missing_metrics_count_against_the_limit(void **state)
{
    static const struct {
        const char *limit;
        int codes[3]; /* 0 = ends well, but without its metric */
        int trials;
        bool failed;
    } cases[] = {
        {"0", {1}, 1, true},     {"1", {1}, 1, true},           {"1", {0}, 1, true},
        {"2", {1}, 1, false},    {"2", {1, 0}, 2, true},        {"3", {0, 0, 1}, 3, true},
        {"3", {0, 1}, 2, false}, {"null", {1, 1, 1}, 3, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *changes[] = {"spec.maxFailedTrialCount", cases[i].limit, NULL};
        world *w = world_create(changes, 8, 0);

        open_it(w);
        suggest(w, 2, DOZAN_ASK_MORE);
        for (int t = 0; t < cases[i].trials; t++) {
            if (active(w, t + 1) == NULL) {
                suggest(w, w->experiment->asked_count, DOZAN_ASK_MORE);
            }
            exited(w, t + 1, cases[i].codes[t]);
        }
        if (cases[i].failed) {
            assert_state(w, DZ_EXPERIMENT_FAILED, "ExperimentFailed");
        } else {
            assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
        }
        world_destroy(w);
    }
}

static void what_still_runs_at_the_end_is_stopped(void **state)
{
    const char *const changes[] = {"spec.objective.goal", "0.9", "spec.parallelTrialCount", "4",
                                   NULL};
    world *w = world_create(changes, 3, 0);

    (void)state;
    open_it(w);
    suggest(w, 4, DOZAN_ASK_MORE);
    succeed_with(w, 1, "0.99");
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentGoalReached");
    assert_int_equal(effects_of(w, DZ_EFFECT_STOP), 2);
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 0); /* the fourth never starts */
    assert_int_equal(trial_of(w, 4)->state, DZ_TRIAL_KILLED);
    assert_string_equal(trial_of(w, 4)->reason, "ExperimentCompleted");
    assert_false(dz_experiment_at_rest(w->experiment));
    ended_with(w, 2, (dz_end){.kind = DZ_END_STOPPED});
    assert_int_equal(trial_of(w, 2)->state, DZ_TRIAL_KILLED);
    assert_string_equal(trial_of(w, 2)->reason, "ExperimentCompleted");
    report_text(w, 3, 0, "0.999");
    exited(w, 3, 0); /* was faster than the stop */
    assert_int_equal(trial_of(w, 3)->state, DZ_TRIAL_SUCCEEDED);
    assert_int_equal(w->experiment->best.trial, 3);
    assert_true(dz_experiment_at_rest(w->experiment));
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentGoalReached");
    world_destroy(w);
}

static void the_running_time_is_counted_over_all_runs_and_bounded(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxRuntime", "60s", NULL}, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(dz_next_tick(w->experiment), w->now + 10000);
        tick_at(w, w->now + 10000);
        assert_true(w->experiment->dirty); /* a crash may forget ten seconds */
    }
    suspend(w);
    assert_int_equal(dz_next_tick(w->experiment), INT64_MAX);
    w->now += 1000000; /* does not count */
    must_happen(w, (dz_event){.kind = DZ_EVENT_RESUME});
    tick_at(w, w->now + 10000);
    assert_int_equal(dz_next_tick(w->experiment), w->now + 10000);
    tick_at(w, w->now + 9999);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    tick_at(w, w->now + 1);
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxRuntimeReached");
    world_destroy(w);
}

static void a_suspended_experiment_rests_and_goes_on(void **state)
{
    world *w = world_create((const char *const[]){"spec.parallelTrialCount", "3", NULL}, 2, 0);

    (void)state;
    open_it(w);
    suggest(w, 3, DOZAN_ASK_MORE);
    started(w, 1);
    suspend(w);
    assert_state(w, DZ_EXPERIMENT_SUSPENDED, "UserStopped");
    assert_false(condition_of(w, "Running")->status);
    assert_int_equal(effects_of(w, DZ_EFFECT_STOP), 2);
    assert_false(dz_experiment_at_rest(w->experiment));
    ended_with(w, 1, (dz_end){.kind = DZ_END_STOPPED});
    assert_int_equal(active(w, 1)->state, DZ_TRIAL_PENDING);
    assert_non_null(entry_of(w, DOZAN_EVENT_LOST, 1));
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 0);
    ended_with(w, 2, (dz_end){.kind = DZ_END_STOPPED});
    assert_true(dz_experiment_at_rest(w->experiment));
    assert_int_equal(w->slots.cpu_milli_used, 0);
    must_happen(w, (dz_event){.kind = DZ_EVENT_RESUME});
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_false(condition_of(w, "Suspended")->status);
    assert_int_equal(effect_on(w, DZ_EFFECT_START, 1)->attempt, 2);
    assert_int_equal(effect_on(w, DZ_EFFECT_START, 2)->attempt, 2);
    assert_int_equal(active(w, 1)->losses, 0);
    world_destroy(w);
}

static void a_stronger_cause_replaces_an_interruption(void **state)
{
    world *w = world_create((const char *const[]){"spec.objective.goal", "0.9", NULL}, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    report_text(w, 1, 0, "0.95");
    suspend(w);
    exited(w, 1, 0); /* was faster: the goal is reached */
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentGoalReached");
    assert_int_equal(active(w, 2)->stop_cause, DZ_STOP_EXPERIMENT);
    assert_int_equal(effects_of(w, DZ_EFFECT_STOP), 0); /* it is being stopped already */
    ended_with(w, 2, (dz_end){.kind = DZ_END_STOPPED});
    assert_int_equal(trial_of(w, 2)->state, DZ_TRIAL_KILLED);
    world_destroy(w);
}

static void the_last_trial_may_finish_while_being_suspended(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxTrialCount", "2", NULL}, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    succeed_with(w, 1, "1");
    report_text(w, 2, 0, "1");
    suspend(w);
    exited(w, 2, 0);
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached");
    assert_false(condition_of(w, "Suspended")->status);
    world_destroy(w);
}

static void raising_the_budget_restarts_an_ended_experiment(void **state)
{
    const char *const two[] = {"spec.maxTrialCount", "2", NULL};
    world *w = world_create(two, 8, 0);
    dz_experiment *e = w->experiment;

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    run_trials(w, 1, 2);
    budget(w, "spec.maxTrialCount", "2");
    assert_int_equal(w->status, DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(w->err.message, "raise maxTrialCount"));
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached");
    budget(w, "spec.maxTrialCount", "3");
    assert_int_equal(w->status, DOZAN_OK);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_null(condition_of(w, "Succeeded"));
    assert_true(condition_of(w, "Restarting")->status);
    assert_int_equal(e->completed_ms, 0);
    assert_int_equal(e->seed, 7);
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 3)->count, 1);
    suggest(w, 1, DOZAN_ASK_MORE);
    succeed_with(w, 3, "1");
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached");
    world_destroy(w);
}

static void what_has_another_end_is_not_restarted(void **state)
{
    const char *const goal[] = {"spec.objective.goal", "0.9", NULL};
    const char *const more[] = {"spec.objective.goal", "0.9", "spec.maxTrialCount", "20", NULL};
    const char *const never[] = {"spec.resumePolicy", "Never", "spec.maxTrialCount", "20", NULL};
    world *w = world_create(goal, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    succeed_with(w, 1, "0.9");
    happen(w, (dz_event){.kind = DZ_EVENT_BUDGET, .u.budget = test_spec(more)});
    assert_int_equal(w->status, DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(w->err.message, "goal"));
    world_destroy(w);

    w = world_create(NULL, 8, 0);
    open_it(w);
    suggest(w, 1, DOZAN_ASK_EXHAUSTED);
    succeed_with(w, 1, "1");
    budget(w, "spec.maxTrialCount", "20");
    assert_int_equal(w->status, DOZAN_FAILED_PRECONDITION);
    assert_non_null(strstr(w->err.message, "no more suggestions"));
    world_destroy(w);

    w = world_create((const char *const[]){"spec.maxTrialCount", "2", NULL}, 8, 0);
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    run_trials(w, 1, 2);
    happen(w, (dz_event){.kind = DZ_EVENT_BUDGET, .u.budget = test_spec(never)});
    assert_int_equal(w->status, DOZAN_FAILED_PRECONDITION);
    assert_string_equal(w->err.place, "spec.resumePolicy");
    world_destroy(w);
}

static void a_failed_experiment_goes_on_with_a_higher_limit(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxFailedTrialCount", "1", NULL}, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    exited(w, 1, 1);
    assert_state(w, DZ_EXPERIMENT_FAILED, "ExperimentFailed");
    ended_with(w, 2, (dz_end){.kind = DZ_END_STOPPED});
    budget(w, "spec.maxFailedTrialCount", "1");
    assert_int_equal(w->status, DOZAN_FAILED_PRECONDITION);
    budget(w, "spec.maxFailedTrialCount", "2");
    assert_int_equal(w->status, DOZAN_OK);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_null(condition_of(w, "Failed"));
    world_destroy(w);
}

static void a_running_experiments_budget_may_change(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    budget(w, "spec.parallelTrialCount", "1"); /* running trials go on */
    assert_int_equal(w->status, DOZAN_OK);
    assert_int_equal(effects_of(w, DZ_EFFECT_STOP), 0);
    ended_with(w, 2, (dz_end){.kind = DZ_END_LOST});
    tick_at(w, dz_next_tick(w->experiment));
    assert_int_equal(active(w, 2)->state, DZ_TRIAL_PENDING);
    assert_string_equal(active(w, 2)->reason, "WaitingForParallelTrials");
    succeed_with(w, 1, "1");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    budget(w, "spec.parallelTrialCount", "4");
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 3)->count, 3);
    budget(w, "spec.maxTrialCount", "3"); /* while the ask is under way */
    assert_int_equal(w->status, DOZAN_OK);
    suggest(w, 3, DOZAN_ASK_MORE);
    assert_int_equal(w->experiment->trial_count, 3); /* only one of them is still wanted */
    happen(w, (dz_event){.kind = DZ_EVENT_BUDGET,
                         .u.budget = test_spec((const char *const[]){
                             "spec.maxTrialCount", "2", "spec.parallelTrialCount", "1", NULL})});
    assert_int_equal(w->status, DOZAN_FAILED_PRECONDITION);
    assert_string_equal(w->err.place, "spec.maxTrialCount");
    assert_int_equal(w->experiment->spec->max_trial_count, 3);
    world_destroy(w);
}

static void opening_takes_up_what_was_under_way(void **state)
{
    world *w = world_create((const char *const[]){"spec.parallelTrialCount", "4", NULL}, 3, 0);
    dz_experiment *e = w->experiment;

    (void)state;
    open_it(w);
    suggest(w, 4, DOZAN_ASK_MORE);
    started(w, 2);
    started(w, 3);
    must_happen(w, (dz_event){.kind = DZ_EVENT_KILL_TRIAL, .u.kill = 3});
    /* the controller dies; another takes the stored state up, on empty slots */
    e->open = false;
    e->asking = true;
    dz_slots_init(&w->slots, 3000, 0);
    w->now += 100000;
    must_happen(w, (dz_event){.kind = DZ_EVENT_TICK});
    assert_int_equal(w->changes.effect_count, 0); /* nothing before OPEN */
    open_it(w);
    assert_non_null(effect_on(w, DZ_EFFECT_ADOPT, 1));
    assert_non_null(effect_on(w, DZ_EFFECT_ADOPT, 2));
    assert_non_null(effect_on(w, DZ_EFFECT_ADOPT, 3));
    assert_non_null(effect_on(w, DZ_EFFECT_STOP, 3));
    assert_int_equal(effects_of(w, DZ_EFFECT_STOP), 1);
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 0);
    assert_int_equal(w->slots.cpu_milli_used, 3000);
    assert_int_equal(e->runtime_ms, 0); /* the time between does not count */
    assert_int_equal(active(w, 1)->attempt, 1);
    assert_false(e->asking);
    started(w, 2); /* adopted: it says so again */
    assert_int_equal(w->changes.log_count, 0);
    ended_with(w, 3, (dz_end){.kind = DZ_END_STOPPED});
    assert_non_null(effect_on(w, DZ_EFFECT_START, 4));
    world_destroy(w);
}

/* A wish to stop that is there at the opening: what runs is stopped, and nothing begins. */
static void opening_may_be_to_stop(void **state)
{
    const dz_event stopped = {.kind = DZ_EVENT_OPEN, .u.suspend = {.reason = "UserStopped"}};
    world *w = world_create((const char *const[]){"spec.parallelTrialCount", "3", NULL}, 2, 0);

    (void)state;
    must_happen(w, stopped);
    assert_state(w, DZ_EXPERIMENT_SUSPENDED, "UserStopped");
    assert_int_equal(w->changes.effect_count, 0);
    assert_int_equal(w->experiment->started_ms, w->now);
    w->experiment->open = false;
    open_it(w);
    suggest(w, 3, DOZAN_ASK_MORE);
    started(w, 1);
    w->experiment->open = false;
    dz_slots_init(&w->slots, 2000, 0);
    must_happen(w, stopped);
    assert_state(w, DZ_EXPERIMENT_SUSPENDED, "UserStopped");
    assert_non_null(effect_on(w, DZ_EFFECT_ADOPT, 1));
    assert_non_null(effect_on(w, DZ_EFFECT_STOP, 1));
    assert_non_null(effect_on(w, DZ_EFFECT_STOP, 2)); /* told to start, perhaps never begun */
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 0);
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    ended_with(w, 1, (dz_end){.kind = DZ_END_STOPPED});
    ended_with(w, 2, (dz_end){.kind = DZ_END_STOPPED});
    assert_int_equal(w->changes.effect_count, 0);
    assert_true(dz_experiment_at_rest(w->experiment));
    world_destroy(w);
}

/* Also of one that was ended and whose budget is raised. */
static void opening_to_stop_counts_for_a_restart(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxTrialCount", "2", NULL}, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    report_text(w, 1, 0, "0.5");
    exited(w, 1, 0);
    report_text(w, 2, 0, "0.5");
    exited(w, 2, 0);
    assert_true(dz_experiment_state_ended(w->experiment->state));
    w->experiment->open = false;
    must_happen(
        w, (dz_event){.kind = DZ_EVENT_BUDGET,
                      .u.budget = test_spec((const char *const[]){
                          "spec.maxTrialCount", "4", "spec.resumePolicy", "LongRunning", NULL})});
    must_happen(w, (dz_event){.kind = DZ_EVENT_OPEN, .u.suspend = {.reason = "Interrupted"}});
    assert_state(w, DZ_EXPERIMENT_SUSPENDED, "Interrupted");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    world_destroy(w);
}

static void opening_refuses_counters_that_do_not_add_up(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    w->experiment->open = false;
    w->experiment->trial_count++;
    happen(w, (dz_event){.kind = DZ_EVENT_OPEN});
    assert_int_equal(w->status, DOZAN_DATA_LOSS);
    w->experiment->trial_count--;
    w->experiment->state_counts[DZ_TRIAL_STARTING]--;
    w->experiment->state_counts[DZ_TRIAL_RUNNING]++;
    happen(w, (dz_event){.kind = DZ_EVENT_OPEN});
    assert_int_equal(w->status, DOZAN_DATA_LOSS);
    world_destroy(w);
}

static void opening_resumes_and_mends(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suspend(w);
    w->experiment->open = false;
    open_it(w);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    for (int i = 0; i < 8; i++) {
        ask_fails(w, "PluginUnavailable");
        tick_at(w, w->now + 30000);
    }
    assert_state(w, DZ_EXPERIMENT_FAILED, "SuggestionFailed");
    w->experiment->open = false;
    open_it(w);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1);
    world_destroy(w);
}

static void a_budget_may_come_before_the_opening(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxTrialCount", "2", NULL}, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    run_trials(w, 1, 2);
    w->experiment->open = false;
    budget(w, "spec.maxTrialCount", "4");
    assert_state(w, DZ_EXPERIMENT_RESTARTING, "ExperimentRestarting");
    assert_int_equal(w->changes.effect_count, 0);
    open_it(w);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 3)->count, 2);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_appended_and_the_last_is_the_state),
        cmocka_unit_test(a_goal_is_inclusive_in_both_directions),
        cmocka_unit_test(the_goal_is_tested_before_failures_and_the_budget),
        cmocka_unit_test(failures_and_missing_metrics_count_against_the_limit),
        cmocka_unit_test(what_still_runs_at_the_end_is_stopped),
        cmocka_unit_test(the_running_time_is_counted_over_all_runs_and_bounded),
        cmocka_unit_test(a_suspended_experiment_rests_and_goes_on),
        cmocka_unit_test(a_stronger_cause_replaces_an_interruption),
        cmocka_unit_test(the_last_trial_may_finish_while_being_suspended),
        cmocka_unit_test(raising_the_budget_restarts_an_ended_experiment),
        cmocka_unit_test(what_has_another_end_is_not_restarted),
        cmocka_unit_test(a_failed_experiment_goes_on_with_a_higher_limit),
        cmocka_unit_test(a_running_experiments_budget_may_change),
        cmocka_unit_test(opening_takes_up_what_was_under_way),
        cmocka_unit_test(opening_may_be_to_stop),
        cmocka_unit_test(opening_to_stop_counts_for_a_restart),
        cmocka_unit_test(opening_refuses_counters_that_do_not_add_up),
        cmocka_unit_test(opening_resumes_and_mends),
        cmocka_unit_test(a_budget_may_come_before_the_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
