#include "axes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_edges(const dozan_dimension *dimension);
static void fill_edges(const dozan_space *space, size_t d, uint64_t levels, double *edges);

bool dz_axes_init(dz_axes *axes, const dozan_space *space)
{
    size_t dims = dozan_space_dimensions(space);
    size_t edge_count = 0;
    for (size_t d = 0; d < dims; d++) {
        const dozan_dimension *dimension = dozan_space_dimension(space, d);
        edge_count += has_edges(dimension) ? (size_t)dimension->levels + 1 : 0;
    }
    *axes = (dz_axes){.count = dims,
                      .axes = calloc(dims + 1, sizeof(*axes->axes)),
                      .edges = calloc(edge_count + 1, sizeof(*axes->edges))};
    if (axes->axes == NULL || axes->edges == NULL) {
        dz_axes_fini(axes);
        return false;
    }
    double *edges = axes->edges;
    for (size_t d = 0; d < dims; d++) {
        const dozan_dimension *dimension = dozan_space_dimension(space, d);
        dz_parzen_axis *axis = &axes->axes[d];
        axis->ordered = dimension->ordered;
        axis->optional = dimension->parent != SIZE_MAX;
        if (has_edges(dimension)) {
            axis->levels = (size_t)dimension->levels;
            axis->edges = edges;
            fill_edges(space, d, dimension->levels, edges);
            edges += dimension->levels + 1;
        } else if (!dimension->ordered) {
            axis->levels = (size_t)dimension->levels;
        }
    }
    return true;
}

void dz_axes_fini(dz_axes *axes)
{
    free(axes->axes);
    free(axes->edges);
    *axes = (dz_axes){0};
}

void dz_axes_mask(const dozan_space *space, const double *unit, double *point)
{
    size_t dims = dozan_space_dimensions(space);
    memcpy(point, unit, dims * sizeof(*point));
    for (size_t d = 0; d < dims && dozan_space_is_conditional(space); d++) {
        if (!dozan_space_active(space, unit, d)) {
            point[d] = (double)NAN;
        }
    }
}

static bool has_edges(const dozan_dimension *dimension)
{
    return dimension->ordered && dimension->levels > 0 && dimension->levels <= DZ_AXES_MAX_LEVELS;
}

/* A level's coordinate is the middle of its cell, and the cells follow on one another from 0 to 1.
 */
static void fill_edges(const dozan_space *space, size_t d, uint64_t levels, double *edges)
{
    edges[0] = 0;
    for (uint64_t level = 0; level < levels; level++) {
        double middle = dozan_space_level_coordinate(space, d, level);
        double upper = 2 * middle - edges[level];
        edges[level + 1] = upper > middle ? upper : middle;
    }
    edges[levels] = 1;
}
