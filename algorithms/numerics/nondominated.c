#include "nondominated.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A point in the order of sorting: no point can dominate one that comes before it. */
typedef struct row {
    const double *losses;
    double violation;
    size_t objectives;
    size_t index;
} row;

typedef struct along {
    double loss;
    size_t place; /* in members */
} along;

static bool row_dominates(const row *a, const row *b);
static bool is_dominated(const row *rows, size_t at, const size_t *before, size_t last);
static int compare_rows(const void *a, const void *b);
static int compare_along(const void *a, const void *b);

bool dz_dominates(const double *a, const double *b, size_t objectives)
{
    bool better = false;
    for (size_t j = 0; j < objectives; j++) {
        if (a[j] > b[j]) {
            return false;
        }
        better |= a[j] < b[j];
    }
    return better;
}

bool dz_nondominated_fronts(const double *losses, const double *violations, size_t count,
                            size_t objectives, size_t *fronts)
{
    row *rows = malloc((count + 1) * sizeof(*rows));
    size_t *last = malloc((count + 1) * sizeof(*last));     /* of each front, its last row */
    size_t *before = malloc((count + 1) * sizeof(*before)); /* the row before in the same front */
    bool done = rows != NULL && last != NULL && before != NULL;
    for (size_t i = 0; i < count && done; i++) {
        double violation = violations != NULL ? violations[i] : 0;
        rows[i] = (row){losses + i * objectives, violation, objectives, i};
    }
    if (done) {
        qsort(rows, count, sizeof(*rows), compare_rows);
    }
    size_t made = 0;
    for (size_t i = 0; i < count && done; i++) {
        size_t front = 0;
        while (front < made && is_dominated(rows, i, before, last[front])) {
            front++;
        }
        before[i] = front < made ? last[front] : SIZE_MAX;
        made += front == made ? 1 : 0;
        last[front] = i;
        fronts[rows[i].index] = front;
    }
    free(rows);
    free(last);
    free(before);
    return done;
}

bool dz_crowding_distances(const double *losses, size_t objectives, const size_t *members,
                           size_t count, double *distances)
{
    along *order = malloc((count + 1) * sizeof(*order));
    if (order == NULL) {
        return false;
    }
    memset(distances, 0, count * sizeof(*distances));
    for (size_t j = 0; j < objectives && count > 0; j++) {
        for (size_t i = 0; i < count; i++) {
            order[i] = (along){losses[members[i] * objectives + j], i};
        }
        qsort(order, count, sizeof(*order), compare_along);
        double range = order[count - 1].loss - order[0].loss;
        distances[order[0].place] = INFINITY;
        distances[order[count - 1].place] = INFINITY;
        for (size_t i = 1; i + 1 < count && range > 0; i++) {
            distances[order[i].place] += (order[i + 1].loss - order[i - 1].loss) / range;
        }
    }
    free(order);
    return true;
}

static bool row_dominates(const row *a, const row *b)
{
    if (a->violation < b->violation) {
        return true;
    }
    bool holds = !(b->violation > 0) && !(a->violation > 0);
    return holds && dz_dominates(a->losses, b->losses, a->objectives);
}

/* Whether one of a front's rows dominates rows[at]. The last ones are the nearest, and looked at
 * first. */
static bool is_dominated(const row *rows, size_t at, const size_t *before, size_t last)
{
    for (size_t i = last; i != SIZE_MAX; i = before[i]) {
        if (row_dominates(&rows[i], &rows[at])) {
            return true;
        }
    }
    return false;
}

static int compare_rows(const void *a, const void *b)
{
    const row *x = a;
    const row *y = b;
    if (x->violation < y->violation || x->violation > y->violation) {
        return x->violation < y->violation ? -1 : 1;
    }
    for (size_t j = 0; j < x->objectives; j++) {
        if (x->losses[j] < y->losses[j] || x->losses[j] > y->losses[j]) {
            return x->losses[j] < y->losses[j] ? -1 : 1;
        }
    }
    return x->index < y->index ? -1 : 1;
}

static int compare_along(const void *a, const void *b)
{
    const along *x = a;
    const along *y = b;
    if (x->loss < y->loss || x->loss > y->loss) {
        return x->loss < y->loss ? -1 : 1;
    }
    return x->place < y->place ? -1 : 1;
}
