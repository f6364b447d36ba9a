/*
 * The forest behind the importance of parameters: its sums over leaves against sums over every cell
 * of the cube, and what it finds in functions whose variance is known.
 */
#include "api/views/tree.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DIMS = 3, COUNT = 400 };

typedef double target(const double *u);

static dozan_space *make_space(void)
{
    static const char *const colours[] = {"red", "green", "blue", "black", "white"};
    const dozan_parameter parameters[DIMS] = {
        {.name = "x", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
        {.name = "n", .type = DOZAN_INT, .distribution = DOZAN_NORMAL, .min = "1", .max = "7"},
        {.name = "c",
         .type = DOZAN_CATEGORICAL,
         .distribution = DOZAN_UNIFORM,
         .list = colours,
         .list_count = 5}};
    dozan_space *space = NULL;
    assert_int_equal(dozan_space_create(parameters, DIMS, &space, NULL), DOZAN_OK);
    return space;
}

static dz_model *fit(const dozan_space *space, target *of, double nan_share)
{
    double units[COUNT * DIMS], losses[COUNT];
    dozan_rng rng = dozan_rng_stream(3, "test.forest", 0);
    dz_model *model = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t d = 0; d < DIMS; d++)
            units[i * DIMS + d] = dozan_rng_uniform(&rng);
        dozan_space_snap(space, &units[i * DIMS]);
        losses[i] = of(&units[i * DIMS]);
        if (dozan_rng_uniform(&rng) < nan_share)
            units[i * DIMS + 1] = (double)NAN; /* inactive */
    }
    dz_model_data data = {
        .space = space, .units = units, .losses = losses, .count = COUNT, .seed = 5, .rows = COUNT};
    assert_int_equal(dz_model_fit(&data, &model, NULL), DOZAN_OK);
    return model;
}

static double mixed(const double *u)
{
    return sin(6 * u[0]) + u[1] * u[0] + (u[2] > 0.3 && u[2] < 0.5 ? 1 : 0);
}

/* A tree's value in a cell, by the way from the root. */
static double tree_value(const dz_tree *tree, const size_t *rank)
{
    const dz_node *node = tree->nodes;
    while (node->left >= 0)
        node = &tree->nodes[rank[node->dim] <= node->cut ? node->left : node->right];
    return node->value;
}

static double weight(const dz_model *model, size_t dim, size_t rank)
{
    return model->axes[dim].edges[rank + 1] - model->axes[dim].edges[rank];
}

/* By brute force over all cells: the share of each dimension in one tree's variance. */
static bool shares_of_tree(const dz_model *model, const dz_tree *tree, double *shares)
{
    double margins[DIMS][DZ_MODEL_BINS] = {{0}}, mean = 0, square = 0;
    size_t rank[DIMS];
    for (rank[0] = 0; rank[0] < model->axes[0].bins; rank[0]++)
        for (rank[1] = 0; rank[1] < model->axes[1].bins; rank[1]++)
            for (rank[2] = 0; rank[2] < model->axes[2].bins; rank[2]++) {
                double value = tree_value(tree, rank), volume = 1;
                for (size_t d = 0; d < DIMS; d++)
                    volume *= weight(model, d, rank[d]);
                mean += volume * value;
                square += volume * value * value;
                for (size_t d = 0; d < DIMS; d++)
                    margins[d][rank[d]] += volume / weight(model, d, rank[d]) * value;
            }
    double variance = square - mean * mean;
    for (size_t d = 0; d < DIMS; d++) {
        shares[d] = 0;
        for (size_t b = 0; b < model->axes[d].bins; b++)
            shares[d] += weight(model, d, b) * (margins[d][b] - mean) * (margins[d][b] - mean);
        shares[d] /= variance;
    }
    return variance > 1e-12;
}

static void test_shares_are_those_of_all_cells(void **state)
{
    (void)state;
    dozan_space *space = make_space();
    dz_model *model = fit(space, mixed, 0.2);
    double expected[DIMS] = {0}, shares[DIMS], rest = 0;
    for (size_t t = 0; t < model->tree_count; t++) {
        double one[DIMS];
        assert_true(shares_of_tree(model, &model->trees[t], one));
        for (size_t d = 0; d < DIMS; d++)
            expected[d] += one[d] / (double)model->tree_count;
    }
    assert_int_equal(dz_model_shares(model, shares, &rest, NULL), DOZAN_OK);
    for (size_t d = 0; d < DIMS; d++)
        assert_true(fabs(shares[d] - expected[d]) < 1e-9);
    assert_true(fabs(shares[0] + shares[1] + shares[2] + rest - 1) < 1e-9 && rest > 0);
    dz_model_destroy(model);
    dozan_space_destroy(space);
}

static void test_marginals_are_means_of_all_cells(void **state)
{
    (void)state;
    dozan_space *space = make_space();
    dz_model *model = fit(space, mixed, 0);
    static double surface[DZ_MODEL_BINS * DZ_MODEL_BINS], line[DZ_MODEL_BINS];
    double edges[3][DZ_MODEL_BINS + 1];
    size_t bins[DIMS];
    for (size_t d = 0; d < DIMS; d++)
        dz_model_edges(model, d, edges[d]);
    assert_int_equal(dz_model_surface(model, 0, 2, surface, NULL), DOZAN_OK);
    assert_int_equal(dz_model_marginal(model, 2, line, NULL), DOZAN_OK);
    size_t down = dz_model_bins(model, 2);
    assert_true(dz_model_bins(model, 0) == DZ_MODEL_BINS && dz_model_bins(model, 1) == 7 &&
                down == 5);
    for (bins[2] = 0; bins[2] < down; bins[2]++) {
        double over_all = 0;
        for (bins[0] = 0; bins[0] < DZ_MODEL_BINS; bins[0]++) {
            double mean = 0;
            for (bins[1] = 0; bins[1] < 7; bins[1]++)
                mean += (edges[1][bins[1] + 1] - edges[1][bins[1]]) * dz_model_value(model, bins);
            assert_true(fabs(surface[bins[0] * down + bins[2]] - mean) < 1e-9);
            over_all += mean / DZ_MODEL_BINS;
        }
        assert_true(fabs(line[bins[2]] - over_all) < 1e-9);
    }
    dz_model_destroy(model);
    dozan_space_destroy(space);
}

static double only_x(const double *u)
{
    return (u[0] - 0.3) * (u[0] - 0.3);
}

static double two_colours(const double *u)
{
    return (u[2] > 0.2 && u[2] < 0.4) || u[2] > 0.8 ? 1 : 0; /* green, white: no neighbours */
}

static double both(const double *u)
{
    return (u[0] - 0.5) * (u[1] - 0.5); /* no effect of either alone */
}

static double flat(const double *u)
{
    (void)u;
    return 3;
}

static double diverging(const double *u)
{
    if (u[1] > 0.97)
        return u[0] > 0.5 ? (double)INFINITY : 1e300;
    return u[0];
}

static void test_finds_what_matters(void **state)
{
    (void)state;
    static const struct {
        target *of;
        double least[DIMS + 1]; /* of x, n, c and the interactions; negative = at most */
    } cases[] = {{only_x, {0.9, -0.05, -0.05, -0.1}},
                 {two_colours, {-0.02, -0.02, 0.97, -0.02}},
                 {both, {-0.35, -0.35, -0.05, 0.4}},
                 {diverging, {0.8, -0.2, -0.05, -0.1}},
                 {flat, {-0.0001, -0.0001, -0.0001, -0.0001}}};
    dozan_space *space = make_space();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double shares[DIMS + 1];
        dz_model *model = fit(space, cases[i].of, 0);
        assert_int_equal(dz_model_shares(model, shares, &shares[DIMS], NULL), DOZAN_OK);
        for (size_t d = 0; d <= DIMS; d++) {
            double bound = cases[i].least[d];
            bool holds = bound > 0 ? shares[d] >= bound : shares[d] <= -bound;
            if (!holds)
                print_message("case %zu: share %zu is %g\n", i, d, shares[d]);
            assert_true(holds);
        }
        dz_model_destroy(model);
    }
    dozan_space_destroy(space);
}

static void test_same_data_give_the_same_model(void **state)
{
    (void)state;
    dozan_space *space = make_space();
    dz_model *first = fit(space, mixed, 0.1), *second = fit(space, mixed, 0.1);
    double a[DIMS], b[DIMS], rest = 0;
    assert_int_equal(dz_model_shares(first, a, &rest, NULL), DOZAN_OK);
    assert_int_equal(dz_model_shares(second, b, &rest, NULL), DOZAN_OK);
    assert_memory_equal(a, b, sizeof a);
    dz_model_destroy(first);
    dz_model_destroy(second);
    dozan_space_destroy(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares_are_those_of_all_cells),
        cmocka_unit_test(test_marginals_are_means_of_all_cells),
        cmocka_unit_test(test_finds_what_matters),
        cmocka_unit_test(test_same_data_give_the_same_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
