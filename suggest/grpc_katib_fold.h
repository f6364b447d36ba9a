/*
 * One experiment of Katib's, folded into a session. Katib sends its whole history with each
 * request and wants a number of suggestions; a session wants a log and what is new in it. The fold
 * numbers the trials, writes the log, and tells the session its tail.
 *
 * Nothing here is needed for a right answer: a fold that knows nothing yet makes it from the
 * request alone. What Katib does not send back with a trial (the labels by which some algorithms
 * know it again) is sent along as an algorithm setting, which Katib keeps and sends back. A trial's
 * number is in its name, and how many were ever asked for in each request; so after a restart no
 * number is used twice.
 *
 * A fold belongs to one thread at a time.
 */
#ifndef DZ_GRPC_KATIB_FOLD_H
#define DZ_GRPC_KATIB_FOLD_H

#include "wire_katib.h"

#include <dozan/algorithm.h>

typedef struct dz_katib_fold dz_katib_fold;

/* What keeps the labels. A setting of an algorithm cannot have this name. */
#define DZ_KATIB_LABELS_SETTING "dozan-labels"

/* NULL: no memory. `algorithms` (NULL-terminated) must outlive it. */
dz_katib_fold *dz_katib_fold_create(const dozan_algorithm *const *algorithms);
/* Takes NULL. */
void dz_katib_fold_destroy(dz_katib_fold *fold);

/* Answers a request; what *answer points to lives in `arena`. A request that is repeated because
 * its answer was lost gets the same answer. FAILED_PRECONDITION: none can be had until a trial
 * ends. OUT_OF_RANGE: none can be had ever again. */
DOZAN_MUST_USE dozan_status dz_katib_fold_ask(dz_katib_fold *fold, const dz_katib_ask *request,
                                              dz_arena *arena, dz_katib_answer *answer,
                                              dozan_error *err);

/* The algorithm that the experiment names; INVALID_ARGUMENT: there is none of that name and kind.
 */
DOZAN_MUST_USE dozan_status dz_katib_find_algorithm(const dozan_algorithm *const *algorithms,
                                                    dozan_algorithm_kind kind, const char *name,
                                                    const dozan_algorithm **found,
                                                    dozan_error *err);

/* The experiment without the setting that keeps the labels, and that setting's value ("" = none).
 */
DOZAN_MUST_USE dozan_status dz_katib_own_settings(const dozan_experiment *experiment,
                                                  dz_arena *arena, dozan_experiment *own,
                                                  const char **labels, dozan_error *err);

/* ---- labels as a setting (grpc_katib_labels.c) ---------------------------------------------- */

/* "NUMBER name=value name=value;" of a trial's labels, appended; those that cannot be written so
 * are left out. */
typedef struct dozan_buf dozan_buf;
void dz_katib_labels_write(dozan_buf *text, int64_t number, const dozan_pair *labels, size_t count);

/* The labels of a number, if they are in `text`; in the arena. NULL with *count 0: none. */
dozan_pair *dz_katib_labels_read(const char *text, int64_t number, dz_arena *arena, size_t *count);

/* Whether Kubernetes would take it for a label, as which Katib attaches it to the trial. */
bool dz_katib_label_is_valid(const dozan_pair *label);

#endif
