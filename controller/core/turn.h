/*
 * What the files of the core share: one step under way, and the small verbs that steps are made of.
 *
 * Every change of a trial's state goes through dz_trial_move, every change of an experiment's
 * through dz_experiment_enter, every entry of the log through dz_turn_log: so counters, slots,
 * conditions and sequence numbers cannot drift from the states.
 */
#ifndef DZ_CORE_TURN_H
#define DZ_CORE_TURN_H

#include "core/step.h"

enum {
    DZ_BACKOFF_FIRST_MS = 250,
    DZ_BACKOFF_LAST_MS = 30000,
    DZ_MAX_FAULTS_IN_ROW = 8,  /* of the search plugin, before the experiment fails; the default */
    DZ_MAX_LOSSES = 5,         /* of one trial, before it fails */
    DZ_MAX_ASK = 256,          /* trials in one ask */
    DZ_REPORT_WAIT_MS = 5000,  /* for a report that is on its way when its trial's job has ended */
    DZ_RUNTIME_SAVE_MS = 10000 /* how much of the running time a crash may forget */
};

typedef struct dz_turn {
    dz_experiment *experiment;
    dz_slots *slots;
    dz_changes *changes;
    int64_t now_ms;
    dozan_error *err;
} dz_turn;

/* ---- changes.c */

dozan_status dz_out_of_memory(dozan_error *err);

/* Appends an entry with the next number of the log; *entry (may be NULL) is valid until the next
 * one. */
DOZAN_MUST_USE dozan_status dz_turn_log(dz_turn *turn, dozan_event_kind kind, const dz_trial *trial,
                                        dz_log_entry **entry);

/* Appends an effect; trial and effect may be NULL. */
DOZAN_MUST_USE dozan_status dz_turn_effect(dz_turn *turn, dz_effect_kind kind,
                                           const dz_trial *trial, dz_effect **effect);

/* Hands a trial that has left experiment->active over to changes->ended. */
DOZAN_MUST_USE dozan_status dz_turn_ended(dz_turn *turn, dz_trial *trial);

/* ---- text.c */

/* Formats into to[size]; what does not fit is cut at a character's end and marked with "...";
 * control characters become spaces, and bytes that are no UTF-8 question marks. Returns whether the
 * text is another one than before. */
bool dz_text_set(char *to, size_t size, const char *format, ...) DOZAN_PRINTF(3, 4);
bool dz_text_vset(char *to, size_t size, const char *format, va_list args) DOZAN_PRINTF(3, 0);

/* Whether a text is UTF-8 without control characters. */
bool dz_text_valid(const char *text);

/* 250 ms, doubled with every further one of `times` in a row, 30 s at most. */
int64_t dz_backoff_ms(int64_t times);

/* ---- trial_state.c */

/* Whether a trial in this state has a job with the runner, and so holds its slots. */
bool dz_trial_state_holds(dz_trial_state state);

/* The one place where a trial's state changes: checks the move against the table, keeps the
 * counters, takes or gives back the slots, and hands an ended trial over. INTERNAL: no such move.
 */
DOZAN_MUST_USE dozan_status dz_trial_move(dz_turn *turn, dz_trial *trial, dz_trial_state to);

/* Sets reason and message. */
void dz_trial_say(dz_trial *trial, const char *reason, const char *format, ...) DOZAN_PRINTF(3, 4);

/* Ends a trial: its log entry (with the values where `kind` has some), the best so far and the
 * front, the move. */
DOZAN_MUST_USE dozan_status dz_trial_finish(dz_turn *turn, dz_trial *trial, dz_trial_state to,
                                            dozan_event_kind kind);

/* ---- conditions.c */

/* Changes the experiment's state, with its conditions as Katib keeps them: the last is the current
 * one. */
void dz_experiment_enter(dz_turn *turn, dz_experiment_state state, const char *reason,
                         const char *format, ...) DOZAN_PRINTF(4, 5);

/* How long the experiment has been running, over all runs. */
int64_t dz_experiment_runtime(const dz_experiment *experiment, int64_t now_ms);

/* ---- observe.c */

/* Forgets what an earlier attempt has reported. */
void dz_observation_clear(dz_trial *trial);
DOZAN_MUST_USE dozan_status dz_step_reported(dz_turn *turn, const dz_event *event);

/* ---- create.c */

/* Makes trial number trial_count + 1 from assignments[count] in the order of the parameters (all is
 * copied; those without a name, of inactive parameters, are left out), PENDING; or FAILED at once
 * when the template cannot be rendered with it. */
DOZAN_MUST_USE dozan_status dz_trial_create(dz_turn *turn, const dozan_pair *assignments,
                                            size_t count, const dozan_pair *labels,
                                            size_t label_count);

/* ---- step_suggest.c, reply.c */

/* How many trials the experiment should have besides those that are active, now. */
int64_t dz_trials_wanted(const dz_experiment *experiment);

/* Whether an ask would be sent but for the time of ask_not_before_ms. */
bool dz_ask_wanted(const dz_experiment *experiment);

/* After how many faults of the search plugin in a row the experiment fails. */
int32_t dz_fault_limit(const dz_experiment *experiment);

/* Counts a fault of a plugin, and keeps it for `describe`. */
void dz_note_fault(dz_experiment *experiment, const char *reason, const char *message);

DOZAN_MUST_USE dozan_status dz_fill(dz_turn *turn); /* initial points, then an ask */
DOZAN_MUST_USE dozan_status dz_step_suggested(dz_turn *turn, const dozan_ask_reply *reply);
DOZAN_MUST_USE dozan_status dz_step_ask_failed(dz_turn *turn, const char *reason,
                                               const char *message);

/* Checks a whole reply; INVALID_ARGUMENT with a sentence that names its fault. On success
 * assignments[suggestion_count * parameter_count] holds what the trials get, in the order of the
 * parameters (without a name where the parameter is inactive); its texts borrow from reply, space
 * and the array itself, which the caller frees. */
DOZAN_MUST_USE dozan_status dz_reply_check(const dz_experiment *experiment,
                                           const dozan_ask_reply *reply, dozan_pair **assignments,
                                           dozan_error *err);

/* ---- step_trials.c */

DOZAN_MUST_USE dozan_status dz_start_pending(dz_turn *turn);
DOZAN_MUST_USE dozan_status dz_step_started(dz_turn *turn, const dz_event *event);

/* Notes, once for each attempt, that the trial's job runs. */
DOZAN_MUST_USE dozan_status dz_trial_running(dz_turn *turn, dz_trial *trial);
DOZAN_MUST_USE dozan_status dz_step_kill(dz_turn *turn, int64_t trial);

/* Makes a new trial with the assignments of one that has ended; see DZ_EVENT_RETRY_TRIAL. */
DOZAN_MUST_USE dozan_status dz_step_retry(dz_turn *turn, const dz_trial *ended);

/* Begins to stop a trial that holds slots (or only changes the cause, where it is being stopped for
 * a weaker one); a PENDING one is KILLED, unless it is only interrupted. */
DOZAN_MUST_USE dozan_status dz_trial_stop(dz_turn *turn, dz_trial *trial, dz_stop_cause cause,
                                          const char *reason, const char *message);
DOZAN_MUST_USE dozan_status dz_stop_all(dz_turn *turn, dz_stop_cause cause, const char *reason,
                                        const char *message);

/* ---- step_ended.c, job_object.c, advice.c */

DOZAN_MUST_USE dozan_status dz_step_ended(dz_turn *turn, const dz_event *event);

/* Ends the trials whose report has come since their job ended, or has not come in time. */
DOZAN_MUST_USE dozan_status dz_end_awaited(dz_turn *turn);

typedef enum dz_job_verdict { DZ_JOB_SUCCEEDED, DZ_JOB_FAILED, DZ_JOB_UNDECIDED } dz_job_verdict;

/* Shows the finished process as a Kubernetes Job to the template's failure and success conditions,
 * in this order. INVALID_ARGUMENT: a condition cannot be evaluated. */
DOZAN_MUST_USE dozan_status dz_job_judge(const dz_experiment_spec *spec, const dz_end *end,
                                         dz_job_verdict *verdict, dozan_error *err);

enum { DZ_ADVICE_TEXT = 384 };
/* How the process ended, and what to look at. */
void dz_advice_on_end(const dz_experiment *experiment, const dz_trial *trial, const dz_end *end,
                      char text[DZ_ADVICE_TEXT]);
/* Which metric of an objective or a constraint is missing, and where it was looked for. */
void dz_advice_on_metric(const dz_experiment *experiment, const dz_trial *trial,
                         const char *complaint, char text[DZ_ADVICE_TEXT]);

/* ---- step_judge.c */

bool dz_judge_wanted(const dz_experiment *experiment);
void dz_judge_mark(dz_experiment *experiment); /* all that has reported is to be judged (again) */
DOZAN_MUST_USE dozan_status dz_judge(dz_turn *turn);
DOZAN_MUST_USE dozan_status dz_step_judged(dz_turn *turn, const dozan_judge_reply *reply);
void dz_step_judge_failed(dz_turn *turn, const char *reason, const char *message);

/* ---- step_completion.c */

typedef enum dz_completion {
    DZ_GOES_ON,
    DZ_GOAL_REACHED,
    DZ_TOO_MANY_FAILED,
    DZ_MAX_TRIALS_REACHED,
    DZ_SUGGESTIONS_ENDED,
    DZ_MAX_RUNTIME_REACHED,
    DZ_SUGGESTION_FAILED
} dz_completion;

/* Why the experiment is over under this specification, in Katib's order of tests. */
dz_completion dz_completion_test(const dz_experiment *experiment, const dz_experiment_spec *spec,
                                 int64_t now_ms);
DOZAN_MUST_USE dozan_status dz_complete(dz_turn *turn, dz_completion why);
int64_t dz_completed_count(const dz_experiment *experiment);

/* ---- step_open.c, step_control.c */

DOZAN_MUST_USE dozan_status dz_step_open(dz_turn *turn);
void dz_experiment_restart(dz_turn *turn, const char *message);
bool dz_suggestion_failed(const dz_experiment *experiment); /* it ended by its plugin's faults */
DOZAN_MUST_USE dozan_status dz_step_budget(dz_turn *turn, dz_experiment_spec *next);
DOZAN_MUST_USE dozan_status dz_step_metadata(dz_turn *turn, dz_experiment_spec *next);
DOZAN_MUST_USE dozan_status dz_step_suspend(dz_turn *turn, const char *reason);
DOZAN_MUST_USE dozan_status dz_step_resume(dz_turn *turn);

#endif
