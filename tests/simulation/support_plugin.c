/*
 * The simulated plugins. The search algorithm walks a list of points, like a grid: trial n gets the
 * n-th, whatever happens. It may be silent, talk nonsense, or wait for a trial to end.
 */
#include "support_simulation.h"

enum { THINK_MS = 300, TIMEOUT_MS = 2000, MAX_BAD_IN_ROW = 5 };

static void good_answer(sim *s, const sim_message *message, bool wait);
static void garbage(sim *s, const sim_message *message);
static int64_t pending_in_log(const sim *s);

void sim_assignment(int64_t trial, char texts[3][16], dozan_pair pairs[3])
{
    (void)snprintf(texts[0], 16, "0.%03d", (int)(10 + trial));
    (void)snprintf(texts[1], 16, "%d", (int)(16 * (1 + trial % 4)));
    (void)snprintf(texts[2], 16, "%s", trial % 3 == 0 ? "sgd" : "adam");
    pairs[0] = (dozan_pair){"lr", texts[0]};
    pairs[1] = (dozan_pair){"units", texts[1]};
    pairs[2] = (dozan_pair){"optimizer", texts[2]};
}

void sim_ask(sim *s, const dz_effect *effect)
{
    s->asked_count++;
    sim_send(s,
             (sim_message){.kind = SIM_ANSWER,
                           .trial = effect->trial,
                           .count = effect->count,
                           .pending = pending_in_log(s)},
             sim_between(s, 1, THINK_MS));
}

void sim_answer(sim *s, const sim_message *message)
{
    const sim_options *o = s->options;
    bool may_be_bad = s->bad_answers_in_row < MAX_BAD_IN_ROW;

    s->bad_answers_in_row++;
    if (may_be_bad && sim_chance(s, o->silent)) {
        s->now += sim_between(s, 0, TIMEOUT_MS);
        sim_step(s, (dz_event){.kind = DZ_EVENT_ASK_FAILED,
                               .u.failed = {.reason = "PluginTimeout", .message = "no answer"}});
    } else if (may_be_bad && sim_chance(s, o->garbage)) {
        garbage(s, message);
    } else {
        s->bad_answers_in_row = 0;
        /* honest waiting: some trial was pending in the log that it had been told */
        good_answer(s, message, message->pending > 0 && sim_chance(s, o->wait));
    }
}

void sim_judge(sim *s, const dz_effect *effect)
{
    sim_message message = {.kind = SIM_VERDICTS};

    for (size_t i = 0; i < effect->trial_count && i < SIM_MAX_TRIALS; i++) {
        message.judged[message.judged_count++] = effect->trials[i];
    }
    if (effect->trial_count == 0) {
        sim_trouble(s, "a judgement of no trial");
    }
    sim_send(s, message, sim_between(s, 1, THINK_MS));
}

void sim_verdicts(sim *s, const sim_message *message)
{
    dozan_trial_verdict verdicts[SIM_MAX_TRIALS];
    dozan_judge_reply reply = {.verdicts = verdicts, .verdict_count = message->judged_count};

    if (sim_chance(s, s->options->silent)) {
        sim_step(s, (dz_event){.kind = DZ_EVENT_JUDGE_FAILED,
                               .u.failed = {.reason = "PluginTimeout", .message = "no answer"}});
        return;
    }
    for (size_t i = 0; i < message->judged_count; i++) {
        verdicts[i] = (dozan_trial_verdict){.trial = message->judged[i],
                                            .stop = sim_chance(s, 150),
                                            .message = "worse than the median"};
    }
    sim_step(s, (dz_event){.kind = DZ_EVENT_JUDGED, .u.judged = &reply});
}

static void good_answer(sim *s, const sim_message *message, bool wait)
{
    dozan_suggestion suggestions[DZ_MAX_GPUS * 4];
    char texts[DZ_MAX_GPUS * 4][3][16];
    dozan_pair pairs[DZ_MAX_GPUS * 4][3];
    dozan_ask_reply reply = {.suggestions = suggestions, .message = "simulated"};
    size_t count = (size_t)message->count;

    for (size_t i = 0; i < count && message->trial + (int64_t)i <= s->options->points; i++) {
        sim_assignment(message->trial + (int64_t)i, texts[i], pairs[i]);
        suggestions[i] = (dozan_suggestion){.assignments = pairs[i], .assignment_count = 3};
        reply.suggestion_count++;
    }
    if (reply.suggestion_count < count) {
        reply.end = DOZAN_ASK_EXHAUSTED;
    } else if (wait) {
        reply.end = DOZAN_ASK_WAIT;
        reply.suggestion_count = (size_t)sim_between(s, 0, (int64_t)count);
    }
    sim_step(s, (dz_event){.kind = DZ_EVENT_SUGGESTED, .u.suggested = &reply});
}

static void garbage(sim *s, const sim_message *message)
{
    char texts[3][16];
    dozan_pair pairs[3];
    dozan_suggestion suggestions[DZ_MAX_GPUS * 4 + 1];
    dozan_ask_reply reply = {.suggestions = suggestions,
                             .suggestion_count = (size_t)message->count};

    sim_assignment(message->trial, texts, pairs);
    for (int64_t i = 0; i <= message->count; i++) {
        suggestions[i] = (dozan_suggestion){.assignments = pairs, .assignment_count = 3};
    }
    switch (sim_between(s, 0, 3)) {
    case 0:
        pairs[1].value = "17";
        break;
    case 1:
        reply.suggestion_count++;
        break;
    case 2:
        reply.suggestion_count--;
        break;
    default:
        suggestions[message->count - 1].assignment_count = 2;
        break;
    }
    sim_step(s, (dz_event){.kind = DZ_EVENT_SUGGESTED, .u.suggested = &reply});
}

static int64_t pending_in_log(const sim *s)
{
    int64_t pending = 0;

    for (int64_t trial = 1; trial <= SIM_MAX_TRIALS; trial++) {
        pending += s->history[trial].asked && !s->history[trial].ended;
    }
    return pending;
}
