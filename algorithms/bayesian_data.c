#include "bayesian_data.h"

#include "common.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Losses beyond this are held there, so that differences of them stay finite. */
static const double LARGEST_LOSS = 1e150;

/* The pool that evenly spread points are chosen from, by the number of those to choose. */
enum { POOL_FACTOR = 4 };

typedef struct entry {
    double loss;   /* INFINITY when there is none to learn from */
    double excess; /* of the constraints; 0 = feasible */
    size_t index;  /* in the order of the end */
    uint64_t hash; /* for a uniform sample */
} entry;

static bool is_result(const dozan_trial *trial);
static size_t read_entries(const dozan_problem *problem, size_t ended, entry *entries);
static double usable_loss(const dozan_trial *trial, double otherwise);
static bool sort_losses(dz_bayesian_data *data, const entry *entries, size_t count);
static bool choose_points(const dozan_problem *problem, entry *entries, size_t *count, size_t max);
static bool spread(const dozan_problem *problem, entry *entries, size_t best, size_t pool,
                   size_t wanted);
static double distance(const dozan_space *space, const double *a, const double *b);
static bool copy_points(dz_bayesian_data *data, const dozan_problem *problem, const entry *entries,
                        size_t count);
static void standardise(dz_bayesian_data *data);
static void note_incumbent(dz_bayesian_data *data, size_t i);
static bool is_better(const dz_bayesian_data *data, size_t i, size_t k);
static int compare_losses(const void *a, const void *b);
static int compare_ranks(const void *a, const void *b);
static int compare_hashes(const void *a, const void *b);
static int compare_indices(const void *a, const void *b);

bool dz_bayesian_data_init(dz_bayesian_data *data, const dozan_problem *problem,
                           const bool *categorical, size_t ended, size_t max, size_t transform)
{
    *data = (dz_bayesian_data){.deviation = 1};
    data->inputs.dims = dozan_space_dimensions(problem->space);
    data->inputs.categorical = categorical;
    entry *entries = calloc(ended + 1, sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    size_t count = read_entries(problem, ended, entries);
    qsort(entries, count, sizeof(*entries), compare_losses);
    bool done = sort_losses(data, entries, count);
    qsort(entries, count, sizeof(*entries), compare_ranks);
    done = done && choose_points(problem, entries, &count, max) &&
           copy_points(data, problem, entries, count);
    free(entries);
    if (!done) {
        dz_bayesian_data_fini(data);
        return false;
    }
    for (size_t i = 0; i < data->inputs.count; i++) {
        note_incumbent(data, i);
    }
    dz_bayesian_data_transform(data, transform);
    return true;
}

void dz_bayesian_data_fini(dz_bayesian_data *data)
{
    free(data->x);
    free(data->trials);
    free(data->losses);
    free(data->excess);
    free(data->feasible);
    free(data->sorted);
    free(data->y);
    *data = (dz_bayesian_data){0};
}

void dz_bayesian_data_transform(dz_bayesian_data *data, size_t transform)
{
    data->transform = dz_transform_of(transform, data->sorted, data->usable);
    data->log_slope = 0;
    for (size_t i = 0; i < data->inputs.count; i++) {
        data->y[i] = dz_transform_apply(&data->transform, data->losses[i]);
        data->log_slope += dz_transform_log_slope(&data->transform, data->losses[i]);
    }
    standardise(data);
}

double dz_bayesian_data_loss(const dz_bayesian_data *data, const dozan_trial *trial)
{
    double loss = usable_loss(trial, data->worst);
    return (dz_transform_apply(&data->transform, loss) - data->mean) / data->deviation;
}

static double usable_loss(const dozan_trial *trial, double otherwise)
{
    return dz_trial_is_usable(trial) ? fmin(LARGEST_LOSS, fmax(-LARGEST_LOSS, trial->loss))
                                     : otherwise;
}

/* A killed trial says nothing of its point. */
static bool is_result(const dozan_trial *trial)
{
    return trial->state != DOZAN_TRIAL_KILLED && trial->state != DOZAN_TRIAL_PENDING;
}

static size_t read_entries(const dozan_problem *problem, size_t ended, entry *entries)
{
    size_t count = 0;
    for (size_t i = 0; i < ended; i++) {
        const dozan_trial *trial = dozan_history_ended(problem->history, i);
        if (is_result(trial)) {
            double loss = usable_loss(trial, INFINITY);
            double excess = dozan_trial_excess(problem, trial);
            entries[count++] = (entry){.loss = loss,
                                       .excess = isnan(excess) ? INFINITY : excess,
                                       .index = i,
                                       .hash = dozan_hash_words(problem->seed, i)};
        }
    }
    return count;
}

/* Keeps the usable losses of sorted entries. */
static bool sort_losses(dz_bayesian_data *data, const entry *entries, size_t count)
{
    data->sorted = calloc(count + 1, sizeof(*data->sorted));
    if (data->sorted == NULL) {
        return false;
    }
    while (data->usable < count && entries[data->usable].loss <= LARGEST_LOSS) {
        data->sorted[data->usable] = entries[data->usable].loss;
        data->usable++;
    }
    data->worst = data->usable > 0 ? data->sorted[data->usable - 1] : 0;
    return true;
}

/* Puts the chosen of entries[*count], of which the best come first, there and in the order of their
 * end. */
static bool choose_points(const dozan_problem *problem, entry *entries, size_t *count, size_t max)
{
    if (*count > max) {
        size_t best = (max + 1) / 2;
        size_t pool = *count - best;
        qsort(entries + best, pool, sizeof(*entries), compare_hashes);
        pool = pool < POOL_FACTOR * (max - best) ? pool : POOL_FACTOR * (max - best);
        if (!spread(problem, entries, best, pool, max - best)) {
            return false;
        }
        *count = max;
    }
    qsort(entries, *count, sizeof(*entries), compare_indices);
    return true;
}

/* Moves to the front of entries[best .. best+pool) `wanted` of them, each time the one farthest
 * from the best point and from those already chosen. */
static bool spread(const dozan_problem *problem, entry *entries, size_t best, size_t pool,
                   size_t wanted)
{
    double *nearest = malloc((pool + 1) * sizeof(*nearest));
    if (nearest == NULL) {
        return false;
    }
    for (size_t i = 0; i < pool; i++) {
        nearest[i] = INFINITY;
    }
    const double *last = dozan_history_ended(problem->history, entries[0].index)->point;
    for (size_t chosen = 0; chosen < wanted && chosen < pool; chosen++) {
        size_t farthest = chosen;
        for (size_t i = chosen; i < pool; i++) {
            const double *point =
                dozan_history_ended(problem->history, entries[best + i].index)->point;
            nearest[i] = fmin(nearest[i], distance(problem->space, last, point));
            farthest = nearest[i] > nearest[farthest] ? i : farthest;
        }
        entry moved = entries[best + farthest];
        entries[best + farthest] = entries[best + chosen];
        entries[best + chosen] = moved;
        nearest[farthest] = nearest[chosen];
        last = dozan_history_ended(problem->history, moved.index)->point;
    }
    free(nearest);
    return true;
}

static double distance(const dozan_space *space, const double *a, const double *b)
{
    double sum = 0;
    for (size_t d = 0; d < dozan_space_dimensions(space); d++) {
        double difference = a[d] - b[d];
        if (!dozan_space_dimension(space, d)->ordered) {
            difference = fabs(difference) > 1e-9 ? 1 : 0;
        }
        sum += difference * difference;
    }
    return sum;
}

static bool copy_points(dz_bayesian_data *data, const dozan_problem *problem, const entry *entries,
                        size_t count)
{
    size_t dims = data->inputs.dims;
    data->x = malloc((count * dims + 1) * sizeof(*data->x));
    data->y = malloc((count + 1) * sizeof(*data->y));
    data->losses = malloc((count + 1) * sizeof(*data->losses));
    data->excess = malloc((count + 1) * sizeof(*data->excess));
    data->feasible = malloc((count + 1) * sizeof(*data->feasible));
    data->trials = calloc(count + 1, sizeof(void *));
    if (data->x == NULL || data->y == NULL || data->losses == NULL || data->excess == NULL ||
        data->feasible == NULL || data->trials == NULL) {
        return false;
    }
    data->inputs.count = count;
    data->inputs.x = data->x;
    for (size_t i = 0; i < count; i++) {
        const dozan_trial *trial = dozan_history_ended(problem->history, entries[i].index);
        memcpy(data->x + i * dims, trial->point, dims * sizeof(*data->x));
        data->trials[i] = trial;
        data->losses[i] = usable_loss(trial, data->worst);
        data->excess[i] = entries[i].excess;
        data->feasible[i] = !(entries[i].excess > 0);
    }
    return true;
}

static void standardise(dz_bayesian_data *data)
{
    size_t count = data->inputs.count;
    double mean = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        double delta = data->y[i] - mean;
        mean += delta / (double)(i + 1);
        squares += delta * (data->y[i] - mean);
    }
    double deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    data->mean = mean;
    data->deviation = deviation > 1e-12 ? deviation : 1;
    for (size_t i = 0; i < count; i++) {
        data->y[i] = (data->y[i] - data->mean) / data->deviation;
    }
    data->log_slope -= (double)count * log(data->deviation);
}

/* Puts row i among the incumbents if it belongs there; of equal ones the earlier is the better. */
static void note_incumbent(dz_bayesian_data *data, size_t i)
{
    size_t at = data->incumbent_count;
    while (at > 0 && is_better(data, i, data->incumbents[at - 1])) {
        at--;
    }
    if (at == DZ_BAYESIAN_INCUMBENTS) {
        return;
    }
    if (data->incumbent_count < DZ_BAYESIAN_INCUMBENTS) {
        data->incumbent_count++;
    }
    for (size_t k = data->incumbent_count - 1; k > at; k--) {
        data->incumbents[k] = data->incumbents[k - 1];
    }
    data->incumbents[at] = i;
}

static bool is_better(const dz_bayesian_data *data, size_t i, size_t k)
{
    if (data->excess[i] < data->excess[k] || data->excess[i] > data->excess[k]) {
        return data->excess[i] < data->excess[k];
    }
    return data->losses[i] < data->losses[k];
}

/* Feasible ones first, then those that exceed the constraints the least; those without a loss last.
 */
static int compare_ranks(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    bool usable = x->loss < INFINITY && y->loss < INFINITY;
    if (usable && (x->excess < y->excess || x->excess > y->excess)) {
        return x->excess < y->excess ? -1 : 1;
    }
    return compare_losses(a, b);
}

static int compare_losses(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    if (x->loss < y->loss) {
        return -1;
    }
    if (x->loss > y->loss) {
        return 1;
    }
    return compare_indices(a, b);
}

static int compare_hashes(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    return x->hash < y->hash ? -1 : (x->hash > y->hash ? 1 : compare_indices(a, b));
}

static int compare_indices(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    return x->index < y->index ? -1 : (x->index > y->index ? 1 : 0);
}
