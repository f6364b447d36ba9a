#include "hypervolume.h"

#include <dozan/rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = DZ_HYPERVOLUME_DRAWS / 64 };

/* The measure of sets of points: exact volumes, or which draws each point dominates. */
typedef struct measure {
    const dz_front *front;
    size_t *rows;        /* [count]: sorted for a sweep */
    double (*stairs)[2]; /* [count + 1]: the staircase of the first two objectives */
    uint64_t *draws;     /* [count][WORDS]: a bit for each draw that the point dominates; NULL when
                            exact */
    double box;          /* the volume that the draws are from */
} measure;

/* A point and what it added when that was last looked at. */
typedef struct gain {
    double value;
    size_t row;
    size_t round; /* how many were chosen then */
} gain;

static bool init(measure *self, const dz_front *front);
static void fini(measure *self);
static bool draw(measure *self);
static double volume_of(measure *self, const size_t *set, size_t count);
static double exact_volume(measure *self, const size_t *set, size_t count);
static void sort_rows(const measure *self, size_t *rows, size_t count);
static double add_stair(measure *self, size_t *count, double width, double height);
static double sampled_volume(const measure *self, const size_t *set, size_t count);
static void sampled_contributions(const measure *self, double *contributions);
static const double *point(const measure *self, size_t row);
static bool is_inside(const measure *self, size_t row);
static void sift_down(gain *heap, size_t count, size_t at);
static bool is_better(const gain *a, const gain *b);

bool dz_hypervolume(const dz_front *front, double *volume)
{
    measure self = {0};
    size_t *all = malloc((front->count + 1) * sizeof(*all));
    bool done = init(&self, front) && all != NULL;
    if (done) {
        for (size_t i = 0; i < front->count; i++) {
            all[i] = i;
        }
        *volume = volume_of(&self, all, front->count);
    }
    free(all);
    fini(&self);
    return done;
}

bool dz_hypervolume_contributions(const dz_front *front, double *contributions)
{
    measure self = {0};
    size_t count = front->count;
    size_t *set = malloc((count + 1) * sizeof(*set));
    bool done = init(&self, front) && set != NULL;
    if (done && self.draws != NULL) {
        sampled_contributions(&self, contributions);
    } else if (done && count > 0) {
        for (size_t i = 0; i < count; i++) {
            set[i] = i;
        }
        double all = volume_of(&self, set, count);
        for (size_t i = 0; i < count; i++) { /* the last row stands in for the one left out */
            set[i] = count - 1;
            double without = volume_of(&self, set, count - 1);
            set[i] = i;
            contributions[i] = fmax(all - without, 0);
        }
    }
    free(set);
    fini(&self);
    return done;
}

/* What a point adds never grows while others are chosen, so the largest is still the largest when a
 * new look at it leaves it in front (Minoux, 1978). */
bool dz_hypervolume_select(const dz_front *front, size_t wanted, size_t *chosen)
{
    measure self = {0};
    size_t count = front->count;
    gain *heap = malloc((count + 1) * sizeof(*heap));
    size_t *set = malloc((count + 1) * sizeof(*set));
    bool done = init(&self, front) && heap != NULL && set != NULL;
    double reached = 0;
    for (size_t i = 0; i < count && done; i++) {
        heap[i] = (gain){INFINITY, i, SIZE_MAX};
    }
    for (size_t round = 0; round < wanted && count > 0 && done;) {
        if (heap[0].round != round) {
            set[round] = heap[0].row;
            heap[0].value = fmax(volume_of(&self, set, round + 1) - reached, 0);
            heap[0].round = round;
        } else {
            reached += heap[0].value;
            set[round] = heap[0].row;
            chosen[round++] = heap[0].row;
            heap[0] = heap[--count];
        }
        sift_down(heap, count, 0);
    }
    free(heap);
    free(set);
    fini(&self);
    return done;
}

static bool init(measure *self, const dz_front *front)
{
    *self = (measure){.front = front};
    self->rows = malloc((front->count + 1) * sizeof(*self->rows));
    self->stairs = malloc((front->count + 2) * sizeof(*self->stairs));
    bool done = self->rows != NULL && self->stairs != NULL;
    if (done && front->objectives > DZ_HYPERVOLUME_EXACT) {
        self->draws = calloc(front->count * WORDS + 1, sizeof(*self->draws));
        done = self->draws != NULL && draw(self);
    }
    return done;
}

static void fini(measure *self)
{
    free(self->rows);
    free(self->stairs);
    free(self->draws);
}

/* Notes for each draw from the box between the least losses and the reference which points dominate
 * it. */
static bool draw(measure *self)
{
    const dz_front *front = self->front;
    size_t objectives = front->objectives;
    double *place = malloc(2 * objectives * sizeof(*place));
    if (place == NULL) {
        return false;
    }
    double *least = place + objectives;
    memcpy(least, front->reference, objectives * sizeof(*least));
    for (size_t i = 0; i < front->count; i++) {
        for (size_t j = 0; j < objectives && is_inside(self, i); j++) {
            least[j] = fmin(least[j], point(self, i)[j]);
        }
    }
    self->box = 1;
    for (size_t j = 0; j < objectives; j++) {
        self->box *= front->reference[j] - least[j];
    }
    dozan_rng rng = dozan_rng_stream(front->seed, "hypervolume", 0);
    for (size_t k = 0; k < DZ_HYPERVOLUME_DRAWS; k++) {
        for (size_t j = 0; j < objectives; j++) {
            place[j] = least[j] + dozan_rng_uniform(&rng) * (front->reference[j] - least[j]);
        }
        for (size_t i = 0; i < front->count; i++) {
            size_t j = 0;
            while (j < objectives && point(self, i)[j] <= place[j]) {
                j++;
            }
            self->draws[i * WORDS + k / 64] |= (uint64_t)(j == objectives) << (k % 64);
        }
    }
    free(place);
    return true;
}

static double volume_of(measure *self, const size_t *set, size_t count)
{
    return self->draws != NULL ? sampled_volume(self, set, count) : exact_volume(self, set, count);
}

/* Of three objectives it sweeps along the last, and sums area times step; of one, the staircase has
 * a height of 1. */
static double exact_volume(measure *self, const size_t *set, size_t count)
{
    const dz_front *front = self->front;
    bool deep = front->objectives > 2;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_inside(self, set[i])) {
            self->rows[used++] = set[i];
        }
    }
    if (deep) {
        sort_rows(self, self->rows, used);
    }
    double volume = 0;
    double area = 0;
    size_t stairs = 0;
    for (size_t i = 0; i < used; i++) {
        const double *p = point(self, self->rows[i]);
        double height = front->objectives > 1 ? front->reference[1] - p[1] : 1;
        area += add_stair(self, &stairs, front->reference[0] - p[0], height);
        if (deep) {
            double next = i + 1 < used ? point(self, self->rows[i + 1])[2] : front->reference[2];
            volume += area * (next - p[2]);
        }
    }
    return deep ? volume : area;
}

/* By the third objective. */
static void sort_rows(const measure *self, size_t *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        size_t row = rows[i];
        size_t at = i;
        while (at > 0 && point(self, rows[at - 1])[2] > point(self, row)[2]) {
            rows[at] = rows[at - 1];
            at--;
        }
        rows[at] = row;
    }
}

/* Adds the rectangle from 0 to (width, height) to the staircase, which is kept in the order of
 * falling widths and rising heights. Returns the area that it adds. */
static double add_stair(measure *self, size_t *count, double width, double height)
{
    double(*stairs)[2] = self->stairs;
    size_t first = 0;
    while (first < *count && stairs[first][0] > width) {
        first++;
    }
    if (first < *count && stairs[first][0] >= width && stairs[first][1] >= height) {
        return 0;
    }
    double floor_height = first > 0 ? stairs[first - 1][1] : 0;
    if (floor_height >= height) {
        return 0;
    }
    double added = 0;
    double right = width;
    size_t end = first;
    while (end < *count && stairs[end][1] <= height) {
        added += (right - stairs[end][0]) * (height - floor_height);
        right = stairs[end][0];
        floor_height = stairs[end][1];
        end++;
    }
    double left = end < *count ? stairs[end][0] : 0;
    added += (right - left) * (height - floor_height);
    memmove(&stairs[first + 1], &stairs[end], (*count - end) * sizeof(*stairs));
    *count = *count - (end - first) + 1;
    stairs[first][0] = width;
    stairs[first][1] = height;
    return added;
}

static double sampled_volume(const measure *self, const size_t *set, size_t count)
{
    size_t hits = 0;
    for (size_t w = 0; w < WORDS; w++) {
        uint64_t covered = 0;
        for (size_t i = 0; i < count; i++) {
            covered |= self->draws[set[i] * WORDS + w];
        }
        hits += (size_t)__builtin_popcountll(covered);
    }
    return self->box * (double)hits / DZ_HYPERVOLUME_DRAWS;
}

/* A draw that one point alone dominates is that point's. */
static void sampled_contributions(const measure *self, double *contributions)
{
    size_t count = self->front->count;
    memset(contributions, 0, count * sizeof(*contributions));
    for (size_t w = 0; w < WORDS; w++) {
        uint64_t once = 0;
        uint64_t more = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t bits = self->draws[i * WORDS + w];
            more |= once & bits;
            once |= bits;
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t own = self->draws[i * WORDS + w] & ~more;
            contributions[i] +=
                self->box * (double)__builtin_popcountll(own) / DZ_HYPERVOLUME_DRAWS;
        }
    }
}

static const double *point(const measure *self, size_t row)
{
    return self->front->losses + row * self->front->objectives;
}

static bool is_inside(const measure *self, size_t row)
{
    for (size_t j = 0; j < self->front->objectives; j++) {
        if (!(point(self, row)[j] < self->front->reference[j])) {
            return false;
        }
    }
    return true;
}

static void sift_down(gain *heap, size_t count, size_t at)
{
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_better(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_better(&heap[child], &heap[at])) {
            return;
        }
        gain moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

/* Of equal gains the first row is the better, so that the choice is one alone. */
static bool is_better(const gain *a, const gain *b)
{
    return a->value > b->value || (a->value >= b->value && a->row < b->row);
}
