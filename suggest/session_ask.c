/*
 * Asking a session, and judging by it. Whatever an algorithm answers is checked here: a plugin's
 * mistake becomes a status, never a wrong assignment.
 */
#include "session_parts.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for the answer");
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* A batch while it is made: the points so far, and the parameters' names, which all suggestions of
 * the reply share. */
typedef struct ask_batch {
    const dz_session *session;
    dz_arena *arena;
    dozan_ask_reply *reply;
    size_t dimensions;
    const double **points;
    const char **names;
    dozan_answer answer; /* cleared after each ask */
} ask_batch;

static dozan_status ask_one(ask_batch *batch, int64_t trial, dozan_error *err);
static dozan_status take_answer(ask_batch *batch, const dozan_ask *ask, const dozan_answer *answer,
                                dozan_error *err);

static dozan_status start_batch(ask_batch *batch, uint32_t count, dozan_error *err)
{
    const dozan_space *space = batch->session->space;
    *batch->reply = (dozan_ask_reply){.applied_seq = batch->session->wanted_seq, .message = ""};
    batch->dimensions = dozan_space_dimensions(space);
    batch->points = dz_arena_array(batch->arena, count, sizeof(*batch->points));
    batch->names = dz_arena_array(batch->arena, batch->dimensions, sizeof(*batch->names));
    batch->reply->suggestions =
        dz_arena_array(batch->arena, count, sizeof(*batch->reply->suggestions));
    if (batch->points == NULL || batch->names == NULL || batch->reply->suggestions == NULL)
        return no_memory(err);
    for (size_t i = 0; i < batch->dimensions; i++) {
        batch->names[i] = dz_arena_text(batch->arena, dozan_space_dimension(space, i)->name);
        if (batch->names[i] == NULL)
            return no_memory(err);
    }
    return DOZAN_OK;
}

static dozan_status check_ask(const dz_session *session, int64_t first_trial, uint32_t count,
                              dozan_error *err)
{
    if (session->algorithm->kind != DOZAN_KIND_SEARCH)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "%s is for early stopping and suggests nothing",
                               session->algorithm->name);
    if (session->broken)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "the log must be told again first");
    if (first_trial < 1 || first_trial > INT64_MAX - (int64_t)count)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "first_trial",
                               "trial numbers are from 1 on");
    for (int64_t trial = first_trial; trial < first_trial + count; trial++)
        if (dozan_history_find(session->history, trial) != NULL)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "first_trial",
                                   "trial %lld is in the log already", (long long)trial);
    return DOZAN_OK;
}

dozan_status dz_session_ask(const dz_session *session, int64_t first_trial, uint32_t count,
                            dz_arena *arena, dozan_ask_reply *reply, dozan_error *err)
{
    ask_batch batch = {.session = session, .arena = arena, .reply = reply};
    if (count > DZ_SESSION_MAX_BATCH)
        count = DZ_SESSION_MAX_BATCH;
    dozan_status status = count > 0 ? check_ask(session, first_trial, count, err) : DOZAN_OK;
    if (status == DOZAN_OK)
        status = start_batch(&batch, count, err);
    for (uint32_t i = 0; i < count && status == DOZAN_OK && reply->end == DOZAN_ASK_MORE; i++)
        status = ask_one(&batch, first_trial + i, err);
    return status;
}

/* Of the labels, kilobytes, only those that were used. */
static void clear_answer(dozan_answer *answer)
{
    size_t labels = answer->label_count < DOZAN_MAX_LABELS ? answer->label_count : DOZAN_MAX_LABELS;
    memset(answer->labels, 0, labels * sizeof(answer->labels[0]));
    answer->kind = DOZAN_ANSWER_POINT;
    answer->repeat_ok = false;
    answer->label_count = 0;
    answer->message[0] = '\0';
}

static dozan_status ask_one(ask_batch *batch, int64_t trial, dozan_error *err)
{
    const dozan_algorithm *algorithm = batch->session->algorithm;
    dozan_ask ask = {.trial = trial,
                     .tentative = batch->points,
                     .tentative_count = batch->reply->suggestion_count};
    dozan_answer *answer = &batch->answer;
    answer->point = dz_arena_array(batch->arena, batch->dimensions, sizeof(*answer->point));
    if (answer->point == NULL)
        return no_memory(err);
    dozan_error inner;
    inner.code = DOZAN_OK;
    inner.place[0] = '\0';
    inner.message[0] = '\0';
    dozan_status status =
        algorithm->ask(batch->session->self, &batch->session->problem, &ask, answer, &inner);
    if (status == DOZAN_OK)
        status = take_answer(batch, &ask, answer, &inner);
    clear_answer(answer);
    if (status != DOZAN_OK && err != NULL) {
        inner.code = status;
        dozan_error_wrap(&inner, "%s, asked for trial %lld", algorithm->name, (long long)trial);
        *err = inner;
    }
    return status;
}

static dozan_status check_answer(const ask_batch *batch, const dozan_answer *answer,
                                 dozan_error *err)
{
    if (answer->kind != DOZAN_ANSWER_POINT && answer->kind != DOZAN_ANSWER_WAIT &&
        answer->kind != DOZAN_ANSWER_EXHAUSTED)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "it gave an unknown kind of answer, %d",
                               (int)answer->kind);
    if (answer->kind != DOZAN_ANSWER_POINT)
        return DOZAN_OK;
    for (size_t i = 0; i < batch->dimensions; i++) {
        char excerpt[DZ_EXCERPT];
        if (!isfinite(answer->point[i]))
            return dozan_error_set(err, DOZAN_INTERNAL, NULL,
                                   "its coordinate of parameter '%s' is not a finite number",
                                   dz_text_excerpt(batch->names[i], excerpt));
    }
    if (answer->label_count > DOZAN_MAX_LABELS)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "it gave %zu labels, of at most %d",
                               answer->label_count, (int)DOZAN_MAX_LABELS);
    for (size_t i = 0; i < answer->label_count; i++)
        if (memchr(answer->labels[i].name, '\0', DOZAN_LABEL_TEXT) == NULL ||
            memchr(answer->labels[i].value, '\0', DOZAN_LABEL_TEXT) == NULL)
            return dozan_error_set(err, DOZAN_INTERNAL, NULL, "its label %zu has no end", i);
    return DOZAN_OK;
}

/* Snaps the point, and puts a free one in place of one that a trial has, while there are others. */
static void settle_point(const ask_batch *batch, const dozan_ask *ask, const dozan_answer *answer,
                         double *fresh)
{
    const dozan_problem *problem = &batch->session->problem;
    bool may_repeat =
        answer->repeat_ok || (batch->session->algorithm->traits & DOZAN_MAY_REPEAT) != 0;
    dozan_space_snap(problem->space, answer->point);
    if (may_repeat || !dozan_point_taken(problem, ask, answer->point))
        return;
    dozan_rng rng = dozan_rng_stream(problem->seed, "kit.fresh", (uint64_t)ask->trial);
    if (dozan_random_free_point(problem, ask, &rng, fresh))
        memcpy(answer->point, fresh, batch->dimensions * sizeof(*fresh));
}

static bool write_assignments(const ask_batch *batch, const double *point,
                              dozan_suggestion *suggestion)
{
    suggestion->assignments =
        dz_arena_array(batch->arena, batch->dimensions, sizeof(*suggestion->assignments));
    if (suggestion->assignments == NULL)
        return false;
    const dozan_space *space = batch->session->space;
    bool conditional = dozan_space_is_conditional(space);
    for (size_t i = 0; i < batch->dimensions; i++) {
        if (conditional && !dozan_space_active(space, point, i))
            continue;
        char text[DOZAN_VALUE_TEXT];
        const char *value = dozan_space_text(space, i, point[i], text);
        dozan_pair *pair = &suggestion->assignments[suggestion->assignment_count++];
        *pair = (dozan_pair){batch->names[i], dz_arena_text(batch->arena, value)};
        if (pair->value == NULL)
            return false;
    }
    return true;
}

static bool write_labels(const ask_batch *batch, const dozan_answer *answer,
                         dozan_suggestion *suggestion)
{
    suggestion->labels =
        dz_arena_array(batch->arena, answer->label_count, sizeof(*suggestion->labels));
    if (suggestion->labels == NULL)
        return false;
    for (size_t i = 0; i < answer->label_count; i++) {
        dozan_pair *pair = &suggestion->labels[i];
        *pair = (dozan_pair){dz_arena_text(batch->arena, answer->labels[i].name),
                             dz_arena_text(batch->arena, answer->labels[i].value)};
        if (pair->name == NULL || pair->value == NULL)
            return false;
    }
    suggestion->label_count = answer->label_count;
    return true;
}

static dozan_status take_message(ask_batch *batch, const char *text, dozan_error *err)
{
    char message[DOZAN_ANSWER_MESSAGE];
    (void)snprintf(message, sizeof(message), "%.*s", DOZAN_ANSWER_MESSAGE - 1, text);
    batch->reply->message = dz_arena_text(batch->arena, message);
    return batch->reply->message != NULL ? DOZAN_OK : no_memory(err);
}

static dozan_status take_end(ask_batch *batch, const dozan_answer *answer, dozan_error *err)
{
    bool wait = answer->kind == DOZAN_ANSWER_WAIT;
    const char *standard = wait ? "a pending trial must end first" : "there is nothing left to try";
    batch->reply->end = wait ? DOZAN_ASK_WAIT : DOZAN_ASK_EXHAUSTED;
    return take_message(batch, answer->message[0] != '\0' ? answer->message : standard, err);
}

static dozan_status take_answer(ask_batch *batch, const dozan_ask *ask, const dozan_answer *answer,
                                dozan_error *err)
{
    dozan_status status = check_answer(batch, answer, err);
    if (status != DOZAN_OK)
        return status;
    if (answer->kind != DOZAN_ANSWER_POINT)
        return take_end(batch, answer, err);
    double *fresh = dz_arena_array(batch->arena, batch->dimensions, sizeof(*fresh));
    if (fresh == NULL)
        return no_memory(err);
    settle_point(batch, ask, answer, fresh);
    size_t index = batch->reply->suggestion_count;
    dozan_suggestion *suggestion = &batch->reply->suggestions[index];
    if (!write_assignments(batch, answer->point, suggestion) ||
        !write_labels(batch, answer, suggestion))
        return no_memory(err);
    batch->points[index] = answer->point;
    batch->reply->suggestion_count++;
    return answer->message[0] != '\0' ? take_message(batch, answer->message, err) : DOZAN_OK;
}

/* ---- judging --------------------------------------------------------------------------------- */

static dozan_status judge_one(const dz_session *session, const dozan_trial *trial, dz_arena *arena,
                              dozan_trial_verdict *result, dozan_error *err)
{
    dozan_verdict verdict = {.stop = false};
    dozan_error inner = {.code = DOZAN_OK};
    dozan_status status =
        session->algorithm->judge(session->self, &session->problem, trial, &verdict, &inner);
    if (status != DOZAN_OK) {
        if (err != NULL) {
            inner.code = status;
            dozan_error_wrap(&inner, "%s, judging trial %lld", session->algorithm->name,
                             (long long)trial->number);
            *err = inner;
        }
        return status;
    }
    verdict.message[sizeof(verdict.message) - 1] = '\0';
    *result = (dozan_trial_verdict){.trial = trial->number,
                                    .stop = verdict.stop,
                                    .message = dz_arena_text(arena, verdict.message)};
    return result->message != NULL ? DOZAN_OK : no_memory(err);
}

dozan_status dz_session_judge(const dz_session *session, const int64_t *trials, size_t trial_count,
                              dz_arena *arena, dozan_judge_reply *reply, dozan_error *err)
{
    *reply = (dozan_judge_reply){.applied_seq = session->wanted_seq};
    if (session->algorithm->kind != DOZAN_KIND_EARLY_STOPPING)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "%s is a search algorithm and judges nothing",
                               session->algorithm->name);
    if (session->broken)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "the log must be told again first");
    reply->verdicts = dz_arena_array(arena, trial_count, sizeof(*reply->verdicts));
    if (reply->verdicts == NULL)
        return no_memory(err);
    for (size_t i = 0; i < trial_count; i++) {
        const dozan_trial *trial = dozan_history_find(session->history, trials[i]);
        if (trial == NULL)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "trials",
                                   "trial %lld was never asked for", (long long)trials[i]);
        if (trial->state != DOZAN_TRIAL_PENDING)
            continue;
        dozan_status status =
            judge_one(session, trial, arena, &reply->verdicts[reply->verdict_count], err);
        if (status != DOZAN_OK)
            return status;
        reply->verdict_count++;
    }
    return DOZAN_OK;
}
