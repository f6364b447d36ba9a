#include "cmaes_axes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_numeric(const dozan_dimension *dimension);
static bool has_edges(const dozan_dimension *dimension);
static void fill_edges(const dozan_space *space, size_t d, size_t levels, double *edges);
static void add_dimension(dz_cmaes_axes *axes, const dozan_space *space, size_t d, double **room);
static double reflect(double x);

bool dz_cmaes_axes_init(dz_cmaes_axes *axes, const dozan_space *space)
{
    size_t dims = dozan_space_dimensions(space);
    size_t doubles = dims + 1;
    for (size_t d = 0; d < dims; d++) {
        const dozan_dimension *dimension = dozan_space_dimension(space, d);
        doubles += has_edges(dimension) ? (size_t)dimension->levels + 1 : 0;
    }
    *axes = (dz_cmaes_axes){.dims = dims,
                            .at = calloc(4 * dims + 1, sizeof(*axes->at)),
                            .edges = calloc(dims + 1, sizeof(*axes->edges)),
                            .memory = calloc(doubles, sizeof(*axes->memory))};
    if (axes->at == NULL || axes->edges == NULL || axes->memory == NULL) {
        dz_cmaes_axes_fini(axes);
        return false;
    }
    axes->levels = axes->at + dims;
    axes->category_at = axes->levels + dims;
    axes->sizes = axes->category_at + dims;
    axes->fixed = axes->memory;
    double *room = axes->memory + dims;
    for (size_t d = 0; d < dims; d++) {
        add_dimension(axes, space, d, &room);
    }
    dozan_space_snap(space, axes->fixed);
    return true;
}

void dz_cmaes_axes_fini(dz_cmaes_axes *axes)
{
    free(axes->at);
    free(axes->edges);
    free(axes->memory);
    *axes = (dz_cmaes_axes){0};
}

void dz_cmaes_axes_point(const dz_cmaes_axes *axes, const dozan_space *space, const double *x,
                         const uint32_t *chosen, double *unit)
{
    memcpy(unit, axes->fixed, axes->dims * sizeof(*unit));
    for (size_t i = 0; i < axes->numeric; i++) {
        unit[axes->at[i]] = axes->levels[i] > 0 ? fmin(fmax(x[i], 0), 1) : reflect(x[i]);
    }
    for (size_t i = 0; i < axes->categorical; i++) {
        unit[axes->category_at[i]] =
            dozan_space_level_coordinate(space, axes->category_at[i], chosen[i]);
    }
    dozan_space_snap(space, unit);
}

void dz_cmaes_axes_read(const dz_cmaes_axes *axes, const dozan_space *space, const double *unit,
                        double *x, uint32_t *chosen)
{
    for (size_t i = 0; i < axes->numeric; i++) {
        x[i] = unit[axes->at[i]];
    }
    for (size_t i = 0; i < axes->categorical; i++) {
        size_t d = axes->category_at[i];
        chosen[i] = (uint32_t)dozan_space_level(space, d, unit[d]);
    }
}

bool dz_cmaes_axes_inside(const dz_cmaes_axes *axes, const double *x)
{
    for (size_t i = 0; i < axes->numeric; i++) {
        if (axes->levels[i] == 0 && !(x[i] >= 0 && x[i] <= 1)) {
            return false;
        }
    }
    return true;
}

static bool is_numeric(const dozan_dimension *dimension)
{
    return dimension->ordered && dimension->levels != 1;
}

static bool has_edges(const dozan_dimension *dimension)
{
    return is_numeric(dimension) && dimension->levels > 0 &&
           dimension->levels <= DZ_CMAES_MAX_LEVELS;
}

static void add_dimension(dz_cmaes_axes *axes, const dozan_space *space, size_t d, double **room)
{
    const dozan_dimension *dimension = dozan_space_dimension(space, d);
    axes->fixed[d] = 0.5;
    if (!dimension->ordered && dimension->levels > 1) {
        axes->category_at[axes->categorical] = d;
        axes->sizes[axes->categorical++] = (size_t)dimension->levels;
    } else if (is_numeric(dimension)) {
        axes->at[axes->numeric] = d;
        if (has_edges(dimension)) {
            size_t levels = (size_t)dimension->levels;
            fill_edges(space, d, levels, *room);
            axes->levels[axes->numeric] = levels;
            axes->edges[axes->numeric] = *room;
            axes->quantised = true;
            *room += levels + 1;
        }
        axes->numeric++;
    }
}

/* A level's coordinate is the middle of its part of [0, 1], and the parts follow on one another. */
static void fill_edges(const dozan_space *space, size_t d, size_t levels, double *edges)
{
    edges[0] = 0;
    for (size_t level = 0; level < levels; level++) {
        double middle = dozan_space_level_coordinate(space, d, level);
        edges[level + 1] = fmax(2 * middle - edges[level], middle);
    }
    edges[levels] = 1;
}

/* Mirrors at 0 and 1, as often as it takes. */
static double reflect(double x)
{
    double folded = fabs(fmod(x, 2));
    return folded > 1 ? 2 - folded : folded;
}
