/*
 * What a trial's collector needs of the trial: files of its own, a port, and a process beside it.
 */
#ifndef DZ_LOOP_JOB_COLLECTOR_H
#define DZ_LOOP_JOB_COLLECTOR_H

#include "core/model.h"
#include "loop/run.h"
#include "runners/runner.h"

/* Trials run at the same time, and each has its image's paths for itself. Here a path that the
 * collector reads becomes one in the attempt's own directory, wherever the commands name it. */
typedef struct dz_job_collector {
    char *follow;       /* the file whose lines are followed; NULL = the output, or the process's */
    char *folder;       /* to be made before the start; NULL = none */
    dz_command *beside; /* the process; NULL = none */
    int64_t settle_ms;
    int port;                           /* that the trial is to listen at; 0 = none */
    char *path, *parent, *image_parent; /* the collector's path, and the folder above it */
    dz_path_map maps[2];
    size_t map_count;
} dz_job_collector;

/* The paths and the port. Of {0}; to be given to fini also when it fails. */
DOZAN_MUST_USE dozan_status dz_job_collector_init(dz_job_collector *collector,
                                                  const dz_run_config *config,
                                                  const dz_experiment *experiment,
                                                  const dz_trial *trial, dozan_error *err);

/* The process, with all maps. */
DOZAN_MUST_USE dozan_status dz_job_collector_process(
    dz_job_collector *collector, const dz_run_config *config, const dz_experiment_spec *spec,
    const char *trial_name, const dz_path_map *maps, size_t map_count, dozan_error *err);
void dz_job_collector_fini(dz_job_collector *collector);

#endif
