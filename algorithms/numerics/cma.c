#include "cma.h"

#include "gauss.h"

#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Equations are those of the tutorial unless a comment names another paper. */
struct dz_cma {
    size_t dims;
    size_t population;
    bool diagonal;
    double sigma;
    double generation;  /* updates since the paths were empty */
    double until_eigen; /* updates until B and D are computed anew */
    double eigen_every;
    double chi;  /* E|N(0, I)| */
    double mass; /* mu_eff */
    double c_sigma, d_sigma, c_c, c_1, c_mu;
    gsl_eigen_symmv_workspace *eigen; /* NULL when diagonal */
    double *weights;                  /* [population]; those of the worse half are negative */
    double *shared;                   /* [population]: the weights, after ties */
    double *mean, *margin, *path_c, *path_sigma, *step, *room; /* [dims] */
    double *deviations;                                        /* [dims]: D */
    double *covariance; /* [dims][dims]: C, or [dims] when diagonal */
    double *basis;      /* [dims][dims]: B, or nothing */
    double *rotate;     /* [dims][dims]: room for the eigenvectors, or nothing */
    double *moves;      /* [population][dims]: y = (x - mean) / sigma */
    double memory[];
};

/* Coordinates may not get closer to a point than doubles in [0, 1] can tell. */
static const double least_sigma = 1e-18;
static const double most_sigma = 1e6;
static const double most_condition = 1e14;

static void place_arrays(dz_cma *cma);
static void set_weights(dz_cma *cma);
static void set_rates(dz_cma *cma);
static void share_ties(const double *weights, const dz_cma_solution *solutions, size_t count,
                       double *shared);
static void take_moves(dz_cma *cma, const dz_cma_solution *solutions);
static double whiten(const dz_cma *cma, const double *y, double *white);
static bool move_paths(dz_cma *cma);
static void adapt_covariance(dz_cma *cma, bool stalled);
static void add_outer(dz_cma *cma, double weight, const double *y);
static void adapt_sigma(dz_cma *cma);
static void decompose(dz_cma *cma);
static void set_spread(dz_cma *cma, const double *variances);

size_t dz_cma_default_population(size_t dims)
{
    return 4 + (size_t)floor(3 * log((double)(dims > 0 ? dims : 1)));
}

void dz_cma_weigh(const dz_cma_solution *solutions, size_t count, double *room, double *weights)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        room[i] = fmax(0, log(((double)count + 1) / 2) - log((double)i + 1));
        sum += room[i];
    }
    for (size_t i = 0; i < count; i++) {
        room[i] /= sum;
    }
    share_ties(room, solutions, count, weights);
}

dz_cma *dz_cma_create(size_t dims, size_t population, const double *mean, double sigma,
                      bool diagonal)
{
    size_t square = diagonal ? dims : dims * dims;
    size_t doubles = 2 * population + 7 * dims + 3 * square + population * dims;
    dz_cma *cma = calloc(1, sizeof(*cma) + doubles * sizeof(double));
    if (cma == NULL) {
        return NULL;
    }
    cma->dims = dims;
    cma->population = population;
    cma->diagonal = diagonal;
    cma->sigma = sigma;
    cma->eigen = diagonal ? NULL : gsl_eigen_symmv_alloc(dims);
    if (!diagonal && cma->eigen == NULL) {
        free(cma);
        return NULL;
    }
    place_arrays(cma);
    set_weights(cma);
    memcpy(cma->mean, mean, dims * sizeof(*mean));
    for (size_t i = 0; i < dims; i++) {
        size_t at = diagonal ? i : i * dims + i;
        cma->margin[i] = 1;
        cma->deviations[i] = 1;
        cma->covariance[at] = 1;
        cma->basis[at] = 1;
    }
    return cma;
}

void dz_cma_destroy(dz_cma *cma)
{
    if (cma != NULL) {
        gsl_eigen_symmv_free(cma->eigen);
        free(cma);
    }
}

size_t dz_cma_population(const dz_cma *cma)
{
    return cma->population;
}

const double *dz_cma_mean(const dz_cma *cma)
{
    return cma->mean;
}

double dz_cma_sigma(const dz_cma *cma)
{
    return cma->sigma;
}

double dz_cma_deviation(const dz_cma *cma, size_t coordinate)
{
    size_t at = cma->diagonal ? coordinate : coordinate * cma->dims + coordinate;
    return cma->sigma * cma->margin[coordinate] * sqrt(cma->covariance[at]);
}

double dz_cma_condition(const dz_cma *cma)
{
    double least = cma->deviations[0];
    double most = cma->deviations[0];
    for (size_t i = 1; i < cma->dims; i++) {
        least = fmin(least, cma->deviations[i]);
        most = fmax(most, cma->deviations[i]);
    }
    return (most / least) * (most / least);
}

void dz_cma_move(dz_cma *cma, const double *mean)
{
    memcpy(cma->mean, mean, cma->dims * sizeof(*mean));
    memset(cma->path_c, 0, cma->dims * sizeof(*mean));
    memset(cma->path_sigma, 0, cma->dims * sizeof(*mean));
    cma->generation = 0;
}

void dz_cma_sample(const dz_cma *cma, const double *z, double *room, double *x)
{
    size_t n = cma->dims;
    for (size_t i = 0; i < n; i++) {
        room[i] = cma->deviations[i] * z[i];
    }
    for (size_t i = 0; i < n; i++) {
        double y = room[i];
        if (!cma->diagonal) {
            const double *row = cma->basis + i * n;
            y = 0;
            for (size_t k = 0; k < n; k++) {
                y += row[k] * room[k];
            }
        }
        x[i] = cma->mean[i] + cma->sigma * cma->margin[i] * y;
    }
}

void dz_cma_locate(const dz_cma *cma, const double *x, double *room, double *z)
{
    size_t n = cma->dims;
    for (size_t i = 0; i < n; i++) {
        room[i] = (x[i] - cma->mean[i]) / (cma->sigma * cma->margin[i]);
    }
    for (size_t k = 0; k < n; k++) {
        double along = cma->diagonal ? room[k] : 0;
        for (size_t i = 0; i < n && !cma->diagonal; i++) {
            along += cma->basis[i * n + k] * room[i];
        }
        z[k] = along / cma->deviations[k];
    }
}

void dz_cma_update(dz_cma *cma, const dz_cma_solution *solutions)
{
    share_ties(cma->weights, solutions, cma->population, cma->shared);
    take_moves(cma, solutions);
    bool stalled = move_paths(cma);
    adapt_covariance(cma, stalled);
    adapt_sigma(cma);
    cma->until_eigen--;
    if (cma->diagonal) {
        set_spread(cma, cma->covariance);
    } else if (cma->until_eigen <= 0) {
        decompose(cma);
        cma->until_eigen = cma->eigen_every;
    }
}

void dz_cma_widen(dz_cma *cma, double factor)
{
    cma->sigma = fmin(cma->sigma * factor, most_sigma);
}

void dz_cma_keep_margin(dz_cma *cma, size_t coordinate, const double *edges, size_t levels,
                        double alpha)
{
    double deviation = dz_cma_deviation(cma, coordinate);
    double *mean = &cma->mean[coordinate];
    size_t level = 0;
    while (level + 1 < levels && *mean > edges[level + 1]) {
        level++;
    }
    if (level == 0 || level + 1 == levels) {
        double limit = level == 0 ? edges[1] : edges[levels - 1];
        double reach = -dz_gauss_quantile(alpha) * deviation;
        *mean = fmax(limit - reach, fmin(limit + reach, *mean));
        return;
    }
    double low = edges[level];
    double high = edges[level + 1];
    double below = dz_gauss_cdf((low - *mean) / deviation);
    double above = dz_gauss_cdf((*mean - high) / deviation);
    double between = 1 - below - above;
    if (below >= alpha / 2 && above >= alpha / 2) {
        return;
    }
    below = fmax(below, alpha / 2);
    above = fmax(above, alpha / 2);
    double sum = below + above + between;
    double part = (1 - sum) / (sum - 1.5 * alpha);
    below += part * (below - alpha / 2);
    above += part * (above - alpha / 2);
    double reach_low = -dz_gauss_quantile(fmin(below, 0.499));
    double reach_high = -dz_gauss_quantile(fmin(above, 0.499));
    double wanted = (high - low) / (reach_low + reach_high);
    *mean = (low * reach_high + high * reach_low) / (reach_low + reach_high);
    cma->margin[coordinate] *= wanted / deviation;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void place_arrays(dz_cma *cma)
{
    size_t n = cma->dims;
    size_t square = cma->diagonal ? n : n * n;
    double *at = cma->memory;
    cma->weights = at;
    cma->shared = cma->weights + cma->population;
    cma->mean = cma->shared + cma->population;
    cma->margin = cma->mean + n;
    cma->path_c = cma->margin + n;
    cma->path_sigma = cma->path_c + n;
    cma->step = cma->path_sigma + n;
    cma->room = cma->step + n;
    cma->deviations = cma->room + n;
    cma->covariance = cma->deviations + n;
    cma->basis = cma->covariance + square;
    cma->rotate = cma->basis + square;
    cma->moves = cma->rotate + square;
}

/* (49) to (53). */
static void set_weights(dz_cma *cma)
{
    double n = (double)cma->dims;
    size_t half = cma->population / 2;
    double sum[2] = {0, 0};
    double square[2] = {0, 0};
    for (size_t i = 0; i < cma->population; i++) {
        double weight = log(((double)cma->population + 1) / 2) - log((double)i + 1);
        size_t part = i < half ? 0 : 1;
        sum[part] += weight;
        square[part] += weight * weight;
        cma->weights[i] = weight;
    }
    cma->mass = sum[0] * sum[0] / square[0];
    double worse_mass = square[1] > 0 ? sum[1] * sum[1] / square[1] : 0;
    set_rates(cma);
    double bound = 1 + cma->c_1 / cma->c_mu;
    bound = fmin(bound, 1 + 2 * worse_mass / (cma->mass + 2));
    bound = fmin(bound, (1 - cma->c_1 - cma->c_mu) / (n * cma->c_mu));
    for (size_t i = 0; i < cma->population; i++) {
        double *weight = &cma->weights[i];
        if (i < half) {
            *weight /= sum[0];
        } else {
            *weight = sum[1] < 0 ? fmin(*weight, 0) * fmax(bound, 0) / -sum[1] : 0;
        }
    }
}

/* (54) to (58). */
static void set_rates(dz_cma *cma)
{
    double n = (double)cma->dims;
    double mass = cma->mass;
    cma->c_sigma = (mass + 2) / (n + mass + 5);
    cma->d_sigma = 1 + 2 * fmax(0, sqrt((mass - 1) / (n + 1)) - 1) + cma->c_sigma;
    cma->c_c = (4 + mass / n) / (n + 4 + 2 * mass / n);
    double faster = cma->diagonal ? (n + 2) / 3 : 1;
    cma->c_1 = fmin(0.5, faster * 2 / ((n + 1.3) * (n + 1.3) + mass));
    cma->c_mu =
        fmin(1 - cma->c_1, faster * 2 * (0.25 + mass + 1 / mass - 2) / ((n + 2) * (n + 2) + mass));
    cma->chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    cma->eigen_every = fmax(1, floor(1 / (10 * n * (cma->c_1 + cma->c_mu))));
    cma->until_eigen = cma->eigen_every;
}

/* ---- one update ------------------------------------------------------------------------------ */

static void share_ties(const double *weights, const dz_cma_solution *solutions, size_t count,
                       double *shared)
{
    for (size_t first = 0; first < count;) {
        size_t end = first + 1;
        double sum = weights[first];
        while (end < count && !(solutions[end].loss > solutions[first].loss)) {
            sum += weights[end++];
        }
        for (size_t i = first; i < end; i++) {
            shared[i] = sum / (double)(end - first);
        }
        first = end;
    }
}

/* y of each solution; an injected one no longer than c_y (Hansen 2011, (7)). A length that no
 * sample has is one of a point that came from elsewhere, too. */
static void take_moves(dz_cma *cma, const dz_cma_solution *solutions)
{
    size_t n = cma->dims;
    double longest = sqrt((double)n) + 2 * (double)n / ((double)n + 2);
    for (size_t i = 0; i < cma->population; i++) {
        double *y = cma->moves + i * n;
        for (size_t d = 0; d < n; d++) {
            y[d] = (solutions[i].x[d] - cma->mean[d]) / (cma->sigma * cma->margin[d]);
        }
        double length = whiten(cma, y, cma->room);
        if (!solutions[i].injected && length < sqrt((double)n) + 6) {
            continue;
        }
        for (size_t d = 0; d < n && length > longest; d++) {
            y[d] *= longest / length;
        }
    }
}

/* Puts C^(-1/2) y into white[dims], and returns its length. */
static double whiten(const dz_cma *cma, const double *y, double *white)
{
    size_t n = cma->dims;
    double square = 0;
    memset(white, 0, n * sizeof(*white));
    for (size_t k = 0; k < n; k++) {
        double along = cma->diagonal ? y[k] : 0;
        for (size_t i = 0; i < n && !cma->diagonal; i++) {
            along += cma->basis[i * n + k] * y[i];
        }
        along /= cma->deviations[k];
        square += along * along;
        if (cma->diagonal) {
            white[k] = along;
        }
        for (size_t i = 0; i < n && !cma->diagonal; i++) {
            white[i] += cma->basis[i * n + k] * along;
        }
    }
    return sqrt(square);
}

/* The mean and both paths, (41) to (45). Returns whether the path of C stands still, as it does
 * after a jump of sigma. */
static bool move_paths(dz_cma *cma)
{
    size_t n = cma->dims;
    memset(cma->step, 0, n * sizeof(*cma->step));
    for (size_t i = 0; i < cma->population; i++) {
        const double *y = cma->moves + i * n;
        double weight = fmax(cma->shared[i], 0);
        for (size_t d = 0; d < n; d++) {
            cma->step[d] += weight * y[d];
        }
    }
    (void)whiten(cma, cma->step, cma->room);
    double of_sigma = sqrt(cma->c_sigma * (2 - cma->c_sigma) * cma->mass);
    double of_c = sqrt(cma->c_c * (2 - cma->c_c) * cma->mass);
    double length = 0;
    for (size_t d = 0; d < n; d++) {
        cma->mean[d] += cma->sigma * cma->margin[d] * cma->step[d];
        cma->path_sigma[d] = (1 - cma->c_sigma) * cma->path_sigma[d] + of_sigma * cma->room[d];
        length += cma->path_sigma[d] * cma->path_sigma[d];
    }
    cma->generation++;
    double settled = sqrt(1 - pow(1 - cma->c_sigma, 2 * cma->generation));
    bool stalled = sqrt(length) / settled >= (1.4 + 2 / ((double)n + 1)) * cma->chi;
    for (size_t d = 0; d < n; d++) {
        cma->path_c[d] = (1 - cma->c_c) * cma->path_c[d] + (stalled ? 0 : of_c * cma->step[d]);
    }
    return stalled;
}

/* (46) and (47): rank one and rank mu, with the worse half's length set to that of a typical
 * solution. */
static void adapt_covariance(dz_cma *cma, bool stalled)
{
    size_t n = cma->dims;
    double sum = 0;
    for (size_t i = 0; i < cma->population; i++) {
        sum += cma->shared[i];
    }
    double missed = stalled ? cma->c_1 * cma->c_c * (2 - cma->c_c) : 0;
    double keep = 1 + missed - cma->c_1 - cma->c_mu * sum;
    size_t entries = cma->diagonal ? n : n * n;
    for (size_t i = 0; i < entries; i++) {
        cma->covariance[i] *= keep;
    }
    add_outer(cma, cma->c_1, cma->path_c);
    for (size_t i = 0; i < cma->population; i++) {
        const double *y = cma->moves + i * n;
        double weight = cma->shared[i];
        if (weight < 0) {
            double length = whiten(cma, y, cma->room);
            weight *= (double)n / fmax(length * length, 1e-12);
        }
        add_outer(cma, cma->c_mu * weight, y);
    }
}

static void add_outer(dz_cma *cma, double weight, const double *y)
{
    size_t n = cma->dims;
    for (size_t i = 0; i < n; i++) {
        if (cma->diagonal) {
            cma->covariance[i] += weight * y[i] * y[i];
            continue;
        }
        double scaled = weight * y[i];
        double *row = cma->covariance + i * n;
        for (size_t k = 0; k < n; k++) {
            row[k] += scaled * y[k];
        }
    }
}

/* (44), with a bound on one step. */
static void adapt_sigma(dz_cma *cma)
{
    double length = 0;
    for (size_t d = 0; d < cma->dims; d++) {
        length += cma->path_sigma[d] * cma->path_sigma[d];
    }
    double exponent = cma->c_sigma / cma->d_sigma * (sqrt(length) / cma->chi - 1);
    cma->sigma *= exp(fmin(exponent, 1));
    cma->sigma = fmin(fmax(cma->sigma, least_sigma), most_sigma);
}

static void decompose(dz_cma *cma)
{
    size_t n = cma->dims;
    memcpy(cma->basis, cma->covariance, n * n * sizeof(*cma->basis));
    gsl_matrix_view matrix = gsl_matrix_view_array(cma->basis, n, n);
    gsl_matrix_view vectors = gsl_matrix_view_array(cma->rotate, n, n);
    gsl_vector_view values = gsl_vector_view_array(cma->room, n);
    if (gsl_eigen_symmv(&matrix.matrix, &values.vector, &vectors.matrix, cma->eigen) != 0) {
        return; /* the old decomposition serves on */
    }
    memcpy(cma->basis, cma->rotate, n * n * sizeof(*cma->basis));
    set_spread(cma, cma->room);
}

/* D of the variances, which are kept from getting too small beside the largest. */
static void set_spread(dz_cma *cma, const double *variances)
{
    size_t n = cma->dims;
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, variances[i]);
    }
    double least = fmax(most / most_condition, 1e-300);
    double lack = 0;
    for (size_t i = 0; i < n; i++) {
        lack = fmax(lack, least - variances[i]);
    }
    for (size_t i = 0; i < n; i++) {
        cma->deviations[i] = sqrt(variances[i] + lack);
    }
    for (size_t i = 0; i < n && lack > 0; i++) {
        cma->covariance[cma->diagonal ? i : i * n + i] += lack;
    }
}
