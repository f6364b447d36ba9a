/*
 * Hyperband: the counts of the paper for every bracket and rung, who is promoted, and what becomes
 * of failures; as properties over random ladders, splits and orders of ending.
 */
#include "support_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_BRACKETS = 16, MAX_RUNGS = 16, MAX_TRIALS = 4096 };

static const dozan_parameter parameters[] = {
    {.name = "x", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
    {.name = "epochs", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "1", .max = "100"},
};

/* A run of Hyperband as seen from outside. */
typedef struct run {
    dz_lab lab;
    int64_t counts[MAX_BRACKETS][MAX_RUNGS];
    int64_t bracket[MAX_TRIALS + 1]; /* by trial number */
    int64_t rung[MAX_TRIALS + 1];
    int64_t parent[MAX_TRIALS + 1]; /* 0 = none */
    double epochs[MAX_TRIALS + 1];
    double x[MAX_TRIALS + 1];
    double loss[MAX_TRIALS + 1]; /* NaN: failed */
    int64_t pending[MAX_TRIALS];
    size_t pending_count;
    dozan_ask_end end;
} run;

static int64_t label(const dozan_suggestion *suggestion, const char *name)
{
    for (size_t i = 0; i < suggestion->label_count; i++) {
        if (strcmp(suggestion->labels[i].name, name) == 0) {
            return strtoll(suggestion->labels[i].value, NULL, 10);
        }
    }
    return 0;
}

static void open_run(run *r, const char *r_l, const char *eta, dozan_pair settings[3],
                     int32_t max_trials)
{
    const dozan_algorithm *algorithm = dz_lab_algorithm("hyperband");
    dozan_experiment experiment = dz_lab_experiment(algorithm, parameters, 2, 7);
    settings[0] = (dozan_pair){"r_l", r_l};
    settings[1] = (dozan_pair){"eta", eta};
    settings[2] = (dozan_pair){"resource_name", "epochs"};
    experiment.algorithm_settings = settings;
    experiment.algorithm_setting_count = 3;
    experiment.max_trials = max_trials;
    *r = (run){.end = DOZAN_ASK_MORE};
    dz_lab_open(&r->lab, algorithm, &experiment);
}

static dz_lab_answer ask(run *r, uint32_t count)
{
    dz_lab_answer answer = dz_lab_ask(&r->lab, count);
    r->end = answer.end;
    for (size_t i = 0; i < answer.count; i++) {
        const dozan_suggestion *suggestion = &answer.suggestions[i];
        int64_t trial = answer.first_trial + (int64_t)i;
        assert_true(trial <= MAX_TRIALS);
        r->bracket[trial] = label(suggestion, "hyperband-bracket");
        r->rung[trial] = label(suggestion, "hyperband-rung");
        r->parent[trial] = label(suggestion, "promoted-from");
        r->epochs[trial] = strtod(suggestion->assignments[1].value, NULL);
        r->x[trial] = answer.points[i][0];
        assert_true(r->bracket[trial] < MAX_BRACKETS && r->rung[trial] < MAX_RUNGS);
        r->counts[r->bracket[trial]][r->rung[trial]]++;
        r->pending[r->pending_count++] = trial;
    }
    return answer;
}

static void finish(run *r, size_t index, double loss)
{
    int64_t trial = r->pending[index];
    r->pending[index] = r->pending[--r->pending_count];
    r->loss[trial] = loss;
    dz_lab_log(&r->lab, isnan(loss) ? DOZAN_EVENT_FAILED : DOZAN_EVENT_COMPLETED, trial, 0, loss);
}

/* Runs to the end, at most `parallel` trials at once, which end in random order; a share of them
 * fails. The controller is "killed" now and then. */
static void run_to_end(run *r, uint32_t parallel, dozan_rng *rng, double failing)
{
    while (r->end != DOZAN_ASK_EXHAUSTED || r->pending_count > 0) {
        uint32_t room = parallel - (uint32_t)r->pending_count;
        if (room > 0 && r->end != DOZAN_ASK_EXHAUSTED) {
            dz_lab_answer answer = ask(r, 1 + (uint32_t)dozan_rng_below(rng, room));
            assert_true(answer.count > 0 || r->pending_count > 0 ||
                        answer.end == DOZAN_ASK_EXHAUSTED);
        }
        if (r->pending_count > 0 && (dozan_rng_below(rng, 2) == 0 || r->end != DOZAN_ASK_MORE)) {
            bool fails = dozan_rng_uniform(rng) < failing;
            finish(r, (size_t)dozan_rng_below(rng, r->pending_count),
                   fails ? NAN : dozan_rng_normal(rng));
        }
        if (dozan_rng_below(rng, 40) == 0) {
            dz_lab_restart(&r->lab, rng);
        }
    }
}

/* Algorithm 1 of the paper, in whole numbers. */
static int64_t paper_count(int64_t eta, int s_max, int s, int rung)
{
    int64_t power = 1;
    for (int i = 0; i < s; i++) {
        power *= eta;
    }
    int64_t n = ((s_max + 1) * power + s) / (s + 1);
    for (int i = 0; i < rung; i++) {
        n /= eta;
    }
    return n;
}

/* Each promoted trial repeats its parent with more of the resource, no trial has two children, and
 * whoever was passed over was not better. */
static void check_promotions(const run *r)
{
    static bool promoted[MAX_TRIALS + 1];
    memset(promoted, 0, sizeof(promoted));
    int64_t trials = r->lab.trials;
    for (int64_t t = 1; t <= trials; t++) {
        int64_t parent = r->parent[t];
        assert_int_equal(parent != 0, r->rung[t] > 0);
        if (parent == 0) {
            continue;
        }
        assert_false(promoted[parent]);
        promoted[parent] = true;
        assert_int_equal(r->bracket[t], r->bracket[parent]);
        assert_int_equal(r->rung[t], r->rung[parent] + 1);
        assert_memory_equal(&r->x[t], &r->x[parent], sizeof(double));
        assert_true(r->epochs[t] > r->epochs[parent]);
        assert_false(isnan(r->loss[parent]));
    }
    for (int64_t a = 1; a <= trials; a++) {
        for (int64_t b = 1; b <= trials && promoted[a]; b++) {
            bool rivals = r->bracket[a] == r->bracket[b] && r->rung[a] == r->rung[b];
            assert_true(!rivals || promoted[b] || isnan(r->loss[b]) || r->loss[a] <= r->loss[b]);
        }
    }
}

static void counts_are_those_of_the_paper(void **state)
{
    (void)state;
    static run r;
    for (uint64_t round = 0; round < 24; round++) {
        dozan_rng rng = dozan_rng_stream(11, "hyperband-test", round);
        int64_t eta = 2 + (int64_t)dozan_rng_below(&rng, 3);
        int64_t r_l = 1 + (int64_t)dozan_rng_below(&rng, 40);
        int s_max = 0;
        for (int64_t power = eta; power <= r_l; power *= eta) {
            s_max++;
        }
        char texts[2][24];
        dozan_pair settings[3];
        (void)snprintf(texts[0], sizeof(texts[0]), "%d", (int)r_l);
        (void)snprintf(texts[1], sizeof(texts[1]), "%d", (int)eta);
        open_run(&r, texts[0], texts[1], settings, 0);
        run_to_end(&r, 1 + (uint32_t)dozan_rng_below(&rng, 12), &rng, 0);
        int64_t all = 0;
        for (int bracket = 0; bracket <= s_max; bracket++) {
            int s = s_max - bracket;
            for (int rung = 0; rung <= s; rung++) {
                int64_t count = paper_count(eta, s_max, s, rung);
                assert_int_equal(r.counts[bracket][rung], count);
                all += count;
            }
        }
        assert_int_equal(r.lab.trials, all);
        check_promotions(&r);
        dz_lab_close(&r.lab);
    }
}

/* R = 81 and eta = 3, the paper's own example (table 1). */
static void the_example_of_the_paper_has_its_table(void **state)
{
    (void)state;
    static const int64_t table[5][5] = {{81, 27, 9, 3, 1}, {34, 11, 3, 1}, {15, 5, 1}, {8, 2}, {5}};
    static const double epochs[5] = {1, 3, 9, 27, 81};
    static run r;
    dozan_pair settings[3];
    dozan_rng rng = dozan_rng_stream(3, "hyperband-table", 0);
    open_run(&r, "81", "3", settings, 0);
    run_to_end(&r, 20, &rng, 0);
    for (int bracket = 0; bracket < 5; bracket++) {
        for (int rung = 0; rung < 5; rung++) {
            assert_int_equal(r.counts[bracket][rung], table[bracket][rung]);
        }
    }
    for (int64_t t = 1; t <= r.lab.trials; t++) {
        assert_float_equal(r.epochs[t], epochs[r.bracket[t] + r.rung[t]], 0);
    }
    dz_lab_close(&r.lab);
}

/* The counts of an undisturbed run are those of one that is killed in the middle of every bracket,
 * and so are the trials. */
static void a_restart_in_a_bracket_changes_nothing(void **state)
{
    (void)state;
    static run r[2];
    dozan_pair settings[2][3];
    for (int i = 0; i < 2; i++) {
        dozan_rng parts = dozan_rng_stream(5, "hyperband-parts", 0);
        open_run(&r[i], "27", "3", settings[i], 0);
        for (int64_t turn = 0; r[i].end != DOZAN_ASK_EXHAUSTED || r[i].pending_count > 0; turn++) {
            if (r[i].end != DOZAN_ASK_EXHAUSTED) {
                (void)ask(&r[i], 3);
            }
            if (i == 1 && turn % 5 == 2) {
                dz_lab_restart(&r[i].lab, &parts);
            }
            while (r[i].pending_count > 0) {
                finish(&r[i], 0, (double)(r[i].pending[0] * 7 % 31));
            }
        }
    }
    assert_int_equal(r[0].lab.trials, r[1].lab.trials);
    assert_memory_equal(r[0].counts, r[1].counts, sizeof(r[0].counts));
    assert_memory_equal(r[0].x, r[1].x, sizeof(r[0].x));
    assert_memory_equal(r[0].parent, r[1].parent, sizeof(r[0].parent));
    dz_lab_close(&r[0].lab);
    dz_lab_close(&r[1].lab);
}

/* eta = 3, r_l = 9: nine trials at 1 epoch. Two of them are good; three would go on. */
static void failed_trials_are_not_promoted(void **state)
{
    (void)state;
    static run r;
    dozan_pair settings[3];
    open_run(&r, "9", "3", settings, 0);
    assert_int_equal(ask(&r, 12).count, 9);
    assert_int_equal(r.end, DOZAN_ASK_WAIT);
    for (int i = 0; i < 7; i++) {
        finish(&r, 0, NAN);
    }
    assert_int_equal(ask(&r, 1).count, 0);
    finish(&r, 0, 2);
    finish(&r, 0, 1);
    dz_lab_answer answer = ask(&r, 12);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.end, DOZAN_ASK_WAIT);
    assert_true(r.loss[r.parent[10]] < r.loss[r.parent[11]]);
    finish(&r, 0, NAN);
    finish(&r, 0, NAN);
    answer = ask(&r, 12); /* none is left: the next bracket */
    assert_int_equal(answer.count, 5);
    assert_int_equal(r.bracket[12], 1);
    dz_lab_close(&r.lab);
}

static void random_failures_leave_the_ranking_right(void **state)
{
    (void)state;
    static run r;
    for (uint64_t round = 0; round < 12; round++) {
        dozan_rng rng = dozan_rng_stream(13, "hyperband-failing", round);
        dozan_pair settings[3];
        open_run(&r, "27", "3", settings, 0);
        run_to_end(&r, 5, &rng, 0.4);
        for (int bracket = 0; bracket <= 3; bracket++) {
            assert_int_equal(r.counts[bracket][0], paper_count(3, 3, 3 - bracket, 0));
        }
        check_promotions(&r);
        dz_lab_close(&r.lab);
    }
}

/* The last rung of a bracket decides nothing: the next begins beside it. With a maxTrialCount the
 * brackets come again. */
static void brackets_follow_without_waiting_and_are_repeated(void **state)
{
    (void)state;
    static run r;
    dozan_pair settings[3];
    open_run(&r, "3", "3", settings, 100); /* brackets of 3 and 1, and of 2 */
    assert_int_equal(ask(&r, 9).count, 3);
    while (r.pending_count > 0) {
        finish(&r, 0, (double)r.pending[0]);
    }
    dz_lab_answer answer = ask(&r, 9); /* the last of bracket 0, all of 1, and bracket 2's first */
    assert_int_equal(answer.count, 6);
    assert_int_equal(answer.end, DOZAN_ASK_WAIT);
    assert_int_equal(r.counts[0][1], 1);
    assert_int_equal(r.counts[1][0], 2);
    assert_int_equal(r.counts[2][0], 3);
    dz_lab_close(&r.lab);
}

/* A user's own points are run, and are of no bracket. */
static void initial_points_stand_outside(void **state)
{
    (void)state;
    static run r;
    dozan_pair settings[3];
    open_run(&r, "9", "3", settings, 0);
    int64_t given = dz_lab_give(&r.lab, (const double[]){0.5, 0.5});
    dz_lab_log(&r.lab, DOZAN_EVENT_COMPLETED, given, 0, -100);
    assert_int_equal(ask(&r, 20).count, 9);
    while (r.pending_count > 0) {
        finish(&r, 0, (double)r.pending[0]);
    }
    assert_int_equal(ask(&r, 20).count, 3);
    for (size_t i = 0; i < r.pending_count; i++) {
        assert_true(r.parent[r.pending[i]] > given);
    }
    dz_lab_close(&r.lab);
}

static void wrong_resources_are_refused(void **state)
{
    (void)state;
    static const dozan_pair cases[][3] = {
        {{"r_l", "9"}, {"resource_name", "epoch"}, {"eta", "3"}},
        {{"r_l", "101"}, {"resource_name", "epochs"}, {"eta", "3"}},
        {{"r_l", "0"}, {"resource_name", "epochs"}, {"eta", "3"}},
        {{"r_l", "9"}, {"resource_name", "epochs"}, {"eta", "1"}},
        {{"r_l", "0.5"}, {"resource_name", "x"}, {"eta", "nan"}},
        {{"resource_name", "epochs"}, {"eta", "3"}, {"random_state", "1"}},
        {{"r_l", "9"}, {"eta", "3"}, {"random_state", "1"}},
    };
    const dozan_algorithm *algorithm = dz_lab_algorithm("hyperband");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dozan_experiment experiment = dz_lab_experiment(algorithm, parameters, 2, 7);
        experiment.algorithm_settings = cases[i];
        experiment.algorithm_setting_count = 3;
        dozan_error err = {0};
        assert_int_equal(dz_session_validate(algorithm, &experiment, &err), DOZAN_INVALID_ARGUMENT);
        assert_non_null(strstr(err.place, "spec.algorithm.algorithmSettings"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_paper),
        cmocka_unit_test(the_example_of_the_paper_has_its_table),
        cmocka_unit_test(a_restart_in_a_bracket_changes_nothing),
        cmocka_unit_test(failed_trials_are_not_promoted),
        cmocka_unit_test(random_failures_leave_the_ranking_right),
        cmocka_unit_test(brackets_follow_without_waiting_and_are_repeated),
        cmocka_unit_test(initial_points_stand_outside),
        cmocka_unit_test(wrong_resources_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
