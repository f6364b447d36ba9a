/*
 * The core: what becomes of an experiment when something happens. No I/O, no clock, no randomness
 * inside.
 *
 * The loop calls dz_step for each event, writes what changed in one transaction, and only then
 * carries the effects out. Each effect is safe to repeat: the runner knows a job by (experiment,
 * trial, attempt), and asking changes nothing. Everything that the outside must still do can be
 * derived from the stored state again: DZ_EVENT_OPEN does so after a start, and DZ_EVENT_TICK
 * compares at any time.
 */
#ifndef DZ_CORE_STEP_H
#define DZ_CORE_STEP_H

#include "collectors/collector.h"
#include "core/model.h"
#include "core/slots.h"
#include "runners/runner.h"

typedef enum dz_event_kind {
    DZ_EVENT_OPEN,      /* the owner takes the experiment up: adopts what may run, goes on with what
                           waits, resumes what was suspended. Before it, only BUDGET has an effect.
                           With suspend.reason: it is to stop already, so nothing new begins */
    DZ_EVENT_TICK,      /* time has passed */
    DZ_EVENT_SUGGESTED, /* the search algorithm answered */
    DZ_EVENT_ASK_FAILED, /* it did not, or not in time, or the reply was refused on the way */
    DZ_EVENT_JUDGED,     /* the early stopper answered */
    DZ_EVENT_JUDGE_FAILED,
    DZ_EVENT_TRIAL_STARTED,
    DZ_EVENT_TRIAL_REPORTED,
    DZ_EVENT_TRIAL_ENDED,
    DZ_EVENT_BUDGET, /* a new specification with another budget (checked by dz_spec_check_update) */
    DZ_EVENT_SUSPEND, /* the user stops the experiment, or the owner is interrupted */
    DZ_EVENT_RESUME,
    DZ_EVENT_METADATA,   /* the same specification with other labels or annotations */
    DZ_EVENT_KILL_TRIAL, /* the user ends one trial */
    DZ_EVENT_RETRY_TRIAL /* the user wants a trial that has ended once more, as a new one */
} dz_event_kind;

typedef struct dz_event {
    dz_event_kind kind;
    union {
        const dozan_ask_reply *suggested; /* for trials from experiment->trial_count + 1 on */
        const dozan_judge_reply *judged;
        struct {
            const char *reason; /* "PluginUnavailable", "PluginTimeout", "PluginFault" */
            const char *message;
        } failed;
        struct {
            int64_t trial;
            int32_t attempt;
            const dz_point *points; /* REPORTED: in the order of the output */
            size_t point_count;
            const dz_end *end;     /* ENDED */
            const char *complaint; /* ENDED: what the collector could not use, or NULL */
            const char *worker;    /* STARTED: who runs it, or NULL */
        } trial;
        dz_experiment_spec *budget; /* taken; METADATA too */
        struct {
            const char *reason; /* "UserStopped", "Interrupted"; OPEN: NULL = it goes on */
        } suspend;
        int64_t kill;
        const dz_trial *retry; /* has ended, as stored */
    } u;
} dz_event;

typedef enum dz_effect_kind {
    DZ_EFFECT_ASK,   /* count trials from first_trial on */
    DZ_EFFECT_JUDGE, /* the trials with judged_dirty set before this step: numbers in trials[] */
    DZ_EFFECT_START,
    DZ_EFFECT_ADOPT,
    DZ_EFFECT_STOP,
    DZ_EFFECT_RESTART_PLUGIN, /* the search plugin answered nonsense: drop it, start it anew */
    DZ_EFFECT_RELEASE         /* the experiment has ended: plugins may forget it */
} dz_effect_kind;

typedef struct dz_effect {
    dz_effect_kind kind;
    int64_t trial; /* START, ADOPT, STOP; ASK: the first trial's number */
    int32_t attempt;
    uint32_t count;  /* ASK */
    int64_t *trials; /* JUDGE; owned by the changes */
    size_t trial_count;
} dz_effect;

/* An entry of the experiment's event log. Texts are owned by the changes. */
typedef struct dz_log_entry {
    int64_t seq;
    dozan_event_kind kind;
    int64_t trial;
    int32_t attempt;
    int64_t time_ms;
    uint32_t metric; /* REPORT */
    int64_t step;    /* REPORT */
    bool has_value;  /* REPORT, COMPLETED, STOPPED */
    double value;
    char *text; /* REPORT: as printed */
    /* COMPLETED, where objectives or constraints need them, and KNOWN: of the additional metrics;
     * NaN = none */
    double *others;
    size_t other_count;
    dozan_pair *assignments; /* KNOWN: names and values are owned */
    size_t assignment_count;
} dz_log_entry;

/* What one or more steps did. Trials in `ended` have left experiment->active and are owned here
 * until the clear. New and changed trials are those with `dirty` set in experiment->active, and all
 * of `ended`. */
typedef struct dz_changes {
    dz_log_entry *log;
    size_t log_count, log_capacity;
    dz_effect *effects;
    size_t effect_count, effect_capacity;
    dz_trial **ended;
    size_t ended_count, ended_capacity;
} dz_changes;

void dz_changes_clear(dz_changes *changes); /* frees what is in it; ready for use again */

/* Folds one event in. Appends to *changes; sets experiment->dirty and the trials' dirty flags.
 * RESOURCE_EXHAUSTED only for want of memory (then the caller must give up the run: state may be
 * half changed, but nothing of it is stored), and the same for INTERNAL and DATA_LOSS: a move that
 * the table of states does not allow, counters that do not add up. FAILED_PRECONDITION: a BUDGET
 * that may not replace the present one, a RETRY_TRIAL where none can be made; nothing was
 * changed. An event that no longer applies (an
 * old attempt, an ended trial) changes nothing. */
DOZAN_MUST_USE dozan_status dz_step(dz_experiment *experiment, dz_slots *slots,
                                    const dz_event *event, int64_t now_ms, dz_changes *changes,
                                    dozan_error *err);

/* When the next TICK is due (wall ms), or INT64_MAX. */
int64_t dz_next_tick(const dz_experiment *experiment);

/* Whether the loop has nothing left to wait for: ended or suspended, and no trial STARTING, RUNNING
 * or STOPPING. */
bool dz_experiment_at_rest(const dz_experiment *experiment);

/* Whether trials may have a job with the runner: STARTING, RUNNING or STOPPING. */
bool dz_experiment_has_jobs(const dz_experiment *experiment);

/* A new experiment in state CREATED. Takes spec. `uid` is in UUID form; `seed` counts unless the
 * spec has one. */
DOZAN_MUST_USE dozan_status dz_experiment_create(dz_experiment_spec *spec, const char *uid,
                                                 uint64_t seed, int64_t now_ms,
                                                 dz_experiment **experiment, dozan_error *err);

/* "<experiment>-" and 8 characters of Kubernetes' name alphabet, a pure function of uid and number.
 */
void dz_trial_name(const dz_experiment *experiment, int64_t number, char *name, size_t size);

/* A UUID (RFC 9562, version 8) that is likewise a pure function of the experiment's uid and the
 * number. */
enum { DZ_UID_TEXT = 40 };
void dz_trial_uid(const dz_experiment *experiment, int64_t number, char uid[DZ_UID_TEXT]);

#endif
