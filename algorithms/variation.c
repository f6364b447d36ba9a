#include "variation.h"

#include <math.h>

static double inherit(const dozan_space *space, const dz_variation *how, size_t d, double own,
                      double other, dozan_rng *rng);
static double simulated_binary(double near, double far, double index, dozan_rng *rng);
static double mutate(const dozan_space *space, const dz_variation *how, size_t d, double u,
                     dozan_rng *rng);
static double polynomial(double u, double index, dozan_rng *rng);

void dz_vary(const dozan_space *space, const dz_variation *how, const double *first,
             const double *second, dozan_rng *rng, double *child)
{
    bool crossed = dozan_rng_uniform(rng) < how->crossover_prob;
    for (size_t d = 0; d < dozan_space_dimensions(space); d++) {
        child[d] = first[d];
        if (!dozan_space_active(space, child, d)) {
            continue;
        }
        bool of_first = dozan_space_active(space, first, d);
        bool of_second = dozan_space_active(space, second, d);
        if (of_first && of_second && crossed) {
            child[d] = inherit(space, how, d, first[d], second[d], rng);
        } else if (!of_first) {
            child[d] = of_second ? second[d] : dozan_rng_uniform(rng);
        }
        if (dozan_rng_uniform(rng) < how->mutation_prob) {
            child[d] = mutate(space, how, d, child[d], rng);
        }
    }
    dozan_space_snap(space, child);
}

/* A coordinate from one of two parents, and half of the time one around it. */
static double inherit(const dozan_space *space, const dz_variation *how, size_t d, double own,
                      double other, dozan_rng *rng)
{
    bool swapped = dozan_rng_uniform(rng) < how->swapping_prob;
    bool blended = dozan_rng_uniform(rng) < 0.5;
    double near = swapped ? other : own;
    if (!dozan_space_dimension(space, d)->ordered || !blended) {
        return near;
    }
    return simulated_binary(near, swapped ? own : other, how->crossover_index, rng);
}

/* The child of simulated binary crossover that lies on the side of `near`. */
static double simulated_binary(double near, double far, double index, dozan_rng *rng)
{
    double distance = fabs(far - near);
    if (distance < 1e-12) {
        return near;
    }
    double room = near < far ? near : 1 - near; /* to the range's end behind `near` */
    double alpha = 2 - pow(1 + 2 * room / distance, -(index + 1));
    double draw = dozan_rng_uniform(rng) * alpha;
    double spread = draw <= 1 ? pow(draw, 1 / (index + 1)) : pow(1 / (2 - draw), 1 / (index + 1));
    double middle = (near + far) / 2;
    double child = near < far ? middle - spread * distance / 2 : middle + spread * distance / 2;
    return fmin(1, fmax(0, child));
}

static double mutate(const dozan_space *space, const dz_variation *how, size_t d, double u,
                     dozan_rng *rng)
{
    const dozan_dimension *dimension = dozan_space_dimension(space, d);
    if (dimension->levels == 1) {
        return u;
    }
    if (!dimension->ordered) {
        uint64_t level = dozan_space_level(space, d, u);
        uint64_t other = dozan_rng_below(rng, dimension->levels - 1);
        return dozan_space_level_coordinate(space, d, other < level ? other : other + 1);
    }
    double moved = polynomial(u, how->mutation_index, rng);
    if (dimension->levels == 0) {
        return moved;
    }
    uint64_t from = dozan_space_level(space, d, u);
    uint64_t to = dozan_space_level(space, d, moved);
    if (to == from) {
        bool up = from == 0 || (moved > u && from + 1 < dimension->levels);
        to = up ? from + 1 : from - 1;
    }
    return dozan_space_level_coordinate(space, d, to);
}

static double polynomial(double u, double index, dozan_rng *rng)
{
    double draw = dozan_rng_uniform(rng);
    double power = 1 / (index + 1);
    if (draw < 0.5) {
        return u + pow(2 * draw + (1 - 2 * draw) * pow(1 - u, index + 1), power) - 1;
    }
    return u + 1 - pow(2 * (1 - draw) + (2 * draw - 1) * pow(u, index + 1), power);
}
