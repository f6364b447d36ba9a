/*
 * The inside of a session, shared by session.c (making, asking, judging) and session_apply.c
 * (folding the log).
 */
#ifndef DZ_SESSION_PARTS_H
#define DZ_SESSION_PARTS_H

#include "history.h"
#include "session.h"
#include "settings.h"

/* An objective or a constraint: which of the log's other values it is about, and how. */
typedef struct dz_metric_role {
    uint32_t metric; /* as in reports: 0 = the objective */
    bool maximize;
    bool has_min, has_max;
    double min, max;
} dz_metric_role;

struct dz_session {
    const dozan_algorithm *algorithm;
    dz_arena arena; /* uid, name, point */
    dozan_space *space;
    dozan_settings *settings;
    uint32_t metric_count; /* the objective and the additional ones */
    double *point;         /* of the event that is being read */
    dz_metric_role *roles; /* of the other objectives and then of the constraints */
    double *others;        /* what they come to in the event that is being read */

    /* The fold's state: rebuilt as a whole. */
    dozan_problem problem;
    dozan_history *history;
    void *self;
    int64_t cursor;
    bool broken; /* an event or tell failed: history and self may be half-way */

    int64_t wanted_seq; /* where the next log part should start */
};

/* Empties the history, makes a new instance of the algorithm, and puts the cursor to 0. After an
 * error the session is broken. */
DOZAN_MUST_USE dozan_status dz_session_restart(dz_session *session, dozan_error *err);

#endif
