/*
 * An experiment's log as Katib's history: what an existing Suggestion or EarlyStopping service gets
 * with each call. As a session it has a cursor, and may be dropped: the log makes it anew.
 *
 * What a service says of a suggestion beside its values (a name of its own for the trial, the exact
 * texts of values that the space writes otherwise, and settings that it wants to see again) becomes
 * labels of the suggestion. So it is in the log, too. It belongs to one thread at a time.
 */
#ifndef DZ_GRPC_BRIDGE_LOG_H
#define DZ_GRPC_BRIDGE_LOG_H

#include "wire_katib.h"

typedef struct dz_bridge_log dz_bridge_log;

/* NULL: no memory. */
dz_bridge_log *dz_bridge_log_create(void);
/* Takes NULL. */
void dz_bridge_log_destroy(dz_bridge_log *log);

int64_t dz_bridge_log_cursor(const dz_bridge_log *log);

/* Folds a part of the log in, as dz_session_apply does; *unknown: the experiment is needed, too. */
DOZAN_MUST_USE dozan_status dz_bridge_log_apply(dz_bridge_log *log, const dozan_log_part *part,
                                                bool *stale, bool *unknown, dozan_error *err);

/* The whole history; in the arena, or borrowed until the next apply. */
DOZAN_MUST_USE dozan_status dz_bridge_log_history(const dz_bridge_log *log, dz_arena *arena,
                                                  dz_katib_history *history, dozan_error *err);

/* A service's answer as a host's; INTERNAL where it makes no sense. */
DOZAN_MUST_USE dozan_status dz_bridge_log_answer(dz_bridge_log *log, const dz_katib_answer *answer,
                                                 uint32_t wanted, dz_arena *arena,
                                                 dozan_ask_reply *reply, dozan_error *err);

/* Whether the rules that were last given still stand: no trial has succeeded since. */
bool dz_bridge_log_has_rules(const dz_bridge_log *log);
DOZAN_MUST_USE dozan_status dz_bridge_log_set_rules(dz_bridge_log *log, const dz_katib_rule *rules,
                                                    size_t count, dozan_error *err);

/* Judges a trial by the rules: it is stopped when all of them say so. *name is the trial's for the
 * service. False: there is no such trial, or it has ended. */
bool dz_bridge_log_judge(const dz_bridge_log *log, int64_t trial, dz_arena *arena,
                         dozan_trial_verdict *verdict, const char **name);

#endif
