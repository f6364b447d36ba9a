/*
 * How a run looks while it goes on, as text: pure functions of its state.
 */
#ifndef DZ_CLI_PROGRESS_H
#define DZ_CLI_PROGRESS_H

#include "core/model.h"
#include "core/slots.h"
#include <dozan/buf.h>

/* What there is to show. */
typedef struct dz_progress {
    const dz_experiment *experiment;
    int64_t now_ms;
    int64_t run_started_ms;     /* this run, not the experiment */
    int64_t ended_before;       /* trials that had ended when this run started */
    const char *best_text;      /* the best trial's name and assignment; NULL = none yet */
    const char *trouble;        /* the last failure, or what the run waits for; NULL = none */
    const char *interrupt_text; /* shown while the run is being stopped; NULL = it is not */
    size_t columns;             /* of the terminal */
    size_t rows;                /* how many lines the view may take, 4 at least */
    bool colour;
} dz_progress;

/* Appends the live view: a head line, a bar, the best so far, the running trials with their latest
 * value, the trouble. Every line ends with a newline and is narrower than the terminal. Returns the
 * number of lines. */
size_t dz_progress_view(const dz_progress *progress, dozan_buf *out);

/* Appends one line about the count-th trial that has ended, with its newline. */
void dz_progress_ended(const dz_experiment *experiment, const dz_trial *trial, int64_t count,
                       dozan_buf *out);

/* How many trials have ended, in whatever way. */
int64_t dz_progress_count(const dz_experiment *experiment);

/* The time left in ms, from the rate of this run's trials and the limits of the experiment; -1
 * when there is nothing yet to tell it from. */
int64_t dz_progress_left(const dz_progress *progress);

/* Appends "28 succeeded, 1 failed, 1 running", without the states that no trial is in. */
void dz_progress_counts(const dz_experiment *experiment, dozan_buf *out);

#endif
