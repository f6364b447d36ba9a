/*
 * The surrogate of CMA-ES: a quadratic model of the last results proposes its minimum, as far as a
 * typical sample from the mean at most, as a point to try, which is then injected (Hansen, "A
 * global surrogate assisted CMA-ES", GECCO 2019). After a generation in which proposals did no
 * better than samples there are none for one generation, then for two, and so on: a landscape that
 * is no bowl costs little.
 */
#ifndef DZ_CMAES_MODEL_H
#define DZ_CMAES_MODEL_H

#include "numerics/cma.h"

#include <stdint.h>

/* More dimensions than the first have no mixed terms, and more than the second no model: a fit
 * takes no longer than a few asks. */
enum { DZ_CMAES_MOST_MIXED = 12, DZ_CMAES_MOST_MODEL = 64, DZ_CMAES_PROPOSALS = 3 };

typedef struct dz_cmaes_model {
    size_t dims; /* 0: there is no model */
    size_t capacity;
    uint64_t count;    /* results seen */
    double *points;    /* [capacity][dims]: a ring of the last results */
    double *losses;    /* [capacity] */
    double *proposals; /* [DZ_CMAES_PROPOSALS][dims] */
    size_t proposed;   /* how many there are of the last fit */
    size_t asked;      /* trials asked since then */
    uint32_t pause;    /* generations between proposals */
    uint32_t left;     /* generations until the next */
} dz_cmaes_model;

/* Sets the model up; false when there is no memory. dims may be 0. */
bool dz_cmaes_model_init(dz_cmaes_model *model, size_t dims);
void dz_cmaes_model_fini(dz_cmaes_model *model);

/* Notes a result. */
void dz_cmaes_model_add(dz_cmaes_model *model, const double *x, double loss);

/* At the end of a generation: whether it had proposals, and whether they were worth their trials.
 */
void dz_cmaes_model_turn(dz_cmaes_model *model, bool proposed, bool worth);

/* Notes that a trial was asked for. */
void dz_cmaes_model_note_ask(dz_cmaes_model *model);

/* Makes new proposals of what is known now; none while the model pauses or knows too little. */
void dz_cmaes_model_fit(dz_cmaes_model *model, const dz_cma *cma);

/* The proposal, in coordinates of the cube, for the trial that is asked for after `more` others
 * that were not noted yet; NULL when that is to be a sample. */
const double *dz_cmaes_model_proposal(const dz_cmaes_model *model, size_t more);

#endif
