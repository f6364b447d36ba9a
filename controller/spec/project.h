/*
 * spec.trialTemplate.project: a folder with an MLproject of MLflow's, whose entry point the trials
 * run.
 *
 *   trialTemplate:
 *     project:
 *       path: ./training        # where the folder is on the machine that runs the trials
 *       entryPoint: main
 *       env: system             # or local, virtualenv, uv, conda: by MLflow's own client
 *       parameters: {epochs: 3} # of the entry point that are not searched for
 *
 * It is written out as a trialSpec with its trialParameters, which from there on are what counts.
 */
#ifndef DZ_SPEC_PROJECT_H
#define DZ_SPEC_PROJECT_H

#include "spec/validate.h"

/* Before the defaults. False: no memory. */
bool dz_project_expand(const dz_check *check);

#endif
