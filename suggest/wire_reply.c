/*
 * The bodies of replies to Ask and Judge.
 */
#include "wire_parts.h"

_Static_assert((int)DOZAN__V1__ASK_END__EXHAUSTED == DOZAN_ASK_EXHAUSTED, "same numbers");

static dozan_status pack_suggestion(const dozan_suggestion *suggestion, dz_arena *arena,
                                    Dozan__V1__SuggestionItem *packed, dozan_error *err);
static dozan_status unpack_suggestion(const Dozan__V1__SuggestionItem *packed, dz_arena *arena,
                                      dozan_suggestion *suggestion, dozan_error *err);
static dozan_status check_cursor(int64_t seq, dozan_error *err);

dozan_status dz_wire_pack_ask_reply(const dozan_ask_reply *reply, dz_arena *arena, dz_bytes *body,
                                    dozan_error *err)
{
    Dozan__V1__AskReply packed;
    dozan__v1__ask_reply__init(&packed);
    size_t count = reply->suggestion_count;
    packed.stale = reply->stale;
    packed.unknown_experiment = reply->unknown_experiment;
    packed.applied_seq = reply->applied_seq;
    packed.end = (Dozan__V1__AskEnd)reply->end;
    packed.message = dz_wire_text(reply->message);
    packed.suggestions = dz_wire_rows(arena, count, sizeof(**packed.suggestions));
    if (count > 0 && packed.suggestions == NULL)
        return dz_wire_no_memory(err);
    packed.n_suggestions = count;
    for (size_t i = 0; i < count; i++) {
        dozan_status status =
            pack_suggestion(&reply->suggestions[i], arena, packed.suggestions[i], err);
        if (status != DOZAN_OK)
            return status;
    }
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_wire_unpack_ask_reply(dz_bytes body, dz_arena *arena, dozan_ask_reply *reply,
                                      dozan_error *err)
{
    const Dozan__V1__AskReply *packed = (const Dozan__V1__AskReply *)dz_wire_unpack(
        &dozan__v1__ask_reply__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    size_t count = packed->n_suggestions;
    dozan_suggestion *rows = dz_arena_array(arena, count, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        dozan_status status = unpack_suggestion(packed->suggestions[i], arena, &rows[i], err);
        if (status != DOZAN_OK)
            return dozan_error_wrap(err, "suggestion %zu of %zu", i + 1, count);
    }
    *reply = (dozan_ask_reply){.stale = packed->stale != 0,
                               .unknown_experiment = packed->unknown_experiment != 0,
                               .applied_seq = packed->applied_seq,
                               .suggestions = rows,
                               .suggestion_count = count,
                               .end = (dozan_ask_end)packed->end,
                               .message = packed->message};
    return check_cursor(packed->applied_seq, err);
}

dozan_status dz_wire_pack_judge_reply(const dozan_judge_reply *reply, dz_arena *arena,
                                      dz_bytes *body, dozan_error *err)
{
    Dozan__V1__JudgeReply packed;
    dozan__v1__judge_reply__init(&packed);
    size_t count = reply->verdict_count;
    packed.stale = reply->stale;
    packed.unknown_experiment = reply->unknown_experiment;
    packed.applied_seq = reply->applied_seq;
    packed.verdicts = dz_wire_rows(arena, count, sizeof(**packed.verdicts));
    if (count > 0 && packed.verdicts == NULL)
        return dz_wire_no_memory(err);
    packed.n_verdicts = count;
    for (size_t i = 0; i < count; i++) {
        dozan__v1__verdict__init(packed.verdicts[i]);
        packed.verdicts[i]->trial = reply->verdicts[i].trial;
        packed.verdicts[i]->stop = reply->verdicts[i].stop;
        packed.verdicts[i]->message = dz_wire_text(reply->verdicts[i].message);
    }
    return dz_wire_pack(&packed.base, arena, body, err);
}

dozan_status dz_wire_unpack_judge_reply(dz_bytes body, dz_arena *arena, dozan_judge_reply *reply,
                                        dozan_error *err)
{
    const Dozan__V1__JudgeReply *packed = (const Dozan__V1__JudgeReply *)dz_wire_unpack(
        &dozan__v1__judge_reply__descriptor, body, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    size_t count = packed->n_verdicts;
    dozan_trial_verdict *rows = dz_arena_array(arena, count, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++)
        rows[i] = (dozan_trial_verdict){.trial = packed->verdicts[i]->trial,
                                        .stop = packed->verdicts[i]->stop != 0,
                                        .message = packed->verdicts[i]->message};
    *reply = (dozan_judge_reply){.stale = packed->stale != 0,
                                 .unknown_experiment = packed->unknown_experiment != 0,
                                 .applied_seq = packed->applied_seq,
                                 .verdicts = rows,
                                 .verdict_count = count};
    return check_cursor(packed->applied_seq, err);
}

static dozan_status pack_suggestion(const dozan_suggestion *suggestion, dz_arena *arena,
                                    Dozan__V1__SuggestionItem *packed, dozan_error *err)
{
    dozan__v1__suggestion_item__init(packed);
    packed->n_assignments = suggestion->assignment_count;
    packed->n_labels = suggestion->label_count;
    dozan_status status = dz_wire_pack_pairs(suggestion->assignments, suggestion->assignment_count,
                                             arena, &packed->assignments, err);
    if (status != DOZAN_OK)
        return status;
    return dz_wire_pack_pairs(suggestion->labels, suggestion->label_count, arena, &packed->labels,
                              err);
}

static dozan_status unpack_suggestion(const Dozan__V1__SuggestionItem *packed, dz_arena *arena,
                                      dozan_suggestion *suggestion, dozan_error *err)
{
    suggestion->assignment_count = packed->n_assignments;
    suggestion->label_count = packed->n_labels;
    dozan_status status = dz_wire_unpack_pairs(packed->assignments, packed->n_assignments, arena,
                                               &suggestion->assignments, err);
    if (status != DOZAN_OK)
        return status;
    return dz_wire_unpack_pairs(packed->labels, packed->n_labels, arena, &suggestion->labels, err);
}

static dozan_status check_cursor(int64_t seq, dozan_error *err)
{
    if (seq >= 0)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "applied_seq", "%lld is negative",
                           (long long)seq);
}
