#include "signed_rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_EXACT = 50 };

static int compare_sizes(const void *a, const void *b);
static bool exact_tail(size_t count, double rank_sum, double *p);

bool dz_signed_rank_greater(double *differences, size_t count, double *p)
{
    double above = 0; /* the sum of the ranks of what is above 0 */
    double ties = 0;
    bool plain = true; /* no ties, no zeros */
    *p = 1;
    if (count == 0) {
        return true;
    }
    qsort(differences, count, sizeof(*differences), compare_sizes);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && fabs(differences[end]) <= fabs(differences[i])) {
            end++;
        }
        double rank = (double)(i + 1 + end) / 2;
        double same = (double)(end - i);
        ties += same * (same * same - 1);
        plain = plain && end == i + 1 && fabs(differences[i]) > 0;
        for (; i < end; i++) {
            above += differences[i] > 0 ? rank : differences[i] < 0 ? 0 : rank / 2;
        }
    }
    if (plain && count <= MOST_EXACT) {
        return exact_tail(count, above, p);
    }
    double n = (double)count;
    double variance = (n * (n + 1) * (2 * n + 1) - ties / 2) / 24;
    double mean = n * (n + 1) / 4;
    *p = variance > 0 ? 0.5 * erfc((above - mean) / sqrt(2 * variance)) : 1;
    return true;
}

static int compare_sizes(const void *a, const void *b)
{
    double x = fabs(*(const double *)a);
    double y = fabs(*(const double *)b);
    return x < y ? -1 : x > y;
}

/* The probability of a sum of at least this, when each rank from 1 to count is in it or not with
 * the same chance: ways[s] counts the sets of ranks whose sum is s, as a share of all sets. */
static bool exact_tail(size_t count, double rank_sum, double *p)
{
    size_t most = count * (count + 1) / 2;
    double *ways = calloc(most + 1, sizeof(*ways));
    if (ways == NULL) {
        return false;
    }
    ways[0] = 1;
    for (size_t rank = 1; rank <= count; rank++) {
        size_t reached = rank * (rank + 1) / 2;
        for (size_t sum = reached; sum >= rank; sum--) {
            ways[sum] = (ways[sum] + ways[sum - rank]) / 2;
        }
        for (size_t sum = 0; sum < rank; sum++) {
            ways[sum] /= 2;
        }
    }
    *p = 0;
    for (size_t sum = most + 1; sum-- > (size_t)rank_sum;) {
        *p += ways[sum];
    }
    free(ways);
    return true;
}
