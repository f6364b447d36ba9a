/*
 * A laboratory for algorithms: an experiment, its log, and a session that is told the log as a host
 * would tell it. Every call fails the running cmocka test when something goes wrong that it does
 * not return.
 */
#ifndef DZ_SUPPORT_LAB_H
#define DZ_SUPPORT_LAB_H

#include "arena.h"
#include "session.h"

#include <dozan/algorithm.h>
#include <dozan/message.h>
#include <dozan/rng.h>

typedef struct dz_lab {
    const dozan_algorithm *algorithm;
    dozan_experiment experiment; /* its arrays are borrowed */
    dozan_space *space;          /* the lab's own, to read assignments */
    size_t dimensions;
    dz_arena arena; /* what the log points to */
    dozan_log_event *events;
    size_t event_count;
    size_t event_capacity;
    int64_t trials;      /* asked so far */
    dz_session *session; /* NULL until the first call that needs it */
    size_t applied;      /* events told to it */
} dz_lab;

/* What an ask of the lab brought; valid until the lab is closed. */
typedef struct dz_lab_answer {
    size_t count;
    int64_t first_trial;
    double **points; /* [count][dimensions], snapped */
    const dozan_suggestion *suggestions;
    dozan_ask_end end;
    const char *message;
} dz_lab_answer;

/* The algorithm of that name in the table; the test fails when there is none. */
const dozan_algorithm *dz_lab_algorithm(const char *name);

/* An experiment "lab" of the parameters, without settings, maximising nothing, of seed `seed`. */
dozan_experiment dz_lab_experiment(const dozan_algorithm *algorithm,
                                   const dozan_parameter *parameters, size_t count, uint64_t seed);

/* Gives the experiment the settings that its algorithm cannot do without, for its own parameters,
 * but `given` (may be NULL). The experiment borrows them from `room`, which must not be moved. */
enum { DZ_LAB_SETTINGS = 4 };
typedef struct dz_lab_settings {
    dozan_pair pairs[DZ_LAB_SETTINGS];
} dz_lab_settings;
void dz_lab_require(dozan_experiment *experiment, const dozan_algorithm *algorithm,
                    const dozan_pair *given, dz_lab_settings *room);

void dz_lab_open(dz_lab *lab, const dozan_algorithm *algorithm, const dozan_experiment *experiment);
void dz_lab_close(dz_lab *lab);

/* Asks for `count` trials with all of the log told, and logs nothing. */
dz_lab_answer dz_lab_peek(dz_lab *lab, uint32_t count);

/* Asks, and logs what was suggested as asked. */
dz_lab_answer dz_lab_ask(dz_lab *lab, uint32_t count);

/* Logs the answer of a peek as asked. */
void dz_lab_accept(dz_lab *lab, const dz_lab_answer *answer);

/* Logs a trial asked with given coordinates, as a user's initial point. Returns its number. */
int64_t dz_lab_give(dz_lab *lab, const double *point);

/* Logs an event of a trial; `value` of REPORT (at `step`), COMPLETED and STOPPED is the metric as
 * reported. */
void dz_lab_log(dz_lab *lab, dozan_event_kind kind, int64_t trial, int64_t step, double value);

/* Judges one trial with all of the log told. The message lives until the lab is closed. */
dozan_trial_verdict dz_lab_judge(dz_lab *lab, int64_t trial);

/* Drops the session, and with it every cache; the next one is told the log anew, in parts that rng
 * chooses (in one when rng is NULL). */
void dz_lab_restart(dz_lab *lab, dozan_rng *rng);

/* Another lab with the same log, where STARTED and LOST events are strewn in when rng is not NULL.
 */
void dz_lab_copy(dz_lab *copy, const dz_lab *lab, dozan_rng *rng);

#endif
