/*
 * Independent distributions over categories, learnt by their natural gradient: the categorical part
 * of CatCMA (Hamano, Saito, Nomura, Uchida, Shirakawa, "CatCMA: stochastic optimization for
 * mixed-category problems", GECCO 2024). The step adapts itself to the gradient's signal (Akimoto
 * et al., "Adaptive stochastic natural gradient method for one-shot neural architecture search",
 * ICML 2019), and no category's probability falls below a margin.
 */
#ifndef DZ_CATEGORIES_H
#define DZ_CATEGORIES_H

#include <stddef.h>
#include <stdint.h>

typedef struct dz_categories dz_categories;

/* `count` >= 1 axes of sizes[count] >= 2 categories, all equally likely. NULL when there is no
 * memory. */
dz_categories *dz_categories_create(const size_t *sizes, size_t count);
void dz_categories_destroy(dz_categories *categories);

/* All equally likely again, and the step as at first. */
void dz_categories_reset(dz_categories *categories);

/* The probabilities of an axis, [size]. */
const double *dz_categories_probabilities(const dz_categories *categories, size_t axis);

/* The category of an axis at the probability u in [0, 1). */
uint32_t dz_categories_draw(const dz_categories *categories, size_t axis, double u);

/* Learns from chosen[solutions][count], weighed by weights[solutions] that are >= 0 and sum to 1.
 */
void dz_categories_update(dz_categories *categories, const uint32_t *chosen, const double *weights,
                          size_t solutions);

#endif
