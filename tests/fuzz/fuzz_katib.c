/*
 * Fuzzes what crosses between us and Katib: requests as Katib's controller sends them to our
 * algorithms, and answers as an existing service of Katib's gives them to us. No input may crash
 * either or leak; every answer has at most as many suggestions as were asked for.
 *
 * An input is a row of frames: one byte for the kind, two for the size (low byte first), and that
 * many bytes. Kinds: 0 a GetSuggestionsRequest, to one fold, so that requests meet what earlier
 * ones left; 1 a GetSuggestionsReply, 2 a GetEarlyStoppingRulesReply, to one log of three trials;
 * else a ValidateAlgorithmSettingsRequest.
 */
#include "grpc_bridge_log.h"
#include "grpc_katib_fold.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ASKED = 32, KINDS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const dozan_algorithm *const algorithms[] = {&dz_random, &dz_grid, &dz_hyperband, &dz_asha,
                                                    NULL};

static dz_bridge_log *make_log(void)
{
    static const dozan_parameter parameters[] = {
        {.name = "x", .type = DOZAN_DOUBLE, .min = "0", .max = "1"},
        {.name = "k", .type = DOZAN_INT, .min = "1", .max = "9"}};
    static const dozan_experiment experiment = {.uid = "u",
                                                .name = "e",
                                                .parameters = parameters,
                                                .parameter_count = 2,
                                                .objective_metric = "loss",
                                                .algorithm = "random",
                                                .early_stopping = "stopper"};
    static const dozan_pair point[] = {{"x", "0.5"}, {"k", "3"}};
    dozan_log_event events[9];
    for (int i = 0; i < 3; i++) {
        events[3 * i] = (dozan_log_event){.seq = 3 * i + 1,
                                          .kind = DOZAN_EVENT_ASKED,
                                          .trial = i + 1,
                                          .assignments = point,
                                          .assignment_count = 2};
        events[3 * i + 1] = (dozan_log_event){.seq = 3 * i + 2,
                                              .kind = DOZAN_EVENT_REPORT,
                                              .trial = i + 1,
                                              .step = 1,
                                              .has_value = true,
                                              .value = i};
        events[3 * i + 2] =
            (dozan_log_event){.seq = 3 * i + 3,
                              .kind = i == 0 ? DOZAN_EVENT_COMPLETED : DOZAN_EVENT_STARTED,
                              .trial = i + 1,
                              .has_value = i == 0,
                              .value = i};
    }
    const dozan_log_part part = {
        .uid = "u", .experiment = &experiment, .to_seq = 9, .events = events, .event_count = 9};
    bool stale = true;
    bool unknown = true;
    dz_bridge_log *log = dz_bridge_log_create();
    if (log == NULL || dz_bridge_log_apply(log, &part, &stale, &unknown, NULL) != DOZAN_OK || stale)
        abort();
    return log;
}

static void ask_fold(dz_katib_fold *fold, dz_bytes body, dz_arena *arena)
{
    dz_katib_ask ask;
    dz_katib_answer answer;
    dz_bytes packed = {0};
    dozan_error err = {.code = DOZAN_OK};
    if (dz_katib_unpack_ask(body, arena, &ask, &err) != DOZAN_OK || ask.current > MOST_ASKED)
        return;
    if (dz_katib_fold_ask(fold, &ask, arena, &answer, &err) != DOZAN_OK)
        return;
    if (answer.suggestion_count > (size_t)ask.current ||
        dz_katib_pack_answer(&answer, arena, &packed, &err) != DOZAN_OK)
        abort();
}

static void answer_log(dz_bridge_log *log, dz_bytes body, dz_arena *arena)
{
    dz_katib_answer answer;
    dozan_ask_reply reply;
    dz_katib_history history;
    dozan_error err = {.code = DOZAN_OK};
    if (dz_katib_unpack_answer(body, arena, &answer, &err) != DOZAN_OK ||
        dz_bridge_log_answer(log, &answer, MOST_ASKED, arena, &reply, &err) != DOZAN_OK)
        return;
    if (reply.suggestion_count > MOST_ASKED ||
        dz_bridge_log_history(log, arena, &history, &err) != DOZAN_OK)
        abort();
}

static void rule_log(dz_bridge_log *log, dz_bytes body, dz_arena *arena)
{
    dz_katib_rule *rules = NULL;
    size_t count = 0;
    dozan_error err = {.code = DOZAN_OK};
    if (dz_katib_unpack_rules(body, arena, &rules, &count, &err) != DOZAN_OK)
        return;
    if (dz_bridge_log_set_rules(log, rules, count, &err) != DOZAN_OK)
        abort();
    for (int64_t trial = 0; trial < 5; trial++) {
        dozan_trial_verdict verdict;
        const char *name = NULL;
        bool judged = dz_bridge_log_judge(log, trial, arena, &verdict, &name);
        if (judged != (trial == 2 || trial == 3) || (judged && verdict.stop && count == 0))
            abort();
    }
}

static void validate(dz_bytes body, dz_arena *arena)
{
    const dozan_experiment *experiment = NULL;
    dozan_error err = {.code = DOZAN_OK};
    dz_bytes packed = {0};
    if (dz_katib_unpack_validate(body, arena, &experiment, &err) == DOZAN_OK &&
        dz_katib_pack_validate(experiment, arena, &packed, &err) != DOZAN_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dz_katib_fold *fold = dz_katib_fold_create(algorithms);
    dz_bridge_log *log = make_log();
    if (fold == NULL)
        abort();
    while (size >= 3) {
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        dz_arena arena = {0};
        if (length > size - 3)
            length = size - 3;
        const dz_bytes body = {.data = data + 3, .size = length};
        switch (data[0] % KINDS) {
        case 0:
            ask_fold(fold, body, &arena);
            break;
        case 1:
            answer_log(log, body, &arena);
            break;
        case 2:
            rule_log(log, body, &arena);
            break;
        default:
            validate(body, &arena);
            break;
        }
        dz_arena_fini(&arena);
        data += 3 + length;
        size -= 3 + length;
    }
    dz_bridge_log_destroy(log);
    dz_katib_fold_destroy(fold);
    return 0;
}
