/*
 * What the early stoppers share: rows of their settings tables, quantiles of what completed trials
 * had at each step, and the reading of a trial's own reports.
 *
 * A step is the trial's n-th report of the objective, from 1.
 */
#ifndef DZ_STOPPING_H
#define DZ_STOPPING_H

#include "numerics/running_quantile.h"

#include <dozan/algorithm.h>

/* Completed trials are not recorded beyond this step, which bounds the memory that a log can ask
 * for. */
enum { DZ_MAX_STEPS = 1 << 20 };

/* steps[s-1]: one number of each completed trial that came to step s. Zero the struct. */
typedef struct dz_step_quantiles {
    dz_running_quantile *steps;
    size_t count;
    size_t capacity;
} dz_step_quantiles;

void dz_step_quantiles_fini(dz_step_quantiles *quantiles);
DOZAN_MUST_USE dozan_status dz_step_quantiles_add(dz_step_quantiles *quantiles, int64_t step,
                                                  double share, double value, dozan_error *err);

/* The set of a step; NULL when no trial came so far. */
const dz_running_quantile *dz_step_quantiles_at(const dz_step_quantiles *quantiles, int64_t step);

/* The smallest loss that the trial reported up to a step; infinite when none is a number, so that
 * a trial which only ever diverged is bad. */
double dz_best_loss(const dozan_trial *trial, int64_t step);

/* The step of the trial's last report; 0 when there is none. */
int64_t dz_last_step(const dozan_trial *trial);

/* The last step up to `step` at which a trial is judged by n_warmup_steps and interval_steps; 0
 * when there is none yet. */
int64_t dz_judged_step(const dozan_settings *settings, int64_t step);

/* A loss as the user's program printed it. */
void dz_loss_text(const dozan_problem *problem, double loss, char text[DOZAN_VALUE_TEXT]);

/* ---- rows of the settings tables; those with the same name mean the same everywhere ---------- */

#define DZ_SETTINGS_INTERVAL                                                                       \
    {.name = "n_warmup_steps",                                                                     \
     .type = DOZAN_SETTING_INT,                                                                    \
     .default_text = "0",                                                                          \
     .min = "0",                                                                                   \
     .help = "How many of its first reports a trial is not judged by."},                           \
    {                                                                                              \
        .name = "interval_steps", .type = DOZAN_SETTING_INT, .default_text = "1", .min = "1",      \
        .help = "After the first reports, a trial is judged at every so manieth report."           \
    }

#define DZ_SETTINGS_MEDIANSTOP                                                                     \
    {.name = "min_trials_required",                                                                \
     .type = DOZAN_SETTING_INT,                                                                    \
     .default_text = "3",                                                                          \
     .min = "0",                                                                                   \
     .min_exclusive = true,                                                                        \
     .help = "How many completed trials must have got as far before a trial is judged."},          \
    {                                                                                              \
        .name = "start_step", .type = DOZAN_SETTING_INT, .default_text = "4", .min = "1",          \
        .help = "The first report of the objective at which a trial is judged, counted from 1."    \
    }

#define DZ_SETTINGS_PERCENTILE                                                                     \
    {.name = "percentile",                                                                         \
     .type = DOZAN_SETTING_DOUBLE,                                                                 \
     .default_text = "25",                                                                         \
     .min = "0",                                                                                   \
     .max = "100",                                                                                 \
     .help = "A trial goes on while it is within this many percent of the best."},                 \
        {.name = "n_startup_trials",                                                               \
         .type = DOZAN_SETTING_INT,                                                                \
         .default_text = "5",                                                                      \
         .min = "0",                                                                               \
         .help = "How many trials must have completed before one is judged."},                     \
    {                                                                                              \
        .name = "n_min_trials", .type = DOZAN_SETTING_INT, .default_text = "1", .min = "1",        \
        .help = "How many of the completed trials must have got as far as the trial to be judged." \
    }

#define DZ_SETTINGS_ASHA_STOP                                                                      \
    {.name = "min_resource",                                                                       \
     .type = DOZAN_SETTING_INT,                                                                    \
     .default_text = "1",                                                                          \
     .min = "1",                                                                                   \
     .help = "The report at which trials are first compared: the lowest rung."},                   \
        {.name = "max_resource",                                                                   \
         .type = DOZAN_SETTING_INT,                                                                \
         .min = "1",                                                                               \
         .help = "The number of reports of a whole trial, where it is known: no rung is there or " \
                 "beyond."},                                                                       \
        {.name = "reduction_factor",                                                               \
         .type = DOZAN_SETTING_DOUBLE,                                                             \
         .default_text = "3",                                                                      \
         .min = "2",                                                                               \
         .help =                                                                                   \
             "One in so many trials of a rung goes on; the next rung is so many times higher."},   \
        {.name = "min_early_stopping_rate",                                                        \
         .type = DOZAN_SETTING_INT,                                                                \
         .default_text = "0",                                                                      \
         .min = "0",                                                                               \
         .max = "40",                                                                              \
         .help = "How many of the lowest rungs are left out."},                                    \
    {                                                                                              \
        .name = "bootstrap_count", .type = DOZAN_SETTING_INT, .default_text = "0", .min = "0",     \
        .help = "How many trials must have come to a rung before one is stopped there."            \
    }

#define DZ_SETTINGS_THRESHOLD                                                                      \
    {.name = "lower",                                                                              \
     .type = DOZAN_SETTING_DOUBLE,                                                                 \
     .help = "A trial that reports a lower objective is stopped."},                                \
    {                                                                                              \
        .name = "upper", .type = DOZAN_SETTING_DOUBLE,                                             \
        .help = "A trial that reports a higher objective is stopped."                              \
    }

#define DZ_SETTINGS_WILCOXON                                                                       \
    {.name = "p_threshold",                                                                        \
     .type = DOZAN_SETTING_DOUBLE,                                                                 \
     .default_text = "0.1",                                                                        \
     .min = "0",                                                                                   \
     .max = "1",                                                                                   \
     .help = "A trial is stopped when chance alone would make it look as bad less often than "     \
             "this."},                                                                             \
    {                                                                                              \
        .name = "n_startup_steps", .type = DOZAN_SETTING_INT, .default_text = "2", .min = "0",     \
        .help = "How many reports a trial and the best one must have in common before it is "      \
                "judged."                                                                          \
    }

#endif
