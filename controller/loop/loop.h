/*
 * The state of a loop, which its files share: run.c has the turns, inquire.c what is asked of
 * plugins without a run. All of it is the loop's thread's, but for the mailbox and the interrupts.
 */
#ifndef DZ_LOOP_LOOP_H
#define DZ_LOOP_LOOP_H

#include "loop/jobs.h"
#include "loop/plugins.h"
#include "loop/run.h"
#include "loop/teller.h"

#include <stdatomic.h>

struct dz_loop {
    dz_store *store;
    const dz_run_config *config;
    const dz_run_observer *observer;
    dz_mailbox *mailbox;
    dz_plugins *plugins;
    dz_jobs *jobs;
    dz_slots slots;
    atomic_int interrupts;

    /* of the run */
    dz_experiment *experiment;
    dz_teller *search, *stopper;
    dz_changes changes;
    int interrupts_taken;
    int64_t last_progress_ms, last_command_ms;
};

/* Wall clock, ms since 1970. */
int64_t dz_loop_wall_ms(void);

#endif
