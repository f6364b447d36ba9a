/*
 * The wire: what is packed comes back, and whatever else comes in is an error and nothing worse.
 */
#include "wire.h"

#include <dozan/rng.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 200, MOST_ROWS = 6 };

/* ---- random content ------------------------------------------------------------------------- */

static uint64_t draw(dozan_rng *rng, uint64_t below)
{
    return dozan_rng_below(rng, below);
}

/* One to eight characters, some of them of several bytes. */
static const char *random_text(dozan_rng *rng, dz_arena *arena)
{
    static const char *const pieces[] = {"a",  "Z", "0", "-",  " ",
                                         "\t", "é", "ß", "中", "\U0001F3B5"};
    char text[64] = "";
    size_t used = 0;
    for (uint64_t left = 1 + draw(rng, 8); left > 0; left--) {
        const char *piece = pieces[draw(rng, sizeof(pieces) / sizeof(pieces[0]))];
        memcpy(text + used, piece, strlen(piece) + 1);
        used += strlen(piece);
    }
    return dz_arena_text(arena, text);
}

static dozan_pair *random_pairs(dozan_rng *rng, dz_arena *arena, size_t *count)
{
    *count = draw(rng, MOST_ROWS);
    dozan_pair *pairs = dz_arena_array(arena, *count, sizeof(*pairs));
    for (size_t i = 0; i < *count; i++)
        pairs[i] = (dozan_pair){random_text(rng, arena), random_text(rng, arena)};
    return pairs;
}

static const char *const *random_texts(dozan_rng *rng, dz_arena *arena, size_t *count)
{
    *count = draw(rng, MOST_ROWS);
    const char **texts = dz_arena_array(arena, *count, sizeof(*texts));
    for (size_t i = 0; i < *count; i++)
        texts[i] = random_text(rng, arena);
    return texts;
}

static const dozan_experiment *random_experiment(dozan_rng *rng, dz_arena *arena)
{
    dozan_experiment *e = dz_arena_alloc(arena, sizeof(*e));
    e->uid = "uid-1";
    e->name = random_text(rng, arena);
    e->parameter_count = draw(rng, MOST_ROWS);
    dozan_parameter *parameters = dz_arena_array(arena, e->parameter_count, sizeof(*parameters));
    for (size_t i = 0; i < e->parameter_count; i++) {
        dozan_parameter *p = &parameters[i];
        p->name = random_text(rng, arena);
        p->type = (dozan_parameter_type)(1 + draw(rng, 4));
        p->distribution = (dozan_distribution)(1 + draw(rng, 4));
        p->min = random_text(rng, arena);
        p->max = random_text(rng, arena);
        p->step = draw(rng, 2) ? random_text(rng, arena) : NULL;
        p->list = random_texts(rng, arena, &p->list_count);
    }
    e->parameters = parameters;
    e->maximize = draw(rng, 2) == 1;
    e->has_goal = draw(rng, 2) == 1;
    e->goal = e->has_goal ? dozan_rng_normal(rng) : 0;
    e->objective_metric = random_text(rng, arena);
    e->additional_metrics = random_texts(rng, arena, &e->additional_metric_count);
    e->algorithm = random_text(rng, arena);
    e->algorithm_settings = random_pairs(rng, arena, &e->algorithm_setting_count);
    if (draw(rng, 2)) {
        e->early_stopping = random_text(rng, arena);
        e->early_stopping_settings = random_pairs(rng, arena, &e->early_stopping_setting_count);
    }
    e->parallel_trials = (int32_t)draw(rng, INT32_MAX);
    e->max_trials = (int32_t)draw(rng, INT32_MAX);
    e->seed = dozan_rng_next(rng);
    return e;
}

/* Not -0.0: protobuf-c takes it for the default, and it comes back as 0. */
static double random_value(dozan_rng *rng)
{
    static const double special[] = {0.0, 1.0, INFINITY, -INFINITY, 5e-324, 1.7e308};
    uint64_t kind = draw(rng, 12);
    return kind < 6 ? special[kind] : dozan_rng_normal(rng);
}

static dozan_log_part random_log(dozan_rng *rng, dz_arena *arena)
{
    dozan_log_part log = {.uid = "uid-1", .since_seq = (int64_t)draw(rng, 1000)};
    if (draw(rng, 2))
        log.experiment = random_experiment(rng, arena);
    log.event_count = draw(rng, MOST_ROWS);
    dozan_log_event *events = dz_arena_array(arena, log.event_count, sizeof(*events));
    for (size_t i = 0; i < log.event_count; i++) {
        dozan_log_event *e = &events[i];
        e->seq = log.since_seq + 1 + (int64_t)i;
        e->kind = (dozan_event_kind)(1 + draw(rng, 9));
        e->trial = 1 + (int64_t)draw(rng, INT64_MAX);
        e->assignments = random_pairs(rng, arena, &e->assignment_count);
        e->labels = random_pairs(rng, arena, &e->label_count);
        e->metric = (uint32_t)draw(rng, UINT32_MAX);
        e->step = (int64_t)draw(rng, INT64_MAX);
        e->has_value = draw(rng, 2) == 1;
        e->value = e->has_value ? random_value(rng) : 0;
    }
    log.events = events;
    log.to_seq = log.since_seq + (int64_t)log.event_count;
    return log;
}

/* ---- comparison ----------------------------------------------------------------------------- */

static void same_text(const char *a, const char *b)
{
    assert_string_equal(a != NULL ? a : "", b != NULL ? b : "");
}

static void same_pairs(const dozan_pair *a, size_t a_count, const dozan_pair *b, size_t b_count)
{
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++) {
        same_text(a[i].name, b[i].name);
        same_text(a[i].value, b[i].value);
    }
}

static void same_bits(double a, double b)
{
    assert_memory_equal(&a, &b, sizeof(a));
}

static void same_experiment(const dozan_experiment *a, const dozan_experiment *b)
{
    same_text(a->uid, b->uid);
    same_text(a->name, b->name);
    assert_int_equal(a->parameter_count, b->parameter_count);
    for (size_t i = 0; i < a->parameter_count; i++) {
        const dozan_parameter *p = &a->parameters[i];
        const dozan_parameter *q = &b->parameters[i];
        same_text(p->name, q->name);
        assert_int_equal(p->type, q->type);
        assert_int_equal(p->distribution, q->distribution);
        same_text(p->min, q->min);
        same_text(p->max, q->max);
        same_text(p->step, q->step);
        assert_int_equal(p->list_count, q->list_count);
        for (size_t k = 0; k < p->list_count; k++)
            same_text(p->list[k], q->list[k]);
    }
    assert_int_equal(a->maximize, b->maximize);
    assert_int_equal(a->has_goal, b->has_goal);
    same_bits(a->goal, b->goal);
    same_text(a->objective_metric, b->objective_metric);
    assert_int_equal(a->additional_metric_count, b->additional_metric_count);
    for (size_t i = 0; i < a->additional_metric_count; i++)
        same_text(a->additional_metrics[i], b->additional_metrics[i]);
    same_text(a->algorithm, b->algorithm);
    same_pairs(a->algorithm_settings, a->algorithm_setting_count, b->algorithm_settings,
               b->algorithm_setting_count);
    assert_int_equal(a->early_stopping == NULL, b->early_stopping == NULL);
    same_text(a->early_stopping, b->early_stopping);
    same_pairs(a->early_stopping_settings, a->early_stopping_setting_count,
               b->early_stopping_settings, b->early_stopping_setting_count);
    assert_int_equal(a->parallel_trials, b->parallel_trials);
    assert_int_equal(a->max_trials, b->max_trials);
    assert_true(a->seed == b->seed);
    assert_true(dz_wire_experiment_digest(a) == dz_wire_experiment_digest(b));
}

static void same_log(const dozan_log_part *a, const dozan_log_part *b)
{
    same_text(a->uid, b->uid);
    assert_int_equal(a->since_seq, b->since_seq);
    assert_int_equal(a->to_seq, b->to_seq);
    assert_int_equal(a->experiment == NULL, b->experiment == NULL);
    if (a->experiment != NULL)
        same_experiment(a->experiment, b->experiment);
    assert_int_equal(a->event_count, b->event_count);
    for (size_t i = 0; i < a->event_count; i++) {
        const dozan_log_event *e = &a->events[i];
        const dozan_log_event *f = &b->events[i];
        assert_int_equal(e->seq, f->seq);
        assert_int_equal(e->kind, f->kind);
        assert_int_equal(e->trial, f->trial);
        same_pairs(e->assignments, e->assignment_count, f->assignments, f->assignment_count);
        same_pairs(e->labels, e->label_count, f->labels, f->label_count);
        assert_int_equal(e->metric, f->metric);
        assert_int_equal(e->step, f->step);
        assert_int_equal(e->has_value, f->has_value);
        same_bits(e->value, f->value);
    }
}

/* ---- round trips ---------------------------------------------------------------------------- */

static void requests_come_back(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        dozan_rng rng = dozan_rng_stream(1, "wire.requests", round);
        dz_arena arena = {0};
        dozan_error err = {.code = DOZAN_OK};
        dz_bytes body;
        dz_ask_request ask = {.log = random_log(&rng, &arena),
                              .first_trial = 1 + (int64_t)draw(&rng, 1000),
                              .count = (uint32_t)draw(&rng, 100)};
        dz_ask_request ask_back;
        assert_int_equal(dz_wire_pack_ask(&ask, &arena, &body, &err), DOZAN_OK);
        assert_int_equal(dz_wire_unpack_ask(body, &arena, &ask_back, &err), DOZAN_OK);
        same_log(&ask.log, &ask_back.log);
        assert_int_equal(ask.first_trial, ask_back.first_trial);
        assert_int_equal(ask.count, ask_back.count);

        int64_t trials[MOST_ROWS] = {3, 1, 4, 1, 5, INT64_MAX};
        dz_judge_request judge = {.log = random_log(&rng, &arena),
                                  .trials = trials,
                                  .trial_count = draw(&rng, MOST_ROWS)};
        dz_judge_request judge_back;
        assert_int_equal(dz_wire_pack_judge(&judge, &arena, &body, &err), DOZAN_OK);
        assert_int_equal(dz_wire_unpack_judge(body, &arena, &judge_back, &err), DOZAN_OK);
        same_log(&judge.log, &judge_back.log);
        assert_int_equal(judge.trial_count, judge_back.trial_count);
        for (size_t i = 0; i < judge.trial_count; i++)
            assert_int_equal(trials[i], judge_back.trials[i]);

        dz_validate_request check = {.experiment = random_experiment(&rng, &arena),
                                     .kind = DOZAN_KIND_EARLY_STOPPING};
        dz_validate_request check_back;
        assert_int_equal(dz_wire_pack_validate(&check, &arena, &body, &err), DOZAN_OK);
        assert_int_equal(dz_wire_unpack_validate(body, &arena, &check_back, &err), DOZAN_OK);
        same_experiment(check.experiment, check_back.experiment);
        assert_int_equal(check.kind, check_back.kind);
        dz_arena_fini(&arena);
    }
}

static void ask_and_judge_replies_come_back(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        dozan_rng rng = dozan_rng_stream(1, "wire.replies", round);
        dz_arena arena = {0};
        dozan_error err = {.code = DOZAN_OK};
        dz_bytes body;
        dozan_suggestion rows[MOST_ROWS] = {0};
        dozan_ask_reply ask = {.stale = draw(&rng, 2) == 1,
                               .unknown_experiment = draw(&rng, 2) == 1,
                               .applied_seq = (int64_t)draw(&rng, INT64_MAX),
                               .suggestions = rows,
                               .suggestion_count = draw(&rng, MOST_ROWS),
                               .end = (dozan_ask_end)draw(&rng, 3),
                               .message = random_text(&rng, &arena)};
        for (size_t i = 0; i < ask.suggestion_count; i++) {
            rows[i].assignments = random_pairs(&rng, &arena, &rows[i].assignment_count);
            rows[i].labels = random_pairs(&rng, &arena, &rows[i].label_count);
        }
        dozan_ask_reply ask_back;
        assert_int_equal(dz_wire_pack_ask_reply(&ask, &arena, &body, &err), DOZAN_OK);
        assert_int_equal(dz_wire_unpack_ask_reply(body, &arena, &ask_back, &err), DOZAN_OK);
        assert_int_equal(ask.stale, ask_back.stale);
        assert_int_equal(ask.unknown_experiment, ask_back.unknown_experiment);
        assert_int_equal(ask.applied_seq, ask_back.applied_seq);
        assert_int_equal(ask.end, ask_back.end);
        same_text(ask.message, ask_back.message);
        assert_int_equal(ask.suggestion_count, ask_back.suggestion_count);
        for (size_t i = 0; i < ask.suggestion_count; i++) {
            same_pairs(rows[i].assignments, rows[i].assignment_count,
                       ask_back.suggestions[i].assignments,
                       ask_back.suggestions[i].assignment_count);
            same_pairs(rows[i].labels, rows[i].label_count, ask_back.suggestions[i].labels,
                       ask_back.suggestions[i].label_count);
        }
        dozan_trial_verdict verdicts[] = {{7, true, random_text(&rng, &arena)}, {9, false, ""}};
        dozan_judge_reply judge = {.applied_seq = 12, .verdicts = verdicts, .verdict_count = 2};
        dozan_judge_reply judge_back;
        assert_int_equal(dz_wire_pack_judge_reply(&judge, &arena, &body, &err), DOZAN_OK);
        assert_int_equal(dz_wire_unpack_judge_reply(body, &arena, &judge_back, &err), DOZAN_OK);
        assert_int_equal(judge_back.verdict_count, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(verdicts[i].trial, judge_back.verdicts[i].trial);
            assert_int_equal(verdicts[i].stop, judge_back.verdicts[i].stop);
            same_text(verdicts[i].message, judge_back.verdicts[i].message);
        }
        dz_arena_fini(&arena);
    }
}

static void descriptions_come_back(void **state)
{
    (void)state;
    const char *const choices[] = {"a", "b", NULL};
    dozan_setting settings[] = {
        {.name = "n",
         .type = DOZAN_SETTING_INT,
         .default_text = "10",
         .min = "1",
         .help = "how many"},
        {.name = "c", .type = DOZAN_SETTING_CHOICE, .choices = choices, .required = true},
        {.name = "x",
         .type = DOZAN_SETTING_DOUBLE,
         .min = "0",
         .min_exclusive = true,
         .max = "1",
         .max_exclusive = true}};
    dozan_description rows[] = {{.name = "one",
                                 .kind = DOZAN_KIND_EARLY_STOPPING,
                                 .traits = DOZAN_WANTS_REPORTS,
                                 .summary = "s",
                                 .reference = "r",
                                 .limits = "l",
                                 .settings = settings,
                                 .setting_count = 3},
                                {.name = "two", .traits = DOZAN_IGNORES_RESULTS}};
    dozan_describe_reply reply = {.algorithms = rows, .algorithm_count = 2};
    dozan_describe_reply back;
    dz_arena arena = {0};
    dozan_error err = {.code = DOZAN_OK};
    dz_bytes body;
    assert_int_equal(dz_wire_pack_describe_reply(&reply, &arena, &body, &err), DOZAN_OK);
    assert_int_equal(dz_wire_unpack_describe_reply(body, &arena, &back, &err), DOZAN_OK);
    assert_int_equal(back.algorithm_count, 2);
    assert_string_equal(back.algorithms[0].name, "one");
    assert_int_equal(back.algorithms[0].kind, DOZAN_KIND_EARLY_STOPPING);
    assert_int_equal(back.algorithms[0].traits, DOZAN_WANTS_REPORTS);
    assert_int_equal(back.algorithms[1].traits, DOZAN_IGNORES_RESULTS);
    assert_int_equal(back.algorithms[0].setting_count, 3);
    const dozan_setting *s = back.algorithms[0].settings;
    assert_string_equal(s[0].default_text, "10");
    assert_string_equal(s[0].min, "1");
    assert_null(s[0].max);
    assert_null(s[0].choices);
    assert_string_equal(s[1].choices[1], "b");
    assert_null(s[1].choices[2]);
    assert_null(s[1].default_text);
    assert_true(s[1].required && !s[0].required);
    assert_true(s[2].min_exclusive && s[2].max_exclusive && !s[0].min_exclusive);
    dz_arena_fini(&arena);
}

static void envelopes_come_back(void **state)
{
    (void)state;
    dz_arena arena = {0};
    dozan_error err = {.code = DOZAN_OK};
    dz_request request = {.method = DZ_METHOD_ASK,
                          .request_id = "id-1",
                          .timeout_ms = 1234,
                          .authorization = "Bearer x",
                          .body = {"\0\1\2", 3}};
    dz_request request_back;
    size_t size = dz_wire_request_size(&request);
    char *bytes = dz_arena_alloc(&arena, size);
    dz_wire_pack_request(&request, bytes);
    assert_int_equal(dz_wire_unpack_request((dz_bytes){bytes, size}, &arena, &request_back, &err),
                     DOZAN_OK);
    same_text(request_back.method, request.method);
    same_text(request_back.request_id, "id-1");
    same_text(request_back.authorization, "Bearer x");
    assert_int_equal(request_back.timeout_ms, 1234);
    assert_int_equal(request_back.body.size, 3);
    assert_memory_equal(request_back.body.data, request.body.data, 3);

    dz_reply reply = {
        .request_id = "id-1", .code = DOZAN_NOT_FOUND, .place = "p", .message = "why"};
    dz_reply reply_back;
    size = dz_wire_reply_size(&reply);
    bytes = dz_arena_alloc(&arena, size);
    dz_wire_pack_reply(&reply, bytes);
    assert_int_equal(dz_wire_unpack_reply((dz_bytes){bytes, size}, &arena, &reply_back, &err),
                     DOZAN_OK);
    assert_int_equal(reply_back.code, DOZAN_NOT_FOUND);
    same_text(reply_back.place, "p");
    same_text(reply_back.message, "why");
    dz_arena_fini(&arena);
}

/* ---- bytes that are wrong ------------------------------------------------------------------- */

/* Unpacks as everything; what unpacks must pack again. Memory errors are the sanitizers' to see. */
static void try_all(dz_bytes bytes)
{
    dz_arena arena = {0};
    dozan_error err;
    dz_bytes body;
    dz_request request;
    dz_reply reply;
    dz_ask_request ask;
    dz_judge_request judge;
    dz_validate_request check;
    dozan_ask_reply ask_reply;
    dozan_judge_reply judge_reply;
    dozan_describe_reply describe_reply;
    const char *uid = NULL;
    (void)!dz_wire_unpack_request(bytes, &arena, &request, &err);
    (void)!dz_wire_unpack_reply(bytes, &arena, &reply, &err);
    if (dz_wire_unpack_ask(bytes, &arena, &ask, &err) == DOZAN_OK)
        assert_int_equal(dz_wire_pack_ask(&ask, &arena, &body, &err), DOZAN_OK);
    if (dz_wire_unpack_judge(bytes, &arena, &judge, &err) == DOZAN_OK)
        assert_int_equal(dz_wire_pack_judge(&judge, &arena, &body, &err), DOZAN_OK);
    if (dz_wire_unpack_validate(bytes, &arena, &check, &err) == DOZAN_OK)
        assert_int_equal(dz_wire_pack_validate(&check, &arena, &body, &err), DOZAN_OK);
    if (dz_wire_unpack_ask_reply(bytes, &arena, &ask_reply, &err) == DOZAN_OK)
        assert_int_equal(dz_wire_pack_ask_reply(&ask_reply, &arena, &body, &err), DOZAN_OK);
    if (dz_wire_unpack_judge_reply(bytes, &arena, &judge_reply, &err) == DOZAN_OK)
        assert_int_equal(dz_wire_pack_judge_reply(&judge_reply, &arena, &body, &err), DOZAN_OK);
    if (dz_wire_unpack_describe_reply(bytes, &arena, &describe_reply, &err) == DOZAN_OK)
        assert_int_equal(dz_wire_pack_describe_reply(&describe_reply, &arena, &body, &err),
                         DOZAN_OK);
    (void)!dz_wire_unpack_release(bytes, &arena, &uid, &err);
    dz_arena_fini(&arena);
}

static void broken_bytes_are_survived(void **state)
{
    (void)state;
    dozan_rng rng = dozan_rng_stream(1, "wire.broken", 0);
    dz_arena arena = {0};
    dozan_error err;
    dz_bytes body;
    dz_ask_request ask = {.log = random_log(&rng, &arena), .first_trial = 1, .count = 2};
    while (ask.log.experiment == NULL || ask.log.event_count < 3)
        ask.log = random_log(&rng, &arena);
    assert_int_equal(dz_wire_pack_ask(&ask, &arena, &body, &err), DOZAN_OK);
    for (size_t size = 0; size < body.size; size++) {
        char *cut = malloc(size > 0 ? size : 1); /* of its own, so that a read past it is seen */
        assert_non_null(cut);
        memcpy(cut, body.data, size);
        try_all((dz_bytes){cut, size});
        free(cut);
    }
    unsigned char *flipped = malloc(body.size);
    assert_non_null(flipped);
    memcpy(flipped, body.data, body.size);
    for (size_t bit = 0; bit < body.size * 8; bit++) {
        flipped[bit / 8] ^= (unsigned char)(1u << bit % 8);
        try_all((dz_bytes){flipped, body.size});
        flipped[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    free(flipped);
    dz_arena_fini(&arena);
}

typedef struct bad_case {
    const char *what;
    const char *bytes; /* of an AskRequest */
    size_t size;
    const char *place;
} bad_case;

#define BYTES(text) text, sizeof(text) - 1

static void bad_requests_are_named(void **state)
{
    (void)state;
    static const bad_case cases[] = {
        {"nothing", BYTES(""), "log"},
        {"no uid", BYTES("\x0a\x00"), "log.uid"},
        {"a range backwards", BYTES("\x0a\x05\x0a\x01u\x18\x01"), "log.to_seq"},
        {"a negative trial",
         BYTES("\x0a\x03\x0a\x01u\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x18\x01"),
         "first_trial"},
        {"an event without kind", BYTES("\x0a\x0b\x0a\x01u\x20\x01\x2a\x04\x08\x01\x18\x01"),
         "log.events[0]"},
        {"an unknown kind", BYTES("\x0a\x0d\x0a\x01u\x20\x01\x2a\x06\x08\x01\x10\x63\x18\x01"),
         "kind"},
        {"not UTF-8", BYTES("\x0a\x04\x0a\x02\xc0\xaf"), "uid"},
        {"a surrogate", BYTES("\x0a\x05\x0a\x03\xed\xa0\x80"), "uid"},
        {"another problem's uid", BYTES("\x0a\x08\x0a\x01u\x12\x03\x0a\x01v"), "log.problem.uid"},
        {"a problem without spec", BYTES("\x0a\x08\x0a\x01u\x12\x03\x0a\x01u"),
         "problem.experiment.spec"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        dz_arena arena = {0};
        dozan_error err = {.code = DOZAN_OK};
        dz_ask_request ask;
        dz_bytes bytes = {cases[i].bytes, cases[i].size};
        if (dz_wire_unpack_ask(bytes, &arena, &ask, &err) != DOZAN_INVALID_ARGUMENT ||
            strcmp(err.place, cases[i].place) != 0)
            fail_msg("%s: place \"%s\": %s", cases[i].what, err.place, err.message);
        dz_arena_fini(&arena);
    }
}

/* Ten thousand empty events in twenty thousand bytes ask for more than a megabyte of structs. */
static void memory_is_bounded(void **state)
{
    (void)state;
    enum { EVENTS = 100000 };
    unsigned char *body = malloc(2 * EVENTS + 16);
    assert_non_null(body);
    for (size_t i = 0; i < EVENTS; i++) {
        body[2 * i] = 0x22; /* AskReply.suggestions */
        body[2 * i + 1] = 0;
    }
    dz_arena arena = {0};
    dozan_error err = {.code = DOZAN_OK};
    dozan_ask_reply reply;
    assert_int_equal(
        dz_wire_unpack_ask_reply((dz_bytes){body, (size_t)2 * EVENTS}, &arena, &reply, &err),
        DOZAN_INVALID_ARGUMENT);
    assert_true(arena.total_bytes < 16u << 20);
    dz_arena_fini(&arena);
    free(body);
}

static void the_digest_sees_every_field(void **state)
{
    (void)state;
    dz_arena arena = {0};
    const char *const list[] = {"1", "2"};
    dozan_parameter p = {.name = "x",
                         .type = DOZAN_DOUBLE,
                         .distribution = DOZAN_UNIFORM,
                         .min = "0",
                         .max = "1",
                         .list = list,
                         .list_count = 2};
    dozan_pair setting = {"a", "b"};
    const dozan_experiment base = {.uid = "u",
                                   .name = "n",
                                   .parameters = &p,
                                   .parameter_count = 1,
                                   .algorithm = "random",
                                   .algorithm_settings = &setting,
                                   .algorithm_setting_count = 1};
    const uint64_t digest = dz_wire_experiment_digest(&base);
    dozan_experiment changed[8];
    for (size_t i = 0; i < 8; i++)
        changed[i] = base;
    dozan_parameter q = p;
    q.list_count = 1;
    changed[0].seed = 1;
    changed[1].max_trials = 1;
    changed[2].parallel_trials = 1;
    changed[3].maximize = true;
    changed[4].has_goal = true;
    changed[5].algorithm_setting_count = 0;
    changed[6].parameters = &q;
    changed[7].early_stopping = "medianstop";
    for (size_t i = 0; i < 8; i++)
        assert_true(dz_wire_experiment_digest(&changed[i]) != digest);
    dz_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_back),
        cmocka_unit_test(ask_and_judge_replies_come_back),
        cmocka_unit_test(descriptions_come_back),
        cmocka_unit_test(envelopes_come_back),
        cmocka_unit_test(broken_bytes_are_survived),
        cmocka_unit_test(bad_requests_are_named),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(the_digest_sees_every_field),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
