/*
 * Experiments, Trials and Suggestions as Katib's own resources: apiVersion, kind, metadata, spec
 * and status, field by field. What `-o json|yaml` prints, and what the REST API will serve.
 */
#ifndef DZ_API_RESOURCE_H
#define DZ_API_RESOURCE_H

#include "store/store.h"

/* The Experiment with its status: conditions, counters, lists of trial names, currentOptimalTrial.
 * Owned. */
DOZAN_MUST_USE dozan_status dz_resource_experiment(dz_store *store, const dz_experiment *experiment,
                                                   cJSON **resource, dozan_error *err);

/* A Trial with its status and observation. Owned. */
DOZAN_MUST_USE dozan_status dz_resource_trial(const dz_experiment *experiment,
                                              const dz_trial *trial, cJSON **resource,
                                              dozan_error *err);

/* The Suggestion of an experiment: requests, suggestionCount, suggestions[]. Owned. */
DOZAN_MUST_USE dozan_status dz_resource_suggestion(dz_store *store, const dz_experiment *experiment,
                                                   cJSON **resource, dozan_error *err);

/* "2026-01-31T12:00:00Z" into text[32]; "" for 0. */
void dz_time_text(int64_t time_ms, char text[32]);

#endif
