/*
 * A session: one experiment's instance of one algorithm, behind the host. It turns the experiment's
 * log into the history that the algorithm reads, and the algorithm's points into assignments.
 *
 * A session is a cursor over the log: after an apply that is neither stale nor an error, its state
 * is that of the whole log up to the cursor, however the log was split into parts. It belongs to
 * one thread at a time; different sessions are independent.
 */
#ifndef DZ_SESSION_H
#define DZ_SESSION_H

#include "arena.h"

#include <dozan/algorithm.h>
#include <dozan/message.h>
#include <dozan/status.h>

typedef struct dz_session dz_session;

/* Checks all that can be checked before the first event: the space, the settings of the algorithm's
 * kind (search or early stopping), and what the algorithm itself demands. INVALID_ARGUMENT has a
 * place in the experiment, as in Katib's YAML: "spec.parameters[0].feasibleSpace.step",
 * "spec.algorithm.algorithmSettings[1]", "spec.earlyStopping.algorithmSettings[0]". */
DOZAN_MUST_USE dozan_status dz_session_validate(const dozan_algorithm *algorithm,
                                                const dozan_experiment *experiment,
                                                dozan_error *err);

/* Makes a session with no events, after the same checks. `algorithm` must outlive it; `experiment`
 * is copied. */
DOZAN_MUST_USE dozan_status dz_session_create(const dozan_algorithm *algorithm,
                                              const dozan_experiment *experiment,
                                              dz_session **session, dozan_error *err);

/* Takes NULL. */
void dz_session_destroy(dz_session *session);

/* The sequence number that a log part may start after: the last one applied; 0 when there is none,
 * or when the session must be told the whole log again. */
int64_t dz_session_applied_seq(const dz_session *session);

/* Folds a part of the log in (log->uid and log->experiment are the host's business and not looked
 * at).
 *
 *   since_seq <= cursor      events up to the cursor are known and skipped; afterwards the cursor
 * is to_seq since_seq > cursor       a gap: *stale = true, nothing is done to_seq < cursor the
 * caller's log is behind: *stale = true, nothing is done, and the whole log is wanted
 *
 * A part that starts at 0 heals both a broken session and one that is ahead: it is built anew.
 * INVALID_ARGUMENT: an event makes no sense (its place is "events[3]"). That, and an error of the
 * algorithm's tell, breaks the session: its cursor is 0, and only a part from 0 on is not stale. */
DOZAN_MUST_USE dozan_status dz_session_apply(dz_session *session, const dozan_log_part *log,
                                             bool *stale, dozan_error *err);

/* Asks for `count` trials numbered from first_trial on. Fills *reply (stale and unknown_experiment
 * are false); what it points to lives in `arena`. A batch answers as the same number of single asks
 * would whose answers were told in between, save for what an algorithm does in tell. Fewer than
 * `count` come with reply->end and a sentence, or because a batch is limited to
 * DZ_SESSION_MAX_BATCH (end stays DOZAN_ASK_MORE). INTERNAL: the algorithm answered nonsense. */
enum { DZ_SESSION_MAX_BATCH = 4096 };
DOZAN_MUST_USE dozan_status dz_session_ask(const dz_session *session, int64_t first_trial,
                                           uint32_t count, dz_arena *arena, dozan_ask_reply *reply,
                                           dozan_error *err);

/* Judges the pending ones of the trials, in their order; one that has ended gets no verdict.
 * INVALID_ARGUMENT: a trial that is not in the log. *reply as above. */
DOZAN_MUST_USE dozan_status dz_session_judge(const dz_session *session, const int64_t *trials,
                                             size_t trial_count, dz_arena *arena,
                                             dozan_judge_reply *reply, dozan_error *err);

#endif
