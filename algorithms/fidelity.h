/*
 * What the algorithms that give trials more or less of a resource (epochs, examples) share: the
 * ladder of resources, the drawing of configurations, and labels that hold numbers.
 *
 * The resource is a parameter of the experiment, so a point is a configuration at one resource, and
 * a promoted configuration is the same point but for that coordinate.
 */
#ifndef DZ_FIDELITY_H
#define DZ_FIDELITY_H

#include <dozan/algorithm.h>

enum { DZ_MAX_RUNGS = 40 };

/* Rung k has the resource r_l * eta^(k - top), rounded down to a value of the parameter; rung
 * `top` has r_l itself. */
typedef struct dz_ladder {
    size_t dimension; /* of the resource in the space */
    double eta;
    int top;                          /* the number of the highest rung */
    double coordinates[DZ_MAX_RUNGS]; /* [top + 1] */
} dz_ladder;

/* Builds the ladder from the settings resource_name and r_l. Its lowest rung is the smallest that
 * is not below `least`; NaN stands for the parameter's min, or 1 (r_l, where that is less) for one
 * that begins at 0 or below. INVALID_ARGUMENT with the place in the settings. */
DOZAN_MUST_USE dozan_status dz_ladder_make(const dozan_problem *problem, double eta, double least,
                                           dz_ladder *ladder, dozan_error *err);

/* Draws a configuration at a rung: one that no trial has at any rung, else one that none has at
 * this one, else any. */
void dz_ladder_draw(const dz_ladder *ladder, const dozan_problem *problem, const dozan_ask *ask,
                    int rung, dozan_rng *rng, double *point);

/* eta^power. */
double dz_ladder_power(const dz_ladder *ladder, int power);

/* How many configurations Hyperband's bracket s begins with: ceil((top+1) / (s+1) * eta^s). */
double dz_ladder_bracket_size(const dz_ladder *ladder, int s);

/* A label whose value is a whole number of at least 0: to set it, and to read it (false when it is
 * not there, or no such number). */
DOZAN_MUST_USE dozan_status dz_answer_label_number(dozan_answer *answer, const char *name,
                                                   int64_t value, dozan_error *err);
bool dz_trial_label_number(const dozan_trial *trial, const char *name, int64_t *value);

/* Rows of the settings tables. */
#define DZ_SETTING_RESOURCE_NAME                                                                   \
    {                                                                                              \
        .name = "resource_name", .type = DOZAN_SETTING_STRING, .required = true,                   \
        .help = "The int or double parameter that is the resource of a trial, such as its number " \
                "of epochs."                                                                       \
    }
#define DZ_SETTING_R_L                                                                             \
    {                                                                                              \
        .name = "r_l", .type = DOZAN_SETTING_DOUBLE, .required = true,                             \
        .help = "The most of the resource that one trial gets; within the resource parameter's "   \
                "range, whose min is the least."                                                   \
    }

#endif
