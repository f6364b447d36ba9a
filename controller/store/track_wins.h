/*
 * spec.onSuccess.register: the best trial's logged model becomes a version of a registered model
 * when its experiment has succeeded.
 *
 * That it is to be done is written with the success, by a trigger; that it is done, with the
 * version itself. So it is done once, whatever is killed when.
 */
#ifndef DZ_STORE_TRACK_WINS_H
#define DZ_STORE_TRACK_WINS_H

#include "store/track.h"

/* An experiment whose best model is to be registered, 0 = there is none now. */
DOZAN_MUST_USE dozan_status dz_track_next_win(dz_track *track, int64_t *experiment,
                                              dozan_error *err);

/* Registers that of the experiment with the number `experiment`, as one change: {message, name,
 * version, promoted}. What keeps it from being registered is its message, and the parent run's tag
 * dozan.register. */
dz_track_call dz_track_register_best;

#endif
