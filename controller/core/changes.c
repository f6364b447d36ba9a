/*
 * What steps hand on: log entries, effects and ended trials, collected for one commit.
 */
#include "core/turn.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(void **items, size_t *capacity, size_t count, size_t item_size);

dozan_status dz_out_of_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

void dz_changes_clear(dz_changes *changes)
{
    for (size_t i = 0; i < changes->log_count; i++) {
        free(changes->log[i].text);
        free(changes->log[i].others);
        dz_pairs_destroy(changes->log[i].assignments, changes->log[i].assignment_count);
    }
    for (size_t i = 0; i < changes->effect_count; i++) {
        free(changes->effects[i].trials);
    }
    for (size_t i = 0; i < changes->ended_count; i++) {
        dz_trial_destroy(changes->ended[i]);
    }
    free(changes->log);
    free(changes->effects);
    free(changes->ended);
    memset(changes, 0, sizeof *changes);
}

dozan_status dz_turn_log(dz_turn *turn, dozan_event_kind kind, const dz_trial *trial,
                         dz_log_entry **entry)
{
    dz_changes *changes = turn->changes;
    void *items = changes->log;
    dz_log_entry *added;

    if (!reserve(&items, &changes->log_capacity, changes->log_count, sizeof *changes->log)) {
        return dz_out_of_memory(turn->err);
    }
    changes->log = items;
    added = &changes->log[changes->log_count++];
    memset(added, 0, sizeof *added);
    added->seq = ++turn->experiment->last_seq;
    added->kind = kind;
    added->trial = trial->number;
    added->attempt = trial->attempt;
    added->time_ms = turn->now_ms;
    if (kind != DOZAN_EVENT_REPORT) { /* a report is the trial's affair, but for its number */
        turn->experiment->dirty = true;
    }
    if (entry != NULL) {
        *entry = added;
    }
    return DOZAN_OK;
}

dozan_status dz_turn_effect(dz_turn *turn, dz_effect_kind kind, const dz_trial *trial,
                            dz_effect **effect)
{
    dz_changes *changes = turn->changes;
    void *items = changes->effects;
    dz_effect *added;

    if (!reserve(&items, &changes->effect_capacity, changes->effect_count,
                 sizeof *changes->effects)) {
        return dz_out_of_memory(turn->err);
    }
    changes->effects = items;
    added = &changes->effects[changes->effect_count++];
    memset(added, 0, sizeof *added);
    added->kind = kind;
    if (trial != NULL) {
        added->trial = trial->number;
        added->attempt = trial->attempt;
    }
    if (effect != NULL) {
        *effect = added;
    }
    return DOZAN_OK;
}

dozan_status dz_turn_ended(dz_turn *turn, dz_trial *trial)
{
    dz_changes *changes = turn->changes;
    void *items = changes->ended;

    if (!reserve(&items, &changes->ended_capacity, changes->ended_count, sizeof(dz_trial *))) {
        return dz_out_of_memory(turn->err);
    }
    changes->ended = items;
    changes->ended[changes->ended_count++] = trial;
    return DOZAN_OK;
}

/* Room for one more. */
static bool reserve(void **items, size_t *capacity, size_t count, size_t item_size)
{
    size_t next = *capacity == 0 ? 8 : *capacity * 2;
    void *grown;

    if (count < *capacity) {
        return true;
    }
    if (next < *capacity || next > SIZE_MAX / item_size) {
        return false;
    }
    grown = realloc(*items, next * item_size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *capacity = next;
    return true;
}
