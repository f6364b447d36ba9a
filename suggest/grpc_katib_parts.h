/*
 * The inside of a fold of Katib's history, shared by grpc_katib_fold.c (what Katib lists) and
 * grpc_katib_answer.c (what it is answered).
 */
#ifndef DZ_GRPC_KATIB_PARTS_H
#define DZ_GRPC_KATIB_PARTS_H

#include "grpc_katib_fold.h"
#include "session_parts.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Of a trial's name, at least; as long as Katib's own suffix. */
enum { DZ_KATIB_NUMBER_DIGITS = 8 };

typedef struct dz_katib_member {
    UT_hash_handle hh;
    char *name;
    int64_t number;
    bool listed; /* Katib has shown it */
    bool shown;  /* in this request */
    bool ended;
    const dozan_pair *assignments;
    size_t assignment_count;
    const dozan_pair *labels;
    size_t label_count;
} dz_katib_member;

/* What has happened, in the order in which it was told to the session. */
typedef struct dz_katib_event {
    dozan_event_kind kind;
    dz_katib_member *trial;
    bool has_value;
    double value;
    double *others;
    size_t other_count;
} dz_katib_event;

struct dz_katib_fold {
    const dozan_algorithm *const *algorithms;
    dz_session *session;
    uint64_t digest; /* of the experiment that the session is for */
    dz_arena arena;  /* of the members and their texts */
    dz_katib_member *by_name;
    dz_katib_member **members; /* in the order of their ASKED */
    size_t count;
    size_t room;
    int64_t last_number;
    dz_katib_event *events;
    size_t event_count;
    size_t event_room;
};

/* What every step of a request needs. */
typedef struct dz_katib_turn {
    dz_katib_fold *fold;
    const dz_katib_ask *request;
    const dozan_experiment *experiment; /* without our own setting */
    const char *labels;                 /* that setting */
    dz_arena *arena;                    /* of the answer */
} dz_katib_turn;

dozan_status dz_katib_no_memory(dozan_error *err);

/* Adds what `from` describes (its texts are copied) and its ASKED. NULL: no memory. */
dz_katib_member *dz_katib_add_member(dz_katib_fold *fold, const dz_katib_member *from);

/* How many trials had been asked for before this request. */
int64_t dz_katib_given_before(const dz_katib_turn *t);

DOZAN_MUST_USE dozan_status dz_katib_answer_all(const dz_katib_turn *t, dz_katib_answer *answer,
                                                dozan_error *err);

#endif
