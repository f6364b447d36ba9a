/*
 * The teller: one experiment's conversation with one plugin (its search algorithm, or its early
 * stopper).
 *
 * It sends only the events after the plugin's cursor, in parts of bounded size; a plugin that lost
 * its state answers STALE with its own cursor and is told from there on. One request is under way
 * at a time. Nothing is sent that is not committed: the events are read from the store.
 */
#ifndef DZ_LOOP_TELLER_H
#define DZ_LOOP_TELLER_H

#include "loop/plugins.h"

typedef struct dz_teller dz_teller;

/* What became of a message, for the core. */
typedef enum dz_told {
    DZ_TOLD_NOTHING, /* the conversation goes on, or the message was about an older request */
    DZ_TOLD_ANSWER,  /* the message holds the final reply */
    DZ_TOLD_FAILURE  /* reason and err say why there is none */
} dz_told;

/* For the search algorithm (kind SEARCH) or the early stopper of an experiment; borrows all of it.
 */
DOZAN_MUST_USE dozan_status dz_teller_create(dozan_algorithm_kind kind,
                                             const dz_experiment *experiment, dz_store *store,
                                             dz_plugins *plugins, dz_mailbox *mailbox,
                                             uint32_t timeout_ms, dz_teller **teller,
                                             dozan_error *err);
void dz_teller_destroy(dz_teller *teller); /* after the plugins: no call is under way any more */

/* Which plugin it speaks to. */
size_t dz_teller_plugin(const dz_teller *teller);

/* Begin a request; the plugin is started where it has to be. An error means that no message will
 * come. */
DOZAN_MUST_USE dozan_status dz_teller_ask(dz_teller *teller, int64_t first_trial, uint32_t count,
                                          dozan_error *err);
DOZAN_MUST_USE dozan_status dz_teller_judge(dz_teller *teller, const int64_t *trials, size_t count,
                                            dozan_error *err);

/* The plugin is ready: sends what waits for it. */
dz_told dz_teller_ready(dz_teller *teller, const char **reason, dozan_error *err);

/* The plugin has ended: a request under way fails. */
dz_told dz_teller_exited(dz_teller *teller, const dz_message *message, const char **reason,
                         dozan_error *err);

/* Takes a reply (ASK_REPLY or JUDGE_REPLY of this teller's kind). */
dz_told dz_teller_reply(dz_teller *teller, dz_message *message, const char **reason,
                        dozan_error *err);

/* Stops the plugin that answered last, unless another one has come since. */
void dz_teller_restart_plugin(dz_teller *teller);

/* Lets the plugin forget the experiment, where it is a service that outlives us. */
void dz_teller_release(dz_teller *teller);

#endif
