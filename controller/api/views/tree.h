/*
 * The inside of a dz_model: its bins and trees. Bins are numbered by rank here: in the order of
 * values, but for a categorical parameter, whose categories stand in the order of their means.
 */
#ifndef DZ_VIEWS_TREE_H
#define DZ_VIEWS_TREE_H

#include "api/views/forest.h"

#include <dozan/rng.h>

enum { DZ_MODEL_TREES = 32, DZ_TREE_DEPTH = 32, DZ_TREE_LEAF = 3 };

typedef struct dz_node {
    uint32_t dim;
    uint32_t cut;        /* ranks up to it go to the left */
    int32_t left, right; /* -1 = a leaf */
    double value;
} dz_node;

typedef struct dz_tree {
    dz_node *nodes; /* [count]; the root is the first */
    size_t count;
} dz_tree;

typedef struct dz_axis {
    size_t bins;
    double edges[DZ_MODEL_BINS + 1];
    uint8_t ranks[DZ_MODEL_BINS]; /* of a bin in the order of values */
} dz_axis;

struct dz_model {
    size_t dims, tree_count, metric, rows, sample;
    dz_axis *axes; /* [dims] */
    dz_tree trees[DZ_MODEL_TREES];
};

/* What trees are grown on. */
typedef struct dz_grove {
    const dz_axis *axes;
    const uint8_t *ranks; /* [count * dims] */
    const double *losses; /* [count] */
    size_t dims, count;
    dozan_rng rng;
} dz_grove;

/* Grows one tree on a bootstrap sample of the grove. RESOURCE_EXHAUSTED. */
DOZAN_MUST_USE dozan_status dz_tree_grow(dz_grove *grove, dz_tree *tree, dozan_error *err);

/* A leaf's box, in ranks, low included, high not. */
typedef struct dz_box {
    const uint32_t *low, *high; /* [dims] */
    double volume;
    double value;
} dz_box;

typedef void dz_box_visit(void *user, const dz_box *box);

/* All leaves of a tree. `room` is [2 * dims], for the boxes. */
void dz_tree_leaves(const dz_model *model, const dz_tree *tree, uint32_t *room, dz_box_visit *visit,
                    void *user);

#endif
