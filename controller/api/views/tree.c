#include "api/views/tree.h"

#include <stdlib.h>

typedef struct growth {
    dz_grove *grove;
    dz_tree *tree;
    size_t capacity;
    size_t *rows; /* [count], of the bootstrap sample; a node owns a range */
    size_t *dims; /* [dims], shuffled at each node */
    size_t tried; /* dimensions looked at in a node */
    bool failed;
} growth;

typedef struct split {
    size_t dim;
    uint32_t cut;
    double gain; /* of the squared error; 0 = none */
} split;

static int32_t grow_node(growth *grow, size_t begin, size_t end, size_t depth);
static int32_t add_node(growth *grow, double value);
static split best_split(growth *grow, size_t begin, size_t end, double sum);
static void try_dimension(const growth *grow, size_t begin, size_t end, size_t dim, double sum,
                          split *best);
static size_t divide(growth *grow, size_t begin, size_t end, const split *by);

dozan_status dz_tree_grow(dz_grove *grove, dz_tree *tree, dozan_error *err)
{
    growth grow = {.grove = grove, .tree = tree, .tried = (5 * grove->dims + 5) / 6};
    *tree = (dz_tree){0};
    grow.rows = calloc(grove->count, sizeof *grow.rows);
    grow.dims = calloc(grove->dims, sizeof *grow.dims);
    grow.failed = grow.rows == NULL || grow.dims == NULL;
    for (size_t i = 0; i < grove->count && !grow.failed; i++)
        grow.rows[i] = (size_t)dozan_rng_below(&grove->rng, grove->count);
    for (size_t d = 0; d < grove->dims && !grow.failed; d++)
        grow.dims[d] = d;
    if (!grow.failed)
        (void)grow_node(&grow, 0, grove->count, 0);
    free(grow.rows);
    free(grow.dims);
    if (!grow.failed)
        return DOZAN_OK;
    free(tree->nodes);
    *tree = (dz_tree){0};
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

typedef struct walk {
    const dz_model *model;
    const dz_tree *tree;
    uint32_t *low, *high;
    dz_box_visit *visit;
    void *user;
} walk;

/* No deeper than DZ_TREE_DEPTH. NOLINTNEXTLINE(misc-no-recursion) */
static void visit_leaves(const walk *at, int32_t index, double volume)
{
    const dz_node *node = &at->tree->nodes[index];
    if (node->left < 0) {
        dz_box box = {.low = at->low, .high = at->high, .volume = volume, .value = node->value};
        at->visit(at->user, &box);
        return;
    }
    const double *edges = at->model->axes[node->dim].edges;
    uint32_t low = at->low[node->dim], high = at->high[node->dim], cut = node->cut + 1;
    double whole = edges[high] - edges[low];
    at->high[node->dim] = cut;
    visit_leaves(at, node->left, volume * (edges[cut] - edges[low]) / whole);
    at->high[node->dim] = high;
    at->low[node->dim] = cut;
    visit_leaves(at, node->right, volume * (edges[high] - edges[cut]) / whole);
    at->low[node->dim] = low;
}

void dz_tree_leaves(const dz_model *model, const dz_tree *tree, uint32_t *room, dz_box_visit *visit,
                    void *user)
{
    walk at = {.model = model,
               .tree = tree,
               .low = room,
               .high = room + model->dims,
               .visit = visit,
               .user = user};
    for (size_t d = 0; d < model->dims; d++) {
        at.low[d] = 0;
        at.high[d] = (uint32_t)model->axes[d].bins;
    }
    visit_leaves(&at, 0, 1);
}

/* ---- helpers */

/* No deeper than DZ_TREE_DEPTH. NOLINTNEXTLINE(misc-no-recursion) */
static int32_t grow_node(growth *grow, size_t begin, size_t end, size_t depth)
{
    double sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += grow->grove->losses[grow->rows[i]];
    int32_t index = add_node(grow, sum / (double)(end - begin));
    if (index < 0 || depth == DZ_TREE_DEPTH || end - begin < (size_t)2 * DZ_TREE_LEAF)
        return index;
    split best = best_split(grow, begin, end, sum);
    if (!(best.gain > 0))
        return index;
    size_t middle = divide(grow, begin, end, &best);
    int32_t left = grow_node(grow, begin, middle, depth + 1);
    int32_t right = grow_node(grow, middle, end, depth + 1);
    if (left < 0 || right < 0)
        return -1;
    dz_node *node = &grow->tree->nodes[index]; /* taken now: growing moves them */
    node->dim = (uint32_t)best.dim;
    node->cut = best.cut;
    node->left = left;
    node->right = right;
    return index;
}

static int32_t add_node(growth *grow, double value)
{
    dz_tree *tree = grow->tree;
    if (tree->count == grow->capacity) {
        size_t capacity = grow->capacity > 0 ? grow->capacity * 2 : 64;
        dz_node *grown = realloc(tree->nodes, capacity * sizeof *grown);
        if (grown == NULL) {
            grow->failed = true;
            return -1;
        }
        tree->nodes = grown;
        grow->capacity = capacity;
    }
    tree->nodes[tree->count] = (dz_node){.left = -1, .right = -1, .value = value};
    return (int32_t)tree->count++;
}

/* The best among `tried` dimensions, drawn anew by the first steps of a shuffle. */
static split best_split(growth *grow, size_t begin, size_t end, double sum)
{
    split best = {0};
    size_t dims = grow->grove->dims;
    for (size_t i = 0; i < grow->tried; i++) {
        size_t other = i + (size_t)dozan_rng_below(&grow->grove->rng, dims - i);
        size_t dim = grow->dims[other];
        grow->dims[other] = grow->dims[i];
        grow->dims[i] = dim;
        try_dimension(grow, begin, end, dim, sum, &best);
    }
    return best;
}

static void try_dimension(const growth *grow, size_t begin, size_t end, size_t dim, double sum,
                          split *best)
{
    const dz_grove *grove = grow->grove;
    size_t bins = grove->axes[dim].bins, count = end - begin, left = 0, last = 0;
    double sums[DZ_MODEL_BINS] = {0}, left_sum = 0;
    uint32_t counts[DZ_MODEL_BINS] = {0};
    for (size_t i = begin; i < end; i++) {
        size_t row = grow->rows[i], bin = grove->ranks[row * grove->dims + dim];
        sums[bin] += grove->losses[row];
        counts[bin]++;
    }
    for (size_t bin = 0; bin < bins; bin++) {
        if (counts[bin] == 0)
            continue;
        size_t right = count - left;
        if (left >= DZ_TREE_LEAF && right >= DZ_TREE_LEAF) {
            double rest = sum - left_sum;
            double gain = left_sum * left_sum / (double)left + rest * rest / (double)right -
                          sum * sum / (double)count;
            /* Beyond the rounding of sums that are equal. */
            if (gain > best->gain && gain > 1e-12 * (sum * sum / (double)count))
                *best = (split){.dim = dim, .cut = (uint32_t)((last + bin - 1) / 2), .gain = gain};
        }
        left += counts[bin];
        left_sum += sums[bin];
        last = bin;
    }
}

static size_t divide(growth *grow, size_t begin, size_t end, const split *by)
{
    const dz_grove *grove = grow->grove;
    size_t middle = begin;
    for (size_t i = begin; i < end; i++) {
        size_t row = grow->rows[i];
        if (grove->ranks[row * grove->dims + by->dim] > by->cut)
            continue;
        grow->rows[i] = grow->rows[middle];
        grow->rows[middle++] = row;
    }
    return middle;
}
