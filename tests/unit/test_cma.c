/*
 * The distributions of CMA-ES against what is published of them: how many evaluations it takes on
 * its own test functions, what it is invariant to, and what the margin and the categories promise.
 */
#include "numerics/categories.h"
#include "numerics/cma.h"
#include "numerics/gauss.h"

#include <dozan/rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_DIMS = 40, MOST_POPULATION = 64, RUNS = 5 };

typedef double (*objective)(const double *x, size_t dims);

static double sphere(const double *x, size_t dims)
{
    double sum = 0;
    for (size_t i = 0; i < dims; i++) {
        sum += x[i] * x[i];
    }
    return sum;
}

static double ellipsoid(const double *x, size_t dims)
{
    double sum = 0;
    for (size_t i = 0; i < dims; i++) {
        sum += pow(1e6, (double)i / (double)(dims - 1)) * x[i] * x[i];
    }
    return sum;
}

static double cigar(const double *x, size_t dims)
{
    return 1e6 * sphere(x, dims) + (1 - 1e6) * x[0] * x[0];
}

static double tablet(const double *x, size_t dims)
{
    return sphere(x, dims) + (1e6 - 1) * x[0] * x[0];
}

static double rosenbrock(const double *x, size_t dims)
{
    double sum = 0;
    for (size_t i = 0; i + 1 < dims; i++) {
        double bend = x[i] * x[i] - x[i + 1];
        sum += 100 * bend * bend + (x[i] - 1) * (x[i] - 1);
    }
    return sum;
}

/* A search: the function may be seen through an orthogonal matrix, a monotone map, or both. */
typedef struct search {
    objective function;
    size_t dims;
    double start;
    double sigma;
    const double *rotation; /* [dims][dims], or NULL */
    bool squeeze;
    bool diagonal;
    double target;
    size_t most_evaluations;
} search;

static double value_of(const search *task, const double *x)
{
    double turned[MOST_DIMS];
    const double *at = x;
    if (task->rotation != NULL) {
        for (size_t i = 0; i < task->dims; i++) {
            turned[i] = 0;
            for (size_t k = 0; k < task->dims; k++) {
                turned[i] += task->rotation[i * task->dims + k] * x[k];
            }
        }
        at = turned;
    }
    double value = task->function(at, task->dims);
    return task->squeeze ? log1p(cbrt(value)) : value;
}

static int by_loss(const void *a, const void *b)
{
    const dz_cma_solution *x = a;
    const dz_cma_solution *y = b;
    return (x->loss > y->loss) - (x->loss < y->loss);
}

/* One generation; returns its least value. Samples are turned back by the rotation where `turn`. */
static double step(dz_cma *cma, const search *task, dozan_rng *rng)
{
    static double points[MOST_POPULATION][MOST_DIMS];
    dz_cma_solution solutions[MOST_POPULATION];
    size_t population = dz_cma_population(cma);
    for (size_t i = 0; i < population; i++) {
        double z[MOST_DIMS];
        double room[MOST_DIMS];
        for (size_t d = 0; d < task->dims; d++) {
            z[d] = dozan_rng_normal(rng);
        }
        dz_cma_sample(cma, z, room, points[i]);
        solutions[i] = (dz_cma_solution){.x = points[i], .loss = value_of(task, points[i])};
    }
    qsort(solutions, population, sizeof(solutions[0]), by_loss);
    dz_cma_update(cma, solutions);
    return solutions[0].loss;
}

static dz_cma *create(const search *task)
{
    double mean[MOST_DIMS];
    for (size_t i = 0; i < task->dims; i++) {
        mean[i] = task->start;
    }
    dz_cma *cma = dz_cma_create(task->dims, dz_cma_default_population(task->dims), mean,
                                task->sigma, task->diagonal);
    assert_non_null(cma);
    return cma;
}

/* Evaluations until the target, or SIZE_MAX. */
static size_t evaluations(const search *task, uint64_t seed)
{
    dozan_rng rng = dozan_rng_stream(seed, "test.cma", 0);
    dz_cma *cma = create(task);
    size_t count = 0;
    double best = INFINITY;
    while (best > task->target && count < task->most_evaluations) {
        best = fmin(best, step(cma, task, &rng));
        count += dz_cma_population(cma);
    }
    dz_cma_destroy(cma);
    return best <= task->target ? count : SIZE_MAX;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static size_t median_evaluations(const search *task, const char *name)
{
    size_t counts[RUNS];
    for (uint64_t run = 0; run < RUNS; run++) {
        counts[run] = evaluations(task, run + 1);
    }
    qsort(counts, RUNS, sizeof(counts[0]), by_size);
    (void)printf("%-10s %2zu dimensions: median of %zu evaluations\n", name, task->dims,
                 counts[RUNS / 2]);
    return counts[RUNS / 2];
}

/* Medians of five runs by another implementation, cmaes 0.13.1, from the same start (1, ..., 1)
 * with sigma 1 (rosenbrock: 0 with sigma 0.1) to 1e-9. They agree with the figures of Hansen's
 * papers: linear in the dimensions for the sphere, and about their square for the ellipsoid. */
static void convergence_is_the_published_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        objective function;
        size_t reference[3]; /* in 5, 10 and 20 dimensions */
    } cases[] = {
        {"sphere", sphere, {712, 1510, 2820}},
        {"ellipsoid", ellipsoid, {1456, 4520, 13200}},
        {"cigar", cigar, {1824, 4260, 8220}},
        {"tablet", tablet, {1368, 3190, 8076}},
        {"rosenbrock", rosenbrock, {1760, 5170, 16776}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool valley = cases[i].function == rosenbrock;
        for (size_t k = 0; k < 3; k++) {
            search task = {.function = cases[i].function,
                           .dims = (size_t)5 << k,
                           .start = valley ? 0 : 1,
                           .sigma = valley ? 0.1 : 1,
                           .target = 1e-9,
                           .most_evaluations = 40000};
            double ratio =
                (double)median_evaluations(&task, cases[i].name) / (double)cases[i].reference[k];
            assert_true(ratio > 0.75 && ratio < 1.25);
        }
    }
}

/* Ros and Hansen (2008): on separable functions the diagonal form needs about as much time in 40
 * dimensions as in 5, by dimension. */
static void the_diagonal_form_is_linear_on_separable_functions(void **state)
{
    (void)state;
    double by_dimension[2];
    for (size_t k = 0; k < 2; k++) {
        search task = {.function = ellipsoid,
                       .dims = k == 0 ? 5 : 40,
                       .start = 1,
                       .sigma = 1,
                       .diagonal = true,
                       .target = 1e-9,
                       .most_evaluations = 40000};
        by_dimension[k] = (double)median_evaluations(&task, "diagonal") / (double)task.dims;
    }
    assert_true(by_dimension[1] < 1.3 * by_dimension[0]);
}

/* A random orthogonal matrix: Gram-Schmidt on normal vectors. */
static void fill_rotation(double *rotation, size_t dims, uint64_t seed)
{
    dozan_rng rng = dozan_rng_stream(seed, "rotation", 0);
    for (size_t i = 0; i < dims; i++) {
        double *row = rotation + i * dims;
        for (size_t d = 0; d < dims; d++) {
            row[d] = dozan_rng_normal(&rng);
        }
        for (size_t k = 0; k <= i; k++) {
            double along = 0;
            for (size_t d = 0; d < dims; d++) {
                along += row[d] * rotation[k * dims + d];
            }
            for (size_t d = 0; d < dims; d++) {
                row[d] = k == i ? row[d] / sqrt(along) : row[d] - along * rotation[k * dims + d];
            }
        }
    }
}

static void a_rotated_problem_is_as_hard(void **state)
{
    (void)state;
    enum { DIMS = 10 };
    double rotation[DIMS * DIMS];
    fill_rotation(rotation, DIMS, 1);
    search task = {.function = ellipsoid,
                   .dims = DIMS,
                   .start = 1,
                   .sigma = 1,
                   .target = 1e-9,
                   .most_evaluations = 40000};
    double plain = (double)median_evaluations(&task, "ellipsoid");
    task.rotation = rotation;
    double turned = (double)median_evaluations(&task, "rotated");
    assert_true(turned > 0.75 * plain && turned < 1.25 * plain);
}

/* The same solutions seen in other axes lead to the same distribution seen in those axes. */
static void an_update_turns_with_its_axes(void **state)
{
    (void)state;
    enum { DIMS = 6, GENERATIONS = 60 };
    double rotation[DIMS * DIMS];
    double points[MOST_POPULATION][DIMS];
    double turned[MOST_POPULATION][DIMS];
    dz_cma_solution here[MOST_POPULATION];
    dz_cma_solution there[MOST_POPULATION];
    double zero[DIMS] = {0};
    fill_rotation(rotation, DIMS, 2);
    size_t population = dz_cma_default_population(DIMS);
    dz_cma *plain = dz_cma_create(DIMS, population, zero, 1, false);
    dz_cma *other = dz_cma_create(DIMS, population, zero, 1, false);
    assert_true(plain != NULL && other != NULL);
    dozan_rng rng = dozan_rng_stream(1, "test.turn", 0);
    for (int generation = 0; generation < GENERATIONS; generation++) {
        for (size_t i = 0; i < population; i++) {
            double z[DIMS];
            double room[DIMS];
            for (size_t d = 0; d < DIMS; d++) {
                z[d] = dozan_rng_normal(&rng);
            }
            dz_cma_sample(plain, z, room, points[i]);
            here[i] = (dz_cma_solution){.x = points[i], .loss = ellipsoid(points[i], DIMS)};
        }
        qsort(here, population, sizeof(here[0]), by_loss);
        for (size_t i = 0; i < population; i++) {
            for (size_t d = 0; d < DIMS; d++) {
                turned[i][d] = 0;
                for (size_t k = 0; k < DIMS; k++) {
                    turned[i][d] += rotation[d * DIMS + k] * here[i].x[k];
                }
            }
            there[i] = (dz_cma_solution){.x = turned[i], .loss = here[i].loss};
        }
        dz_cma_update(plain, here);
        dz_cma_update(other, there);
        double sigma = dz_cma_sigma(plain);
        assert_true(fabs(dz_cma_sigma(other) / sigma - 1) < 1e-6);
        for (size_t d = 0; d < DIMS; d++) {
            double expected = 0;
            for (size_t k = 0; k < DIMS; k++) {
                expected += rotation[d * DIMS + k] * dz_cma_mean(plain)[k];
            }
            assert_true(fabs(dz_cma_mean(other)[d] - expected) < 1e-6 * sigma);
        }
    }
    dz_cma_destroy(plain);
    dz_cma_destroy(other);
}

/* Only ranks count: a monotone map of the losses changes no bit. */
static void a_monotone_map_changes_nothing(void **state)
{
    (void)state;
    search plain = {.function = rosenbrock, .dims = 8, .start = 0, .sigma = 0.5};
    search squeezed = plain;
    squeezed.squeeze = true;
    dz_cma *one = create(&plain);
    dz_cma *two = create(&squeezed);
    dozan_rng first = dozan_rng_stream(3, "test.map", 0);
    dozan_rng second = first;
    for (int generation = 0; generation < 100; generation++) {
        (void)step(one, &plain, &first);
        (void)step(two, &squeezed, &second);
        assert_memory_equal(dz_cma_mean(one), dz_cma_mean(two), 8 * sizeof(double));
    }
    dz_cma_destroy(one);
    dz_cma_destroy(two);
}

static void equal_losses_pull_nowhere(void **state)
{
    (void)state;
    enum { POPULATION = 6 };
    static const double points[POPULATION][2] = {{1, 0},  {0, 1},  {-1, -1},
                                                 {2, -3}, {-3, 2}, {1, 1}};
    static const double mean[2] = {0, 0};
    dz_cma_solution solutions[POPULATION];
    double weights[POPULATION];
    double room[POPULATION];
    for (size_t i = 0; i < POPULATION; i++) {
        solutions[i] = (dz_cma_solution){.x = points[i], .loss = INFINITY};
    }
    dz_cma *cma = dz_cma_create(2, POPULATION, mean, 1, false);
    assert_non_null(cma);
    dz_cma_update(cma, solutions); /* whose mean is 0 */
    assert_true(fabs(dz_cma_mean(cma)[0]) < 1e-12 && fabs(dz_cma_mean(cma)[1]) < 1e-12);
    dz_cma_weigh(solutions, POPULATION, room, weights);
    for (size_t i = 0; i < POPULATION; i++) {
        assert_true(fabs(weights[i] - 1.0 / POPULATION) < 1e-12);
    }
    dz_cma_destroy(cma);
}

/* A point that is far away pulls the mean by a bounded length, whether it is marked or not. */
static void a_foreign_solution_has_a_bounded_pull(void **state)
{
    (void)state;
    for (int marked = 0; marked < 2; marked++) {
        double mean[3] = {0, 0, 0};
        double far[3] = {1e6, 0, 0};
        dz_cma_solution solutions[8];
        for (size_t i = 0; i < 8; i++) {
            solutions[i] = (dz_cma_solution){.x = mean, .loss = (double)i};
        }
        solutions[0] = (dz_cma_solution){.x = far, .loss = -1, .injected = marked == 1};
        dz_cma *cma = dz_cma_create(3, 8, mean, 0.1, false);
        assert_non_null(cma);
        dz_cma_update(cma, solutions);
        double moved = dz_cma_mean(cma)[0];
        assert_true(moved > 0.01 && moved < 0.1 * (sqrt(3) + 6.0 / 5));
        assert_true(dz_cma_sigma(cma) < 0.1 * exp(1) + 1e-12);
        dz_cma_destroy(cma);
    }
}

/* Whatever the distribution is, each side of the mean's level keeps its probability (Hamano et al.,
 * 2022, equation 7). */
static void the_margin_keeps_every_side_open(void **state)
{
    (void)state;
    static const double edges[] = {0, 0.1, 0.35, 0.4, 0.8, 1};
    const double alpha = 0.02;
    for (uint64_t seed = 0; seed < 500; seed++) {
        dozan_rng rng = dozan_rng_stream(seed, "test.margin", 0);
        double mean = dozan_rng_uniform(&rng);
        double sigma = pow(10, -6 * dozan_rng_uniform(&rng));
        dz_cma *cma = dz_cma_create(1, 4, &mean, sigma, false);
        assert_non_null(cma);
        dz_cma_keep_margin(cma, 0, edges, 5, alpha);
        double at = dz_cma_mean(cma)[0];
        double deviation = dz_cma_deviation(cma, 0);
        size_t level = 0;
        while (level < 4 && at > edges[level + 1]) {
            level++;
        }
        double below = level > 0 ? dz_gauss_cdf((edges[level] - at) / deviation) : 0;
        double above = level < 4 ? dz_gauss_cdf((at - edges[level + 1]) / deviation) : 0;
        double least = level == 0 || level == 4 ? alpha : alpha / 2;
        assert_true(level == 0 || below > least * (1 - 1e-6));
        assert_true(level == 4 || above > least * (1 - 1e-6));
        dz_cma_destroy(cma);
    }
}

/* The probabilities stay a distribution with a margin, and the best category comes to lead. */
static void categories_find_the_best_and_keep_the_others(void **state)
{
    (void)state;
    enum { AXES = 3, POPULATION = 10 };
    static const size_t sizes[AXES] = {2, 5, 1000};
    dz_categories *categories = dz_categories_create(sizes, AXES);
    assert_non_null(categories);
    dozan_rng rng = dozan_rng_stream(1, "test.categories", 0);
    for (int generation = 0; generation < 300; generation++) {
        uint32_t chosen[POPULATION][AXES];
        uint32_t sorted[POPULATION][AXES];
        dz_cma_solution solutions[POPULATION];
        double losses[POPULATION];
        double weights[POPULATION];
        double room[POPULATION];
        size_t filled = 0;
        for (size_t i = 0; i < POPULATION; i++) {
            for (size_t a = 0; a < AXES; a++) {
                chosen[i][a] = dz_categories_draw(categories, a, dozan_rng_uniform(&rng));
            }
            losses[i] = (chosen[i][0] != 1) + 2 * fabs((double)chosen[i][1] - 3);
        }
        for (int loss = 0; loss < 20; loss++) {
            for (size_t i = 0; i < POPULATION; i++) {
                if (fabs(losses[i] - (double)loss) < 0.5) {
                    memcpy(sorted[filled], chosen[i], sizeof(chosen[i]));
                    solutions[filled++] = (dz_cma_solution){.loss = (double)loss};
                }
            }
        }
        assert_int_equal(filled, POPULATION);
        dz_cma_weigh(solutions, POPULATION, room, weights);
        dz_categories_update(categories, &sorted[0][0], weights, POPULATION);
        for (size_t a = 0; a < AXES; a++) {
            double sum = 0;
            for (size_t k = 0; k < sizes[a]; k++) {
                double p = dz_categories_probabilities(categories, a)[k];
                assert_true(p > 0.5 * (1 - pow(0.73, 1.0 / AXES)) / (double)sizes[a]);
                sum += p;
            }
            assert_true(fabs(sum - 1) < 1e-9);
        }
    }
    assert_true(dz_categories_probabilities(categories, 0)[1] > 0.8);
    assert_true(dz_categories_probabilities(categories, 1)[3] > 0.7);
    dz_categories_destroy(categories);
}

static void a_category_is_drawn_by_its_probability(void **state)
{
    (void)state;
    static const size_t size = 4;
    dz_categories *categories = dz_categories_create(&size, 1);
    assert_non_null(categories);
    for (uint32_t k = 0; k < 4; k++) {
        assert_int_equal(dz_categories_draw(categories, 0, 0.25 * k + 0.001), k);
        assert_int_equal(dz_categories_draw(categories, 0, 0.25 * k + 0.249), k);
    }
    assert_int_equal(dz_categories_draw(categories, 0, nextafter(1, 0)), 3);
    dz_categories_destroy(categories);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convergence_is_the_published_one),
        cmocka_unit_test(the_diagonal_form_is_linear_on_separable_functions),
        cmocka_unit_test(a_rotated_problem_is_as_hard),
        cmocka_unit_test(an_update_turns_with_its_axes),
        cmocka_unit_test(a_monotone_map_changes_nothing),
        cmocka_unit_test(equal_losses_pull_nowhere),
        cmocka_unit_test(a_foreign_solution_has_a_bounded_pull),
        cmocka_unit_test(the_margin_keeps_every_side_open),
        cmocka_unit_test(categories_find_the_best_and_keep_the_others),
        cmocka_unit_test(a_category_is_drawn_by_its_probability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
