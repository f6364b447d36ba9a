/*
 * Sessions: the fold over the log in any split, asking in batches, and what becomes of bad events
 * and of algorithms that misbehave.
 */
#include "session.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- algorithms of the test ------------------------------------------------------------------ */

/* Keeps a hash of all that it is told, so that a lost, doubled or reordered event changes its
 * answers. */
typedef struct folder {
    uint64_t hash;
} folder;

static uint64_t bits_of(double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static dozan_status folder_create(const dozan_problem *problem, void **self, dozan_error *err)
{
    (void)problem;
    *self = calloc(1, sizeof(folder));
    return *self != NULL ? DOZAN_OK
                         : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

static dozan_status folder_tell(void *self, const dozan_problem *problem, const dozan_event *event,
                                dozan_error *err)
{
    folder *state = self;
    (void)err;
    if (event->kind == DOZAN_EVENT_STARTED || event->kind == DOZAN_EVENT_LOST ||
        event->kind == DOZAN_EVENT_ASKED)
        return DOZAN_OK; /* asked points are read from the history */
    assert_ptr_equal(dozan_history_find(problem->history, event->trial->number), event->trial);
    uint64_t word = dozan_hash_words((uint64_t)event->kind, (uint64_t)event->trial->number);
    word = dozan_hash_words(word, bits_of(event->trial->loss));
    word = dozan_hash_words(word, bits_of(event->value) + (uint64_t)event->step + event->metric);
    state->hash = dozan_hash_words(state->hash, word);
    return DOZAN_OK;
}

static uint64_t hash_of_point(uint64_t hash, const dozan_space *space, const double *point)
{
    for (size_t i = 0; i < dozan_space_dimensions(space); i++)
        hash = dozan_hash_words(hash, bits_of(point[i]));
    return hash;
}

static dozan_status folder_ask(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                               dozan_answer *answer, dozan_error *err)
{
    const folder *state = self;
    uint64_t hash = state->hash;
    for (size_t i = 0; i < dozan_history_count(problem->history); i++)
        hash = hash_of_point(hash, problem->space, dozan_history_trial(problem->history, i)->point);
    for (size_t i = 0; i < ask->tentative_count; i++)
        hash = hash_of_point(hash, problem->space, ask->tentative[i]);
    dozan_rng rng = dozan_rng_stream(problem->seed ^ hash, "test.folder", (uint64_t)ask->trial);
    for (size_t i = 0; i < dozan_space_dimensions(problem->space); i++)
        answer->point[i] = dozan_rng_uniform(&rng);
    char text[32];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)(hash % 1000));
    return dozan_answer_label(answer, "hash", text, err);
}

static const dozan_setting settings[] = {
    {.name = "random_state", .type = DOZAN_SETTING_INT, .min = "0"},
    {.name = "fault", .type = DOZAN_SETTING_STRING, .default_text = "none"},
};

static const dozan_algorithm folder_algorithm = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "folder",
    .traits = DOZAN_WANTS_REPORTS,
    .settings = settings,
    .setting_count = 2,
    .create = folder_create,
    .destroy = free,
    .tell = folder_tell,
    .ask = folder_ask,
};

static dozan_status faulty_validate(const dozan_problem *problem, dozan_error *err)
{
    assert_null(problem->history);
    const char *fault = dozan_setting_text(problem->settings, "fault");
    if (strcmp(fault, "validate") == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "parameters[0].feasibleSpace.step",
                               "give a step");
    if (strcmp(fault, "validate-setting") == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings[0]", "odd");
    if (strcmp(fault, "validate-nowhere") == 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "odd");
    return DOZAN_OK;
}

static dozan_status faulty_tell(void *self, const dozan_problem *problem, const dozan_event *event,
                                dozan_error *err)
{
    (void)self;
    if (strcmp(dozan_setting_text(problem->settings, "fault"), "tell") == 0 && event->seq == 2)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "the fit diverged");
    return DOZAN_OK;
}

/* Answers the middle of the space, always; or what its setting says. */
static dozan_status faulty_ask(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                               dozan_answer *answer, dozan_error *err)
{
    (void)self;
    const char *fault = dozan_setting_text(problem->settings, "fault");
    for (size_t i = 0; i < dozan_space_dimensions(problem->space); i++)
        answer->point[i] = 0.5;
    if (strcmp(fault, "nan") == 0)
        answer->point[1] = (double)NAN;
    if (strcmp(fault, "outside") == 0)
        answer->point[1] = 7;
    if (strcmp(fault, "kind") == 0)
        answer->kind = (dozan_answer_kind)9;
    if (strcmp(fault, "labels") == 0)
        answer->label_count = DOZAN_MAX_LABELS + 1;
    if (strcmp(fault, "endless") == 0) {
        answer->label_count = 1;
        memset(answer->labels[0].name, 'x', sizeof(answer->labels[0].name));
    }
    if (strcmp(fault, "error") == 0)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "no Cholesky factor");
    if (strcmp(fault, "repeat_ok") == 0)
        answer->repeat_ok = true;
    if (strcmp(fault, "wait") == 0 && ask->trial > 2)
        answer->kind = DOZAN_ANSWER_WAIT;
    if (strcmp(fault, "exhausted") == 0 && ask->trial > 1) {
        answer->kind = DOZAN_ANSWER_EXHAUSTED;
        memcpy(answer->message, "all 1 points are tried", 23);
    }
    return DOZAN_OK;
}

static const dozan_algorithm faulty_algorithm = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "faulty",
    .settings = settings,
    .setting_count = 2,
    .validate = faulty_validate,
    .tell = faulty_tell,
    .ask = faulty_ask,
};

/* Stops a trial whose last loss is above 5. */
static dozan_status limit_judge(const void *self, const dozan_problem *problem,
                                const dozan_trial *trial, dozan_verdict *verdict, dozan_error *err)
{
    (void)self;
    (void)problem;
    if (trial->report_count == 0)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "nothing reported");
    double loss = trial->reports[trial->report_count - 1].loss;
    verdict->stop = loss > 5;
    (void)snprintf(verdict->message, sizeof(verdict->message), "loss %g", loss);
    return DOZAN_OK;
}

static const dozan_algorithm limit_algorithm = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "limit",
    .kind = DOZAN_KIND_EARLY_STOPPING,
    .traits = DOZAN_WANTS_REPORTS,
    .settings = settings,
    .setting_count = 2,
    .judge = limit_judge,
};

/* ---- experiment and log ---------------------------------------------------------------------- */

static const char *const optimizers[] = {"sgd", "adam", "ftrl"};

static const dozan_parameter parameters[] = {
    {.name = "lr",
     .type = DOZAN_DOUBLE,
     .distribution = DOZAN_LOG_UNIFORM,
     .min = "1e-5",
     .max = "1"},
    {.name = "layers", .type = DOZAN_INT, .min = "1", .max = "4"},
    {.name = "optimizer", .type = DOZAN_CATEGORICAL, .list = optimizers, .list_count = 3},
};

static const char *const additional[] = {"time"};

static dozan_experiment make_experiment(void)
{
    return (dozan_experiment){.uid = "u-1",
                              .name = "test",
                              .parameters = parameters,
                              .parameter_count = 3,
                              .objective_metric = "loss",
                              .additional_metrics = additional,
                              .additional_metric_count = 1,
                              .seed = 11,
                              .parallel_trials = 3};
}

static dz_session *make_session(const dozan_algorithm *algorithm,
                                const dozan_experiment *experiment)
{
    dz_session *session = NULL;
    dozan_error err = {0};
    if (dz_session_create(algorithm, experiment, &session, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    return session;
}

static dz_session *make_faulty(const char *fault)
{
    const dozan_pair pair = {"fault", fault};
    dozan_experiment experiment = make_experiment();
    experiment.algorithm_settings = &pair;
    experiment.algorithm_setting_count = 1;
    return make_session(&faulty_algorithm, &experiment);
}

enum { LOG_EVENTS = 2048 };

/* A whole log; its texts live in the arena. */
typedef struct test_log {
    dz_arena arena;
    dozan_log_event events[LOG_EVENTS];
    size_t count;
} test_log;

static dozan_log_event *append(test_log *log, dozan_event_kind kind, int64_t trial)
{
    assert_true(log->count < LOG_EVENTS);
    dozan_log_event *event = &log->events[log->count++];
    *event = (dozan_log_event){.seq = (int64_t)log->count, .kind = kind, .trial = trial};
    return event;
}

static const dozan_pair *copy_pairs(test_log *log, const dozan_pair *pairs, size_t count)
{
    dozan_pair *copies = dz_arena_array(&log->arena, count, sizeof(*copies));
    for (size_t i = 0; i < count; i++)
        copies[i] = (dozan_pair){dz_arena_text(&log->arena, pairs[i].name),
                                 dz_arena_text(&log->arena, pairs[i].value)};
    return copies;
}

static void append_asked(test_log *log, int64_t trial, const dozan_suggestion *suggestion)
{
    dozan_log_event *event = append(log, DOZAN_EVENT_ASKED, trial);
    event->assignments = copy_pairs(log, suggestion->assignments, suggestion->assignment_count);
    event->assignment_count = suggestion->assignment_count;
    event->labels = copy_pairs(log, suggestion->labels, suggestion->label_count);
    event->label_count = suggestion->label_count;
}

static void append_value(test_log *log, dozan_event_kind kind, int64_t trial, int64_t step,
                         double value)
{
    dozan_log_event *event = append(log, kind, trial);
    event->step = step;
    event->has_value = true;
    event->value = value;
}

static dozan_log_part part_of(const test_log *log, size_t since, size_t to)
{
    return (dozan_log_part){.since_seq = (int64_t)since,
                            .to_seq = (int64_t)to,
                            .events = log->events + since,
                            .event_count = to - since};
}

static void apply(dz_session *session, const test_log *log, size_t since, size_t to)
{
    dozan_log_part part = part_of(log, since, to);
    dozan_error err = {0};
    bool stale = true;
    if (dz_session_apply(session, &part, &stale, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    assert_false(stale);
    assert_int_equal(dz_session_applied_seq(session), to);
}

static bool is_stale(dz_session *session, const test_log *log, size_t since, size_t to)
{
    dozan_log_part part = part_of(log, since, to);
    bool stale = false;
    assert_int_equal(dz_session_apply(session, &part, &stale, NULL), DOZAN_OK);
    return stale;
}

static dozan_ask_reply ask(const dz_session *session, int64_t first, uint32_t count,
                           dz_arena *arena)
{
    dozan_ask_reply reply;
    dozan_error err = {0};
    if (dz_session_ask(session, first, count, arena, &reply, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    return reply;
}

static void assert_same_suggestion(const dozan_suggestion *a, const dozan_suggestion *b)
{
    assert_int_equal(a->assignment_count, b->assignment_count);
    for (size_t i = 0; i < a->assignment_count; i++) {
        assert_string_equal(a->assignments[i].name, b->assignments[i].name);
        assert_string_equal(a->assignments[i].value, b->assignments[i].value);
    }
    assert_int_equal(a->label_count, b->label_count);
    for (size_t i = 0; i < a->label_count; i++)
        assert_string_equal(a->labels[i].value, b->labels[i].value);
}

/* Appends an asked event for each of the next trials. */
static void ask_and_log(dz_session *session, test_log *log, int64_t first, uint32_t count)
{
    dz_arena arena = {0};
    dozan_ask_reply reply = ask(session, first, count, &arena);
    assert_int_equal(reply.suggestion_count, count);
    size_t before = log->count;
    for (uint32_t i = 0; i < count; i++)
        append_asked(log, first + i, &reply.suggestions[i]);
    apply(session, log, before, log->count);
    dz_arena_fini(&arena);
}

static test_log *make_log(void)
{
    test_log *log = calloc(1, sizeof(*log));
    assert_non_null(log);
    return log;
}

static void destroy_log(test_log *log)
{
    dz_arena_fini(&log->arena);
    free(log);
}

/* ---- folding --------------------------------------------------------------------------------- */

/* Plays 120 trials with all kinds of ends against a session, and leaves the log. */
static void play(dz_session *session, test_log *log)
{
    static const dozan_event_kind ends[] = {DOZAN_EVENT_COMPLETED,   DOZAN_EVENT_COMPLETED,
                                            DOZAN_EVENT_FAILED,      DOZAN_EVENT_STOPPED,
                                            DOZAN_EVENT_UNAVAILABLE, DOZAN_EVENT_KILLED};
    dozan_rng rng = dozan_rng_stream(1, "test.play", 0);
    for (int64_t trial = 1; trial <= 120; trial += 3) {
        ask_and_log(session, log, trial, 3);
        size_t before = log->count;
        for (int64_t i = trial + 2; i >= trial; i--) { /* they end in another order */
            append(log, DOZAN_EVENT_STARTED, i);
            append_value(log, DOZAN_EVENT_REPORT, i, 1, dozan_rng_normal(&rng));
            if (dozan_rng_below(&rng, 4) == 0) {
                append(log, DOZAN_EVENT_LOST, i);
                append_value(log, DOZAN_EVENT_REPORT, i, 1, dozan_rng_normal(&rng));
            }
            append_value(log, DOZAN_EVENT_REPORT, i, 1, 60);
            log->events[log->count - 1].metric = 1;
            if (dozan_rng_below(&rng, 10) > 0)
                append_value(log, ends[dozan_rng_below(&rng, 6)], i, 0,
                             dozan_rng_below(&rng, 9) == 0 ? (double)NAN : dozan_rng_normal(&rng));
        }
        apply(session, log, before, log->count);
    }
}

static void any_split_of_the_log_gives_the_same_answers(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    dz_session *first = make_session(&folder_algorithm, &experiment);
    test_log *log = make_log();
    play(first, log);
    dz_arena arena = {0};
    dozan_ask_reply expected = ask(first, 121, 4, &arena);
    dz_session_destroy(first);

    dozan_rng rng = dozan_rng_stream(2, "test.split", 0);
    for (int round = 0; round < 20; round++) {
        dz_session *session = make_session(&folder_algorithm, &experiment);
        size_t at = 0;
        while (at < log->count) {
            size_t since = dozan_rng_below(&rng, 3) == 0 ? dozan_rng_below(&rng, at + 1) : at;
            size_t to = at + dozan_rng_below(&rng, round == 0 ? 1000000 : 100);
            to = to < log->count ? to : log->count;
            apply(session, log, since, to); /* overlaps, and empty parts too */
            at = to;
        }
        dozan_ask_reply reply = ask(session, 121, 4, &arena);
        for (size_t i = 0; i < 4; i++)
            assert_same_suggestion(&reply.suggestions[i], &expected.suggestions[i]);
        dz_session_destroy(session);
    }
    dz_arena_fini(&arena);
    destroy_log(log);
}

static void a_batch_answers_as_singles_do(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    dz_session *batch = make_session(&folder_algorithm, &experiment);
    dz_session *single = make_session(&folder_algorithm, &experiment);
    test_log *log = make_log();
    dz_arena arena = {0};
    dozan_ask_reply all = ask(batch, 1, 32, &arena);
    assert_int_equal(all.suggestion_count, 32);
    assert_int_equal(all.end, DOZAN_ASK_MORE);
    for (uint32_t i = 0; i < 32; i++) {
        dozan_ask_reply one = ask(single, i + 1, 1, &arena);
        dozan_ask_reply again = ask(single, i + 1, 1, &arena);
        assert_same_suggestion(&one.suggestions[0], &all.suggestions[i]);
        assert_same_suggestion(&one.suggestions[0], &again.suggestions[0]);
        append_asked(log, i + 1, &one.suggestions[0]);
        apply(single, log, log->count - 1, log->count);
    }
    dz_session_destroy(batch); /* the reply lives on */
    assert_string_equal(all.suggestions[31].assignments[0].name, "lr");
    dz_session_destroy(single);
    dz_arena_fini(&arena);
    destroy_log(log);
}

static void gaps_are_stale_and_overlaps_are_skipped(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    dz_session *session = make_session(&folder_algorithm, &experiment);
    test_log *log = make_log();
    ask_and_log(session, log, 1, 5);
    append_value(log, DOZAN_EVENT_COMPLETED, 1, 0, 1);
    append_value(log, DOZAN_EVENT_COMPLETED, 2, 0, 1);

    assert_true(is_stale(session, log, 6, 7));
    assert_int_equal(dz_session_applied_seq(session), 5);
    apply(session, log, 2, 6);
    apply(session, log, 6, 7);
    apply(session, log, 0, 7);
    /* A caller whose log ends earlier: an older log of the same experiment. */
    assert_true(is_stale(session, log, 5, 6));
    assert_int_equal(dz_session_applied_seq(session), 0);
    apply(session, log, 0, 6);
    dz_arena arena = {0};
    dz_session *fresh = make_session(&folder_algorithm, &experiment);
    apply(fresh, log, 0, 6);
    dozan_ask_reply a = ask(session, 8, 1, &arena);
    dozan_ask_reply b = ask(fresh, 8, 1, &arena);
    assert_same_suggestion(&a.suggestions[0], &b.suggestions[0]);
    dz_arena_fini(&arena);
    dz_session_destroy(fresh);
    dz_session_destroy(session);
    destroy_log(log);
}

static void reports_may_be_left_out_of_the_sequence(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    dz_session *session = make_session(&folder_algorithm, &experiment);
    test_log *log = make_log();
    ask_and_log(session, log, 1, 1);
    append_value(log, DOZAN_EVENT_COMPLETED, 1, 0, 1);
    log->events[1].seq = 40;
    dozan_log_part part = {
        .since_seq = 1, .to_seq = 50, .events = &log->events[1], .event_count = 1};
    bool stale = true;
    assert_int_equal(dz_session_apply(session, &part, &stale, NULL), DOZAN_OK);
    assert_false(stale);
    assert_int_equal(dz_session_applied_seq(session), 50);
    dz_session_destroy(session);
    destroy_log(log);
}

/* ---- bad events ------------------------------------------------------------------------------ */

static const dozan_pair good_pairs[] = {{"lr", "0.1"}, {"layers", "2"}, {"optimizer", "sgd"}};
static const dozan_pair shuffled_pairs[] = {{"optimizer", "sgd"}, {"lr", "0.2"}, {"layers", "2"}};
static const dozan_pair twice_pairs[] = {{"lr", "0.1"}, {"layers", "2"}, {"lr", "0.1"}};
static const dozan_pair unknown_pairs[] = {{"lr", "0.1"}, {"layers", "2"}, {"depth", "0.1"}};
static const dozan_pair outside_pairs[] = {{"lr", "0.1"}, {"layers", "9"}, {"optimizer", "sgd"}};
static const dozan_pair no_pairs[] = {{"lr", NULL}, {NULL, "2"}, {"optimizer", "sgd"}};
static const dozan_pair half_label[] = {{"rung", NULL}};

typedef struct event_case {
    dozan_log_event event;
    const char *place;
} event_case;

#define ASKED(number, pairs, count)                                                                \
    {                                                                                              \
        .seq = 3, .kind = DOZAN_EVENT_ASKED, .trial = (number), .assignments = (pairs),            \
        .assignment_count = (count)                                                                \
    }

static void bad_events_break_the_session_until_all_is_told(void **state)
{
    (void)state;
    const event_case cases[] = {
        {ASKED(1, good_pairs, 3), "events[0]"},
        {ASKED(0, good_pairs, 3), "events[0]"},
        {ASKED(3, good_pairs, 2), "events[0].assignments"},
        {ASKED(3, NULL, 0), "events[0].assignments"},
        {ASKED(3, twice_pairs, 3), "events[0].assignments[2]"},
        {ASKED(3, unknown_pairs, 3), "events[0].assignments[2]"},
        {ASKED(3, outside_pairs, 3), "events[0].assignments[1]"},
        {ASKED(3, no_pairs, 3), "events[0].assignments[0]"},
        {{.seq = 3,
          .kind = DOZAN_EVENT_ASKED,
          .trial = 3,
          .assignments = good_pairs,
          .assignment_count = 3,
          .labels = half_label,
          .label_count = 1},
         "events[0].labels"},
        {{.seq = 3,
          .kind = DOZAN_EVENT_ASKED,
          .trial = 3,
          .assignments = good_pairs,
          .assignment_count = 3,
          .labels = half_label,
          .label_count = 17},
         "events[0].labels"},
        {{.seq = 3, .kind = DOZAN_EVENT_STARTED, .trial = 8}, "events[0].trial"},
        {{.seq = 3, .kind = DOZAN_EVENT_COMPLETED, .trial = 8, .has_value = true},
         "events[0].trial"},
        {{.seq = 3, .kind = DOZAN_EVENT_COMPLETED, .trial = 1}, "events[0].value"},
        {{.seq = 3, .kind = DOZAN_EVENT_FAILED, .trial = 2}, "events[0]"}, /* ended before */
        {{.seq = 3,
          .kind = DOZAN_EVENT_REPORT,
          .trial = 1,
          .step = 1,
          .metric = 2,
          .has_value = true},
         "events[0].metric"},
        {{.seq = 3, .kind = DOZAN_EVENT_REPORT, .trial = 1, .step = 1}, "events[0].value"},
        {{.seq = 3, .kind = DOZAN_EVENT_REPORT, .trial = 1, .has_value = true}, "events[0].value"},
        {{.seq = 3, .kind = (dozan_event_kind)0, .trial = 1}, "events[0].kind"},
        {{.seq = 3, .kind = (dozan_event_kind)77, .trial = 1}, "events[0].kind"},
    };
    test_log *log = make_log();
    *append(log, DOZAN_EVENT_ASKED, 1) = (dozan_log_event)ASKED(1, good_pairs, 3);
    *append(log, DOZAN_EVENT_ASKED, 2) = (dozan_log_event)ASKED(2, shuffled_pairs, 3);
    append(log, DOZAN_EVENT_KILLED, 2);
    for (size_t i = 0; i < 3; i++)
        log->events[i].seq = (int64_t)i + 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dozan_experiment experiment = make_experiment();
        dz_session *session = make_session(&folder_algorithm, &experiment);
        apply(session, log, 0, 3);
        dozan_log_event bad = cases[i].event;
        bad.seq = 4;
        dozan_log_part part = {.since_seq = 3, .to_seq = 4, .events = &bad, .event_count = 1};
        bool stale = true;
        dozan_error err = {0};
        assert_int_equal(dz_session_apply(session, &part, &stale, &err), DOZAN_INVALID_ARGUMENT);
        assert_string_equal(err.place, cases[i].place);
        assert_int_equal(dz_session_applied_seq(session), 0);
        assert_true(is_stale(session, log, 3, 3));
        dz_arena arena = {0};
        dozan_ask_reply reply;
        assert_int_equal(dz_session_ask(session, 9, 1, &arena, &reply, &err),
                         DOZAN_FAILED_PRECONDITION);
        apply(session, log, 0, 3);
        assert_int_equal(ask(session, 9, 1, &arena).suggestion_count, 1);
        dz_arena_fini(&arena);
        dz_session_destroy(session);
    }
    destroy_log(log);
}

static void a_senseless_part_changes_nothing(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    dz_session *session = make_session(&folder_algorithm, &experiment);
    test_log *log = make_log();
    ask_and_log(session, log, 1, 2);
    dozan_log_event events[2] = {{.seq = 4, .kind = DOZAN_EVENT_STARTED, .trial = 1},
                                 {.seq = 4, .kind = DOZAN_EVENT_STARTED, .trial = 2}};
    const dozan_log_part parts[] = {
        {.since_seq = -1, .to_seq = 4},
        {.since_seq = 2, .to_seq = 1},
        {.since_seq = 2, .to_seq = 4, .events = events, .event_count = 2},
        {.since_seq = 2, .to_seq = 3, .events = events, .event_count = 1},
        {.since_seq = 4, .to_seq = 5, .events = events, .event_count = 1},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        bool stale = true;
        assert_int_equal(dz_session_apply(session, &parts[i], &stale, NULL),
                         DOZAN_INVALID_ARGUMENT);
        assert_false(stale);
        assert_int_equal(dz_session_applied_seq(session), 2);
    }
    dz_session_destroy(session);
    destroy_log(log);
}

static void a_failing_tell_breaks_the_session(void **state)
{
    (void)state;
    dz_session *session = make_faulty("tell");
    test_log *log = make_log();
    dz_arena arena = {0};
    dozan_ask_reply reply = ask(session, 1, 2, &arena);
    append_asked(log, 1, &reply.suggestions[0]);
    append_asked(log, 2, &reply.suggestions[1]);
    dozan_log_part part = part_of(log, 0, 2);
    bool stale = true;
    dozan_error err = {0};
    assert_int_equal(dz_session_apply(session, &part, &stale, &err), DOZAN_INTERNAL);
    assert_string_equal(err.place, "events[1]");
    assert_string_equal(err.message, "event 2: the fit diverged");
    assert_true(is_stale(session, log, 1, 1));
    assert_int_equal(dz_session_applied_seq(session), 0);
    dz_arena_fini(&arena);
    dz_session_destroy(session);
    destroy_log(log);
}

/* What reaches a trial after its end (a report that came late) is dropped, and told to nobody. */
static void late_events_change_nothing(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    dz_arena arena = {0};
    dozan_ask_reply replies[2];
    for (int late = 0; late < 2; late++) {
        dz_session *session = make_session(&folder_algorithm, &experiment);
        test_log *log = make_log();
        ask_and_log(session, log, 1, 2);
        append_value(log, DOZAN_EVENT_COMPLETED, 1, 0, 0.5);
        if (late) {
            append_value(log, DOZAN_EVENT_REPORT, 1, 9, 0.1);
            append(log, DOZAN_EVENT_LOST, 1);
        }
        apply(session, log, 2, log->count);
        replies[late] = ask(session, 3, 1, &arena);
        dz_session_destroy(session);
        destroy_log(log);
    }
    assert_same_suggestion(&replies[0].suggestions[0], &replies[1].suggestions[0]);
    dz_arena_fini(&arena);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void bad_answers_become_a_status(void **state)
{
    (void)state;
    static const char *const faults[][2] = {
        {"nan", "faulty, asked for trial 1: its coordinate of parameter 'layers' is not a finite "
                "number"},
        {"kind", "unknown kind"},
        {"labels", "17 labels"},
        {"endless", "label 0 has no end"},
        {"error", "faulty, asked for trial 1: no Cholesky factor"},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        dz_session *session = make_faulty(faults[i][0]);
        dz_arena arena = {0};
        dozan_ask_reply reply;
        dozan_error err = {0};
        assert_int_equal(dz_session_ask(session, 1, 1, &arena, &reply, &err), DOZAN_INTERNAL);
        assert_int_equal(err.code, DOZAN_INTERNAL);
        if (strstr(err.message, faults[i][1]) == NULL)
            fail_msg("'%s'", err.message);
        assert_int_equal(dz_session_ask(session, 1, 1, &arena, &reply, NULL), DOZAN_INTERNAL);
        dz_arena_fini(&arena);
        dz_session_destroy(session);
    }
    dz_session *session = make_faulty("outside"); /* is put onto the edge */
    dz_arena arena = {0};
    assert_string_equal(ask(session, 1, 1, &arena).suggestions[0].assignments[1].value, "4");
    dz_arena_fini(&arena);
    dz_session_destroy(session);
}

static void waiting_and_exhaustion_end_a_batch(void **state)
{
    (void)state;
    dz_arena arena = {0};
    dz_session *session = make_faulty("wait");
    dozan_ask_reply reply = ask(session, 1, 8, &arena);
    assert_int_equal(reply.suggestion_count, 2);
    assert_int_equal(reply.end, DOZAN_ASK_WAIT);
    assert_string_equal(reply.message, "a pending trial must end first");
    dz_session_destroy(session);
    session = make_faulty("exhausted");
    reply = ask(session, 1, 8, &arena);
    assert_int_equal(reply.suggestion_count, 1);
    assert_int_equal(reply.end, DOZAN_ASK_EXHAUSTED);
    assert_string_equal(reply.message, "all 1 points are tried");
    dz_session_destroy(session);
    dz_arena_fini(&arena);
}

static void asks_are_checked_and_bounded(void **state)
{
    (void)state;
    dz_session *session = make_faulty("none");
    test_log *log = make_log();
    dz_arena arena = {0};
    dozan_ask_reply reply;
    ask_and_log(session, log, 1, 2);
    assert_int_equal(dz_session_ask(session, 0, 1, &arena, &reply, NULL), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_session_ask(session, INT64_MAX, 2, &arena, &reply, NULL),
                     DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_session_ask(session, 2, 2, &arena, &reply, NULL), DOZAN_INVALID_ARGUMENT);
    reply = ask(session, 3, 0, &arena);
    assert_int_equal(reply.suggestion_count, 0);
    assert_int_equal(reply.applied_seq, 2);
    reply = ask(session, 3, UINT32_MAX, &arena);
    assert_int_equal(reply.suggestion_count, DZ_SESSION_MAX_BATCH);
    assert_int_equal(reply.end, DOZAN_ASK_MORE);
    dz_arena_fini(&arena);
    dz_session_destroy(session);
    destroy_log(log);
}

/* ---- repeated points ------------------------------------------------------------------------- */

static const dozan_parameter small_parameters[] = {
    {.name = "layers", .type = DOZAN_INT, .min = "1", .max = "4"},
    {.name = "optimizer", .type = DOZAN_CATEGORICAL, .list = optimizers, .list_count = 3},
};

static size_t count_different(const dozan_ask_reply *reply)
{
    size_t different = 0;
    for (size_t i = 0; i < reply->suggestion_count; i++) {
        const dozan_pair *a = reply->suggestions[i].assignments;
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) {
            const dozan_pair *b = reply->suggestions[j].assignments;
            seen = strcmp(a[0].value, b[0].value) == 0 && strcmp(a[1].value, b[1].value) == 0;
        }
        different += !seen;
    }
    return different;
}

static void repeats_give_way_while_there_are_other_points(void **state)
{
    (void)state;
    dozan_algorithm stubborn = faulty_algorithm;
    dz_arena arena = {0};
    for (int round = 0; round < 3; round++) {
        const dozan_pair pair = {"fault", round == 1 ? "repeat_ok" : "none"};
        dozan_experiment experiment = make_experiment();
        experiment.parameters = small_parameters;
        experiment.parameter_count = 2;
        experiment.algorithm_settings = &pair;
        experiment.algorithm_setting_count = 1;
        stubborn.traits = round == 2 ? DOZAN_MAY_REPEAT : 0;
        dz_session *session = make_session(&stubborn, &experiment);
        dozan_ask_reply reply = ask(session, 1, 15, &arena);
        assert_int_equal(reply.suggestion_count, 15); /* 12 points: the last 3 must repeat */
        assert_int_equal(count_different(&reply), round == 0 ? 12 : 1);
        if (round == 0) {
            test_log *log = make_log();
            ask_and_log(session, log, 1, 6); /* the rest, from the history's side */
            dozan_ask_reply rest = ask(session, 7, 6, &arena);
            for (size_t i = 0; i < 6; i++)
                assert_same_suggestion(&rest.suggestions[i], &reply.suggestions[6 + i]);
            destroy_log(log);
        }
        dz_session_destroy(session);
    }
    dz_arena_fini(&arena);
}

/* ---- the problem ----------------------------------------------------------------------------- */

static dozan_status check_problem(const dozan_problem *problem, dozan_error *err)
{
    return dozan_error_set(err, DOZAN_ABORTED, NULL, "%llu %g %d %s",
                           (unsigned long long)problem->seed, problem->goal_loss, problem->maximize,
                           problem->name);
}

static void the_problem_has_seed_and_losses(void **state)
{
    (void)state;
    dozan_algorithm algorithm = faulty_algorithm;
    algorithm.validate = check_problem;
    dozan_experiment experiment = make_experiment();
    experiment.maximize = true;
    experiment.has_goal = true;
    experiment.goal = 0.99;
    dozan_error err = {0};
    assert_int_equal(dz_session_validate(&algorithm, &experiment, &err), DOZAN_ABORTED);
    assert_string_equal(err.message, "11 -0.99 1 test");
    const dozan_pair pair = {"random_state", "77"};
    experiment.algorithm_settings = &pair;
    experiment.algorithm_setting_count = 1;
    experiment.maximize = false;
    assert_int_equal(dz_session_validate(&algorithm, &experiment, &err), DOZAN_ABORTED);
    assert_string_equal(err.message, "77 0.99 0 test");
}

static void errors_have_a_place_in_the_experiment(void **state)
{
    (void)state;
    static const char *const places[][2] = {
        {"validate", "spec.parameters[0].feasibleSpace.step"},
        {"validate-setting", "spec.algorithm.algorithmSettings[0]"},
        {"validate-nowhere", "spec.algorithm"},
    };
    dozan_experiment experiment = make_experiment();
    dozan_pair pair = {"fault", NULL};
    dozan_error err = {0};
    experiment.algorithm_settings = &pair;
    experiment.algorithm_setting_count = 1;
    for (size_t i = 0; i < 3; i++) {
        pair.value = places[i][0];
        assert_int_equal(dz_session_validate(&faulty_algorithm, &experiment, &err),
                         DOZAN_INVALID_ARGUMENT);
        assert_string_equal(err.place, places[i][1]);
    }
    pair.name = "falt";
    assert_int_equal(dz_session_validate(&faulty_algorithm, &experiment, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "spec.algorithm.algorithmSettings[0]");
    /* The early stopper has its own settings, and the search's do not bother it. */
    assert_int_equal(dz_session_validate(&limit_algorithm, &experiment, &err), DOZAN_OK);
    experiment.early_stopping_settings = &pair;
    experiment.early_stopping_setting_count = 1;
    assert_int_equal(dz_session_validate(&limit_algorithm, &experiment, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "spec.earlyStopping.algorithmSettings[0]");
    experiment.parameter_count = 0;
    assert_int_equal(dz_session_validate(&limit_algorithm, &experiment, NULL),
                     DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_session_validate(&limit_algorithm, &experiment, &err),
                     DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, "spec.parameters");
}

static void unfit_algorithms_are_refused(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    dozan_error err = {0};
    dozan_algorithm old = faulty_algorithm;
    old.abi = DOZAN_ALGORITHM_ABI + 1;
    assert_int_equal(dz_session_validate(&old, &experiment, &err), DOZAN_FAILED_PRECONDITION);
    dozan_algorithm empty = faulty_algorithm;
    empty.ask = NULL;
    assert_int_equal(dz_session_validate(&empty, &experiment, &err), DOZAN_UNIMPLEMENTED);
}

/* ---- judging --------------------------------------------------------------------------------- */

static void pending_trials_are_judged_by_losses(void **state)
{
    (void)state;
    dozan_experiment experiment = make_experiment();
    experiment.maximize = true;
    dz_session *session = make_session(&limit_algorithm, &experiment);
    test_log *log = make_log();
    for (int64_t trial = 1; trial <= 3; trial++)
        *append(log, DOZAN_EVENT_ASKED, trial) = (dozan_log_event)ASKED(trial, good_pairs, 3);
    append_value(log, DOZAN_EVENT_REPORT, 1, 1, -6); /* loss 6 */
    append_value(log, DOZAN_EVENT_REPORT, 2, 1, -4);
    append_value(log, DOZAN_EVENT_COMPLETED, 3, 0, 1);
    for (size_t i = 0; i < log->count; i++)
        log->events[i].seq = (int64_t)i + 1;
    apply(session, log, 0, log->count);

    const int64_t trials[] = {2, 3, 1};
    const int64_t unknown[] = {4};
    dz_arena arena = {0};
    dozan_judge_reply reply;
    dozan_ask_reply answer;
    assert_int_equal(dz_session_judge(session, trials, 3, &arena, &reply, NULL), DOZAN_OK);
    assert_int_equal(reply.verdict_count, 2);
    assert_int_equal(reply.applied_seq, 6);
    assert_int_equal(reply.verdicts[0].trial, 2);
    assert_false(reply.verdicts[0].stop);
    assert_int_equal(reply.verdicts[1].trial, 1);
    assert_true(reply.verdicts[1].stop);
    assert_string_equal(reply.verdicts[1].message, "loss 6");
    assert_int_equal(dz_session_judge(session, unknown, 1, &arena, &reply, NULL),
                     DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dz_session_ask(session, 9, 1, &arena, &answer, NULL), DOZAN_INVALID_ARGUMENT);

    *append(log, DOZAN_EVENT_ASKED, 5) = (dozan_log_event)ASKED(5, good_pairs, 3);
    log->events[6].seq = 7;
    apply(session, log, 6, 7);
    const int64_t silent[] = {5};
    dozan_error err = {0};
    assert_int_equal(dz_session_judge(session, silent, 1, &arena, &reply, &err), DOZAN_INTERNAL);
    assert_string_equal(err.message, "limit, judging trial 5: nothing reported");
    dz_session_destroy(session);
    session = make_faulty("none");
    assert_int_equal(dz_session_judge(session, trials, 3, &arena, &reply, NULL),
                     DOZAN_INVALID_ARGUMENT);
    dz_session_destroy(session);
    dz_session_destroy(NULL);
    dz_arena_fini(&arena);
    destroy_log(log);
}

static void labels_are_bounded(void **state)
{
    (void)state;
    static dozan_answer answer;
    char longer[DOZAN_LABEL_TEXT + 1];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(dozan_answer_label(&answer, longer, "1", NULL), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dozan_answer_label(&answer, "a", longer, NULL), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(dozan_answer_label(&answer, "", "1", NULL), DOZAN_INVALID_ARGUMENT);
    assert_int_equal(answer.label_count, 0);
    for (int i = 0; i < DOZAN_MAX_LABELS; i++)
        assert_int_equal(dozan_answer_label(&answer, "a", longer + 1, NULL), DOZAN_OK);
    assert_string_equal(answer.labels[15].value, longer + 1);
    assert_int_equal(dozan_answer_label(&answer, "a", "1", NULL), DOZAN_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_of_the_log_gives_the_same_answers),
        cmocka_unit_test(a_batch_answers_as_singles_do),
        cmocka_unit_test(gaps_are_stale_and_overlaps_are_skipped),
        cmocka_unit_test(reports_may_be_left_out_of_the_sequence),
        cmocka_unit_test(bad_events_break_the_session_until_all_is_told),
        cmocka_unit_test(a_senseless_part_changes_nothing),
        cmocka_unit_test(a_failing_tell_breaks_the_session),
        cmocka_unit_test(late_events_change_nothing),
        cmocka_unit_test(bad_answers_become_a_status),
        cmocka_unit_test(waiting_and_exhaustion_end_a_batch),
        cmocka_unit_test(asks_are_checked_and_bounded),
        cmocka_unit_test(repeats_give_way_while_there_are_other_points),
        cmocka_unit_test(the_problem_has_seed_and_losses),
        cmocka_unit_test(errors_have_a_place_in_the_experiment),
        cmocka_unit_test(unfit_algorithms_are_refused),
        cmocka_unit_test(pending_trials_are_judged_by_losses),
        cmocka_unit_test(labels_are_bounded),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
