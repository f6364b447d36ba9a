/*
 * The answer to a request: first what an answer that was lost had given, then what the session says
 * now, and the labels of all as a setting.
 */
#include "grpc_katib_parts.h"

#include <dozan/buf.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_ROOM = 512,
    LABELS_BYTES = 1 << 18 /* Katib keeps them in an object of at most 1.5 MiB */
};

typedef struct answering {
    const dz_katib_turn *turn;
    dz_katib_suggestion *rows;
    size_t count;
} answering;

/* Puts a member into the answer. */
static bool put(answering *a, const dz_katib_member *m)
{
    dz_arena *arena = a->turn->arena;
    dozan_pair *labels = dz_arena_array(arena, m->label_count, sizeof(*labels));
    if (labels == NULL)
        return false;
    dz_katib_suggestion *row = &a->rows[a->count++];
    *row = (dz_katib_suggestion){.assignments = m->assignments,
                                 .assignment_count = m->assignment_count,
                                 .trial_name = m->name,
                                 .labels = labels};
    for (size_t i = 0; i < m->label_count; i++) {
        if (dz_katib_label_is_valid(&m->labels[i]))
            labels[row->label_count++] = m->labels[i];
    }
    return true;
}

/* What was handed out in an answer that was lost. */
static bool put_again(answering *a)
{
    const dz_katib_fold *fold = a->turn->fold;
    for (size_t i = 0; i < fold->count; i++) {
        const dz_katib_member *m = fold->members[i];
        bool lost = !m->listed && m->number > dz_katib_given_before(a->turn);
        if (lost && a->count < (size_t)a->turn->request->current && !put(a, m))
            return false;
    }
    return true;
}

static bool put_new(answering *a, int64_t number, const dozan_suggestion *suggestion)
{
    char name[NAME_ROOM];
    (void)snprintf(name, sizeof(name), "%s-%0*" PRId64, a->turn->experiment->name,
                   DZ_KATIB_NUMBER_DIGITS, number);
    const dz_katib_member from = {.name = name,
                                  .number = number,
                                  .assignments = suggestion->assignments,
                                  .assignment_count = suggestion->assignment_count,
                                  .labels = suggestion->labels,
                                  .label_count = suggestion->label_count};
    const dz_katib_member *m = dz_katib_add_member(a->turn->fold, &from);
    return m != NULL && put(a, m);
}

/* A point drawn from the space, for a slot for which the algorithm has none. */
static bool put_random(answering *a, int64_t number)
{
    const dz_katib_turn *t = a->turn;
    const dozan_space *space = t->fold->session->space;
    size_t dimensions = dozan_space_dimensions(space);
    double *point = dz_arena_array(t->arena, dimensions, sizeof(*point));
    dozan_pair *pairs = dz_arena_array(t->arena, dimensions, sizeof(*pairs));
    if (point == NULL || pairs == NULL)
        return false;
    dozan_rng rng =
        dozan_rng_stream(t->fold->session->problem.seed, "katib.filler", (uint64_t)number);
    for (size_t i = 0; i < dimensions; i++)
        point[i] = dozan_rng_uniform(&rng);
    dozan_space_snap(space, point);
    for (size_t i = 0; i < dimensions; i++) {
        char text[DOZAN_VALUE_TEXT];
        pairs[i].name = dozan_space_dimension(space, i)->name;
        pairs[i].value = dz_arena_text(t->arena, dozan_space_text(space, i, point[i], text));
        if (pairs[i].value == NULL)
            return false;
    }
    const dozan_suggestion suggestion = {.assignments = pairs, .assignment_count = dimensions};
    return put_new(a, number, &suggestion);
}

static bool any_runs(const dz_katib_fold *fold)
{
    for (size_t i = 0; i < fold->count; i++) {
        if (fold->members[i]->listed && !fold->members[i]->ended)
            return true;
    }
    return false;
}

/* Katib takes exactly as many as it asked for, and asks again and again until it gets them. So an
 * algorithm that must wait for trials is waited for while one runs; where none does, slots that
 * would wait for ever get random points. */
static dozan_status fill_up(answering *a, const dozan_ask_reply *reply, int64_t number,
                            dozan_error *err)
{
    const dz_katib_ask *request = a->turn->request;
    const char *why = reply->message != NULL && reply->message[0] != '\0'
                          ? reply->message
                          : "the algorithm has no more suggestions";
    if (reply->end == DOZAN_ASK_EXHAUSTED && a->count == 0)
        return dozan_error_set(err, DOZAN_OUT_OF_RANGE, NULL, "%s", why);
    if (reply->end != DOZAN_ASK_WAIT)
        return DOZAN_OK; /* the rest with the next request */
    if (any_runs(a->turn->fold))
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "%zu of %d suggestions are to be had now: %s", a->count,
                               (int)request->current, why);
    while (a->count < (size_t)request->current) {
        if (!put_random(a, number++))
            return dz_katib_no_memory(err);
    }
    return DOZAN_OK;
}

static dozan_status ask_session(answering *a, dozan_error *err)
{
    const dz_katib_turn *t = a->turn;
    dz_katib_fold *fold = t->fold;
    uint32_t wanted = (uint32_t)((size_t)t->request->current - a->count);
    dozan_ask_reply reply = {.message = ""};
    int64_t first =
        dz_katib_given_before(t) > fold->last_number ? dz_katib_given_before(t) : fold->last_number;
    first++;
    dozan_status status = dz_session_ask(fold->session, first, wanted, t->arena, &reply, err);
    for (size_t i = 0; status == DOZAN_OK && i < reply.suggestion_count; i++) {
        if (!put_new(a, first++, &reply.suggestions[i]))
            status = dz_katib_no_memory(err);
    }
    if (status == DOZAN_OK && reply.suggestion_count < wanted)
        status = fill_up(a, &reply, first, err);
    return status;
}

/* The labels of all trials, as the setting that comes back. */
static dozan_status put_settings(const dz_katib_turn *t, dz_katib_answer *answer, dozan_error *err)
{
    dozan_buf text;
    dozan_buf_init(&text, LABELS_BYTES);
    for (size_t i = t->fold->count; i-- > 0 && !text.failed;)
        dz_katib_labels_write(&text, t->fold->members[i]->number, t->fold->members[i]->labels,
                              t->fold->members[i]->label_count);
    dozan_pair *setting = dz_arena_alloc(t->arena, sizeof(*setting));
    char *value = text.size > 0 ? dz_arena_text(t->arena, text.data) : NULL;
    bool good = setting != NULL && (text.size == 0 || value != NULL);
    if (good && value != NULL) {
        *setting = (dozan_pair){.name = DZ_KATIB_LABELS_SETTING, .value = value};
        answer->settings = setting;
        answer->setting_count = 1;
    }
    dozan_buf_fini(&text);
    return good ? DOZAN_OK : dz_katib_no_memory(err);
}

dozan_status dz_katib_answer_all(const dz_katib_turn *t, dz_katib_answer *answer, dozan_error *err)
{
    answering a = {.turn = t};
    a.rows = dz_arena_array(t->arena, (size_t)t->request->current, sizeof(*a.rows));
    if (a.rows == NULL || !put_again(&a))
        return dz_katib_no_memory(err);
    dozan_status status = DOZAN_OK;
    if (a.count < (size_t)t->request->current)
        status = ask_session(&a, err);
    if (status == DOZAN_OK)
        status = put_settings(t, answer, err);
    answer->suggestions = a.rows;
    answer->suggestion_count = status == DOZAN_OK ? a.count : 0;
    return status;
}
