/*
 * What bayesianoptimization promises of infeasible trials: it leaves regions that fail or break a
 * constraint, finds an optimum that lies on their border, and looks for something feasible as long
 * as it knows nothing that is.
 */
#include "support_lab.h"

#include "acquisition.h"
#include "numerics/gauss.h"
#include "table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TRIALS = 40, SEEDS = 5 };

static const dozan_parameter parameters[] = {
    {.name = "a", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
    {.name = "b", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
    {.name = "c", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
};

static const char *const sum_metric[] = {"sum"};
static const dozan_constraint at_most = {.metric = "sum", .has_max = true, .max = 1};

/* Least at (0.7, 0.6, 0.5), whose sum is 1.8; where it is at most 1, 0.64 / 3 is the least. */
static double bowl(const double *u)
{
    return (u[0] - 0.7) * (u[0] - 0.7) + (u[1] - 0.6) * (u[1] - 0.6) + (u[2] - 0.5) * (u[2] - 0.5);
}

static const double constrained_least = 0.64 / 3;

static void end_trial(dz_lab *lab, int64_t trial, const double *u, bool fails)
{
    double sum = u[0] + u[1] + u[2];
    if (fails && sum > 1) {
        dz_lab_log(lab, DOZAN_EVENT_FAILED, trial, 0, 0);
        return;
    }
    dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, bowl(u));
    double *value = dz_arena_array(&lab->arena, 1, sizeof(*value));
    assert_non_null(value);
    *value = sum;
    lab->events[lab->event_count - 1].other_values = value;
    lab->events[lab->event_count - 1].other_value_count = 1;
}

typedef struct outcome {
    double regret;   /* of the best feasible trial */
    size_t violated; /* of the last half of the trials */
} outcome;

static outcome search(const char *name, uint64_t seed, bool fails)
{
    const dozan_algorithm *algorithm = dz_lab_algorithm(name);
    dozan_experiment experiment = dz_lab_experiment(algorithm, parameters, 3, seed);
    if (!fails) {
        experiment.additional_metrics = sum_metric;
        experiment.additional_metric_count = 1;
        experiment.constraints = &at_most;
        experiment.constraint_count = 1;
    }
    outcome result = {.regret = INFINITY};
    dz_lab lab;
    dz_lab_open(&lab, algorithm, &experiment);
    for (int trial = 1; trial <= TRIALS; trial++) {
        const double *u = dz_lab_ask(&lab, 1).points[0];
        bool violates = u[0] + u[1] + u[2] > 1;
        result.violated += violates && trial > TRIALS / 2;
        result.regret = violates ? result.regret : fmin(result.regret, bowl(u) - constrained_least);
        end_trial(&lab, trial, u, fails);
    }
    dz_lab_close(&lab);
    return result;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median regret of the seeds, and all of the late trials that were infeasible. */
static outcome of_all_seeds(const char *name, bool fails)
{
    double regrets[SEEDS];
    outcome all = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        outcome one = search(name, seed + 1, fails);
        regrets[seed] = one.regret;
        all.violated += one.violated;
    }
    qsort(regrets, SEEDS, sizeof(regrets[0]), compare_doubles);
    all.regret = regrets[SEEDS / 2];
    (void)printf("%-22s %s: regret %.3g, %zu late trials infeasible\n", name,
                 fails ? "failures" : "constraint", all.regret, all.violated);
    return all;
}

/* Near it, and on both sides: a search that goes to the bowl's middle finds nothing feasible. */
static void an_optimum_on_the_border_of_a_constraint_is_found(void **state)
{
    (void)state;
    outcome random = of_all_seeds("random", false);
    outcome learnt = of_all_seeds("bayesianoptimization", false);
    assert_true(learnt.regret < 0.02 * random.regret);
    assert_true(of_all_seeds("auto", false).regret < 0.02 * random.regret);
}

static void an_optimum_on_the_border_of_failures_is_found(void **state)
{
    (void)state;
    outcome random = of_all_seeds("random", true);
    outcome learnt = of_all_seeds("bayesianoptimization", true);
    assert_true(learnt.regret < 0.2 * random.regret);
    assert_true(learnt.violated < random.violated * 2 / 3);
}

/* A constraint that a 125th of the space meets, of which the first trials hardly find any. */
static void something_feasible_is_looked_for(void **state)
{
    (void)state;
    static const dozan_constraint little = {.metric = "sum", .has_max = true, .max = 0.3};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const dozan_algorithm *algorithm = dz_lab_algorithm("bayesianoptimization");
        dozan_experiment experiment = dz_lab_experiment(algorithm, parameters, 3, seed);
        experiment.additional_metrics = sum_metric;
        experiment.additional_metric_count = 1;
        experiment.constraints = &little;
        experiment.constraint_count = 1;
        bool found = false;
        dz_lab lab;
        dz_lab_open(&lab, algorithm, &experiment);
        for (int trial = 1; trial <= 20 && !found; trial++) {
            const double *u = dz_lab_ask(&lab, 1).points[0];
            end_trial(&lab, trial, u, false);
            found = u[0] + u[1] + u[2] <= 0.3;
        }
        dz_lab_close(&lab);
        assert_true(found);
    }
}

/* Against P = Phi((threshold - mean) / deviation) where that has its digits, and by differences. */
static void the_cost_of_a_bound_is_minus_log_of_its_probability(void **state)
{
    (void)state;
    for (int at = 0; at < 60; at++) {
        const double variance = 0.7;
        double mean = -3 + 0.37 * at;
        double by_mean = 0;
        double by_variance = 0;
        double ignored = 0;
        double cost = dz_bound_cost(0.4, mean, variance, &by_mean, &by_variance);
        if (mean < 5) {
            double wanted = -log(dz_gauss_cdf((0.4 - mean) / sqrt(variance)));
            assert_true(fabs(cost - wanted) < 1e-9 * (1 + wanted));
        }
        double step = 1e-5;
        double above = dz_bound_cost(0.4, mean + step, variance, &ignored, &ignored);
        double below = dz_bound_cost(0.4, mean - step, variance, &ignored, &ignored);
        assert_true(fabs(by_mean - (above - below) / (2 * step)) < 1e-5 * (1 + fabs(by_mean)));
        above = dz_bound_cost(0.4, mean, variance + step, &ignored, &ignored);
        below = dz_bound_cost(0.4, mean, variance - step, &ignored, &ignored);
        assert_true(fabs(by_variance - (above - below) / (2 * step)) <
                    1e-5 * (1 + fabs(by_variance)));
    }
    double slope = 0;
    assert_true(isfinite(dz_gauss_log_cdf(-1e5, &slope)) && isfinite(slope));
    assert_true(fabs(dz_gauss_log_cdf(1e5, &slope)) <= 0 && fabs(slope) <= 0);
}

int main(void)
{
    dozan_algorithms_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_optimum_on_the_border_of_a_constraint_is_found),
        cmocka_unit_test(an_optimum_on_the_border_of_failures_is_found),
        cmocka_unit_test(something_feasible_is_looked_for),
        cmocka_unit_test(the_cost_of_a_bound_is_minus_log_of_its_probability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
