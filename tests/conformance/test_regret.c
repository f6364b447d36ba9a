/*
 * A sanity check of search quality: on functions with known minima, the algorithms that learn do
 * clearly better than random search with equal trials. It is no benchmark; that is in tests/bench.
 *
 *   branin     2 dimensions, three minima of 0.397887 (Dixon and Szego, 1978)
 *   hartmann   6 dimensions, minimum -3.32237 (the same)
 *   mixed      an optimizer's name, a log scale, an int and a double; minimum 0
 */
#include "support_lab.h"

#include "table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_SEEDS = 15, TRIALS = 60 };

static double branin(const double *u)
{
    double x = 15 * u[0] - 5;
    double y = 15 * u[1];
    double bowl = y - 5.1 / (4 * M_PI * M_PI) * x * x + 5 / M_PI * x - 6;
    return bowl * bowl + 10 * (1 - 1 / (8 * M_PI)) * cos(x) + 10 - 0.397887;
}

static double hartmann(const double *u)
{
    static const double weights[4] = {1.0, 1.2, 3.0, 3.2};
    static const double widths[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                        {0.05, 10, 17, 0.1, 8, 14},
                                        {3, 3.5, 1.7, 10, 17, 8},
                                        {17, 8, 0.05, 10, 0.1, 14}};
    static const double centers[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                         {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                         {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                         {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
    double sum = 3.32237;
    for (size_t i = 0; i < 4; i++) {
        double square = 0;
        for (size_t d = 0; d < 6; d++) {
            square += widths[i][d] * (u[d] - centers[i][d]) * (u[d] - centers[i][d]);
        }
        sum -= weights[i] * exp(-square);
    }
    return sum;
}

/* u: the optimizer, the learning rate (best at 1e-3, in the middle), the layers, the momentum. */
static double mixed(const double *u)
{
    double wrong = fabs(u[0] - 0.625) > 0.1 ? 1 : 0; /* the third of four */
    double rate = u[1] - 0.5;
    double layers = u[2] - 0.7;
    double momentum = u[3] - 0.9;
    return wrong + 8 * rate * rate + 2 * layers * layers + (1 + wrong) * momentum * momentum -
           2 * 0.05 * 0.05; /* no int is nearer */
}

static const char *const optimizers[] = {"sgd", "adam", "lion", "adagrad"};

typedef struct problem {
    const char *name;
    double (*function)(const double *u);
    dozan_parameter parameters[6];
    size_t count;
} problem;

#define UNIT(id)                                                                                   \
    {                                                                                              \
        .name = (id), .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"  \
    }

static const problem problems[] = {
    {"branin", branin, {UNIT("a"), UNIT("b")}, 2},
    {"hartmann", hartmann, {UNIT("a"), UNIT("b"), UNIT("c"), UNIT("d"), UNIT("e"), UNIT("f")}, 6},
    {"mixed",
     mixed,
     {{.name = "optimizer", .type = DOZAN_CATEGORICAL, .list = optimizers, .list_count = 4},
      {.name = "lr",
       .type = DOZAN_DOUBLE,
       .distribution = DOZAN_LOG_UNIFORM,
       .min = "1e-5",
       .max = "1e-1"},
      {.name = "layers", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "1", .max = "10"},
      UNIT("momentum")},
     4},
};

/* The least value of one search of TRIALS trials, `parallel` of them at a time. */
static double search(const problem *task, const char *name, uint64_t seed, uint32_t parallel)
{
    const dozan_algorithm *algorithm = dz_lab_algorithm(name);
    dozan_experiment experiment = dz_lab_experiment(algorithm, task->parameters, task->count, seed);
    double best = INFINITY;
    dz_lab lab;
    dz_lab_open(&lab, algorithm, &experiment);
    for (int done = 0; done < TRIALS; done += (int)parallel) {
        dz_lab_answer answer = dz_lab_ask(&lab, parallel);
        for (size_t i = 0; i < answer.count; i++) {
            double value = task->function(answer.points[i]);
            best = fmin(best, value);
            dz_lab_log(&lab, DOZAN_EVENT_COMPLETED, answer.first_trial + (int64_t)i, 0, value);
        }
    }
    dz_lab_close(&lab);
    return best;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_regret(const problem *task, const char *name, uint32_t parallel, size_t seeds)
{
    double regrets[MAX_SEEDS];
    for (size_t seed = 0; seed < seeds; seed++) {
        regrets[seed] = search(task, name, seed + 1, parallel);
    }
    qsort(regrets, seeds, sizeof(regrets[0]), compare_doubles);
    (void)printf("%-9s %-22s %2u at a time: median regret %.3g of %zu seeds\n", task->name, name,
                 (unsigned)parallel, regrets[seeds / 2], seeds);
    return regrets[seeds / 2];
}

/* `part`: how much of random search's regret may be left. */
static void compare(const char *name, uint32_t parallel, size_t seeds, const double part[3])
{
    for (size_t i = 0; i < 3; i++) {
        double random = median_regret(&problems[i], "random", parallel, seeds);
        double learnt = median_regret(&problems[i], name, parallel, seeds);
        assert_true(learnt < part[i] * random);
    }
}

static void tpe_beats_random(void **state)
{
    (void)state;
    compare("tpe", 1, 15, (const double[]){0.9, 0.9, 0.9});
    compare("multivariate-tpe", 1, 15, (const double[]){0.9, 0.9, 0.9});
}

static void cmaes_beats_random(void **state)
{
    (void)state;
    compare("cmaes", 1, 15, (const double[]){0.01, 0.2, 0.4});
    compare("cmaes", 6, 15, (const double[]){0.05, 0.5, 0.5});
}

static void bayesian_optimisation_beats_random_by_far(void **state)
{
    (void)state;
    compare("bayesianoptimization", 1, 5, (const double[]){0.05, 0.2, 0.3});
    compare("bayesianoptimization", 6, 5, (const double[]){0.1, 0.4, 0.5});
}

int main(void)
{
    dozan_algorithms_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tpe_beats_random),
        cmocka_unit_test(cmaes_beats_random),
        cmocka_unit_test(bayesian_optimisation_beats_random_by_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
