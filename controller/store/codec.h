/*
 * Lists inside a row, as JSON: readable in the sqlite3 shell, exact on the way back.
 *
 * Writers return NULL for want of memory. Readers return DATA_LOSS for a text that no writer here
 * makes, RESOURCE_EXHAUSTED for want of memory, and write their results only on success.
 */
#ifndef DZ_STORE_CODEC_H
#define DZ_STORE_CODEC_H

#include "core/model.h"

/* {"lr": "0.1", "units": "64"}: the order is kept, and so is a name that comes twice. */
cJSON *dz_pairs_write(const dozan_pair *pairs, size_t count);
DOZAN_MUST_USE dozan_status dz_pairs_read(const char *text, dozan_pair **pairs, size_t *count);
void dz_pairs_free(dozan_pair *pairs, size_t count);

/* [{"count": 3, "min": "0.2", "max": "0.9", "latest": "0.5"}]: texts as printed; a value that is
 * not what its text reads as stands beside it ("minValue"). */
cJSON *dz_observations_write(const dz_trial *trial);
DOZAN_MUST_USE dozan_status dz_observations_read(const char *text, size_t metric_count,
                                                 dz_observation **observations);
void dz_observations_free(dz_observation *observations, size_t count);

/* [{"type": "Created", "status": true, "reason": ..., "message": ..., "updated": ms, "changed":
 * ms}]
 */
cJSON *dz_conditions_write(const dz_experiment *experiment);
DOZAN_MUST_USE dozan_status dz_conditions_read(const char *text, dz_experiment *experiment);

/* {"RUNNING": 2, "SUCCEEDED": 10}: those above 0. */
cJSON *dz_counts_write(const dz_experiment *experiment);
DOZAN_MUST_USE dozan_status dz_counts_read(const char *text, dz_experiment *experiment);

/* [0, 1] */
cJSON *dz_gpus_write(const dz_trial *trial);
DOZAN_MUST_USE dozan_status dz_gpus_read(const char *text, dz_trial *trial);

/* ["0.1", "nan"]: numbers as texts, exact on the way back. */
cJSON *dz_numbers_write(const double *numbers, size_t count);
DOZAN_MUST_USE dozan_status dz_numbers_read(const char *text, double **numbers, size_t *count);

/* The names of the enumerations in the tables. They never change. */
enum {
    DZ_STOP_CAUSE_COUNT = DZ_STOP_INTERRUPT + 1,
    DZ_EVENT_NAME_COUNT = DOZAN_EVENT_KNOWN + 1 /* place 0 is not used */
};
extern const char *const dz_trial_state_codes[DZ_TRIAL_STATE_COUNT];
extern const char *const dz_experiment_state_codes[DZ_EXPERIMENT_STATE_COUNT];
extern const char *const dz_stop_cause_codes[DZ_STOP_CAUSE_COUNT];
extern const char *const dz_event_codes[DZ_EVENT_NAME_COUNT];

#endif
