/*
 * Sessions of experiments with several objectives, constraints, conditions and results from before:
 * what the algorithm is told of them, and what is refused.
 */
#include "session.h"
#include "wire.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What the test's algorithm has seen of the last ended trial. */
typedef struct seen {
    int64_t number;
    double loss, other_loss, excess, sum;
    size_t told;
} seen;

static seen last;

static dozan_status look(void *self, const dozan_problem *problem, const dozan_event *event,
                         dozan_error *err)
{
    (void)self;
    (void)err;
    last.told++;
    if (event->kind != DOZAN_EVENT_COMPLETED)
        return DOZAN_OK;
    assert_int_equal(problem->objective_count, 2);
    assert_int_equal(problem->constraint_count, 2);
    last.number = event->trial->number;
    last.loss = dozan_trial_loss(event->trial, 0);
    last.other_loss = dozan_trial_loss(event->trial, 1);
    last.excess = event->trial->excess[1];
    last.sum = dozan_trial_excess(problem, event->trial);
    return DOZAN_OK;
}

static dozan_status middle(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                           dozan_answer *answer, dozan_error *err)
{
    (void)self;
    (void)problem;
    (void)ask;
    (void)err;
    answer->point[0] = 0.9; /* "b": its child is inactive */
    answer->point[1] = 0.7;
    answer->repeat_ok = true;
    (void)snprintf(answer->message, sizeof(answer->message), "the middle is as good as any");
    return DOZAN_OK;
}

static dozan_algorithm algorithm = {.abi = DOZAN_ALGORITHM_ABI,
                                    .name = "middle",
                                    .traits = DOZAN_MANY_OBJECTIVES,
                                    .tell = look,
                                    .ask = middle};

static const char *const kinds[] = {"a", "b"};
static const char *const only_a[] = {"a"};
static const dozan_condition when_a = {"kind", only_a, 1, NULL, NULL};
static const dozan_parameter parameters[] = {
    {.name = "kind",
     .type = DOZAN_CATEGORICAL,
     .distribution = DOZAN_UNIFORM,
     .list = kinds,
     .list_count = 2},
    {.name = "depth",
     .type = DOZAN_INT,
     .distribution = DOZAN_UNIFORM,
     .min = "1",
     .max = "9",
     .when = &when_a},
};
static const char *const metrics[] = {"accuracy", "memory"};
static const dozan_objective accuracy = {"accuracy", true};
static const dozan_constraint bounds[] = {{.metric = "loss", .has_max = true, .max = 10},
                                          {.metric = "memory", .has_max = true, .max = 64}};

static dozan_experiment experiment(void)
{
    return (dozan_experiment){.uid = "u",
                              .name = "two",
                              .parameters = parameters,
                              .parameter_count = 2,
                              .objective_metric = "loss",
                              .additional_metrics = metrics,
                              .additional_metric_count = 2,
                              .other_objectives = &accuracy,
                              .other_objective_count = 1,
                              .constraints = bounds,
                              .constraint_count = 2,
                              .algorithm = "middle"};
}

static dz_session *open_session(void)
{
    dozan_experiment made = experiment();
    dz_session *session = NULL;
    dozan_error err = {0};
    if (dz_session_create(&algorithm, &made, &session, &err) != DOZAN_OK)
        fail_msg("%s: %s", err.place, err.message);
    last = (seen){0};
    return session;
}

static dozan_status tell(dz_session *session, const dozan_log_event *events, size_t count,
                         dozan_error *err)
{
    bool stale = false;
    dozan_log_part log = {.uid = "u",
                          .since_seq = events[0].seq - 1,
                          .to_seq = events[count - 1].seq,
                          .events = events,
                          .event_count = count};
    dozan_status status = dz_session_apply(session, &log, &stale, err);
    assert_false(stale);
    return status;
}

static void other_objectives_are_losses_and_constraints_are_excesses(void **state)
{
    (void)state;
    dz_session *session = open_session();
    const dozan_pair point[] = {{"kind", "a"}, {"depth", "3"}};
    const double values[] = {0.75, 80};
    const dozan_log_event events[] = {
        {.seq = 1,
         .kind = DOZAN_EVENT_ASKED,
         .trial = 1,
         .assignments = point,
         .assignment_count = 2},
        {.seq = 2,
         .kind = DOZAN_EVENT_COMPLETED,
         .trial = 1,
         .has_value = true,
         .value = 12,
         .other_values = values,
         .other_value_count = 2},
    };
    assert_int_equal(tell(session, events, 2, NULL), DOZAN_OK);
    assert_true(fabs(last.loss - 12) < 1e-15);
    assert_true(fabs(last.other_loss + 0.75) < 1e-15);
    assert_true(fabs(last.excess - 16) < 1e-12);
    assert_true(fabs(last.sum - 18) < 1e-12);
    const dozan_log_event bare[] = {
        {.seq = 3,
         .kind = DOZAN_EVENT_ASKED,
         .trial = 2,
         .assignments = point,
         .assignment_count = 2},
        {.seq = 4, .kind = DOZAN_EVENT_COMPLETED, .trial = 2, .has_value = true, .value = 12},
    };
    assert_int_equal(tell(session, bare, 2, NULL), DOZAN_OK);
    assert_true(isnan(last.other_loss) && isnan(last.excess) && isnan(last.sum));
    dz_session_destroy(session);
}

static void known_results_come_first_and_are_told_as_completed_trials(void **state)
{
    (void)state;
    dz_session *session = open_session();
    const dozan_pair point[] = {{"kind", "b"}};
    const double values[] = {0.5, 1};
    const dozan_log_event known = {.seq = 1,
                                   .kind = DOZAN_EVENT_KNOWN,
                                   .trial = -1,
                                   .assignments = point,
                                   .assignment_count = 1,
                                   .has_value = true,
                                   .value = 3,
                                   .other_values = values,
                                   .other_value_count = 2};
    assert_int_equal(tell(session, &known, 1, NULL), DOZAN_OK);
    assert_int_equal(last.number, -1);
    assert_int_equal(last.told, 2);
    assert_true(fabs(last.other_loss + 0.5) < 1e-15);
    const dozan_log_event asked = {.seq = 2,
                                   .kind = DOZAN_EVENT_ASKED,
                                   .trial = 1,
                                   .assignments = point,
                                   .assignment_count = 1};
    assert_int_equal(tell(session, &asked, 1, NULL), DOZAN_OK);
    dozan_log_event late = known;
    late.seq = 3;
    late.trial = -2;
    assert_int_equal(tell(session, &late, 1, NULL), DOZAN_INVALID_ARGUMENT);
    dz_session_destroy(session);

    dozan_algorithm blind = algorithm;
    blind.traits = DOZAN_IGNORES_RESULTS;
    dozan_experiment made = experiment();
    assert_int_equal(dz_session_create(&blind, &made, &session, NULL), DOZAN_OK);
    last = (seen){0};
    assert_int_equal(tell(session, &known, 1, NULL), DOZAN_OK);
    assert_int_equal(last.told, 0);
    dz_session_destroy(session);
}

static void inactive_parameters_are_neither_suggested_nor_accepted(void **state)
{
    (void)state;
    dz_session *session = open_session();
    dz_arena arena = {0};
    dozan_ask_reply reply = {0};
    assert_int_equal(dz_session_ask(session, 1, 1, &arena, &reply, NULL), DOZAN_OK);
    assert_int_equal(reply.suggestions[0].assignment_count, 1);
    assert_string_equal(reply.suggestions[0].assignments[0].value, "b");
    assert_string_equal(reply.message, "the middle is as good as any");
    assert_int_equal(reply.end, DOZAN_ASK_MORE);
    dz_arena_fini(&arena);

    const dozan_pair extra[] = {{"kind", "b"}, {"depth", "3"}};
    const dozan_pair missing[] = {{"kind", "a"}};
    dozan_log_event event = {.seq = 1,
                             .kind = DOZAN_EVENT_ASKED,
                             .trial = 1,
                             .assignments = extra,
                             .assignment_count = 2};
    dozan_error err = {0};
    assert_int_equal(tell(session, &event, 1, &err), DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "depth"));
    event.assignments = missing;
    event.assignment_count = 1;
    assert_int_equal(tell(session, &event, 1, &err), DOZAN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "not assigned"));
    dz_session_destroy(session);
}

static void refuse(const dozan_algorithm *by, const dozan_experiment *made, const char *place)
{
    dozan_error err = {0};
    assert_int_equal(dz_session_validate(by, made, &err), DOZAN_INVALID_ARGUMENT);
    assert_string_equal(err.place, place);
}

static void what_cannot_be_searched_for_is_refused(void **state)
{
    (void)state;
    dozan_experiment made = experiment();
    dozan_algorithm single = algorithm;
    single.traits = 0;
    refuse(&single, &made, "spec.objectives");
    const dozan_objective unknown = {"speed", false};
    made.other_objectives = &unknown;
    refuse(&algorithm, &made, "spec.objectives[1].metric");
    made = experiment();
    const dozan_constraint bad[] = {
        {.metric = "loss"},
        {.metric = "loss", .has_min = true, .has_max = true, .min = 2, .max = 1},
        {.metric = "loss", .has_max = true, .max = (double)NAN},
        {.metric = "speed", .has_max = true}};
    made.constraint_count = 1;
    for (size_t i = 0; i < 4; i++) {
        made.constraints = &bad[i];
        refuse(&algorithm, &made, i < 3 ? "spec.constraints[0]" : "spec.constraints[0].metric");
    }
}

static void all_of_it_crosses_the_wire(void **state)
{
    (void)state;
    dz_arena arena = {0};
    dozan_experiment made = experiment();
    const double values[] = {0.5, (double)NAN};
    const dozan_pair point[] = {{"kind", "b"}};
    const dozan_log_event known = {.seq = 1,
                                   .kind = DOZAN_EVENT_KNOWN,
                                   .trial = -7,
                                   .assignments = point,
                                   .assignment_count = 1,
                                   .has_value = true,
                                   .value = 3,
                                   .other_values = values,
                                   .other_value_count = 2};
    dz_ask_request sent = {
        .log = {.uid = "u", .experiment = &made, .to_seq = 1, .events = &known, .event_count = 1},
        .first_trial = 1,
        .count = 1};
    dz_bytes body = {0};
    dz_ask_request got = {0};
    assert_int_equal(dz_wire_pack_ask(&sent, &arena, &body, NULL), DOZAN_OK);
    assert_int_equal(dz_wire_unpack_ask(body, &arena, &got, NULL), DOZAN_OK);
    assert_int_equal(dz_wire_experiment_digest(got.log.experiment),
                     dz_wire_experiment_digest(&made));
    assert_string_equal(got.log.experiment->parameters[1].when->parameter, "kind");
    assert_int_equal(got.log.events[0].trial, -7);
    assert_true(isnan(got.log.events[0].other_values[1]));
    made.constraint_count = 1;
    assert_true(dz_wire_experiment_digest(got.log.experiment) != dz_wire_experiment_digest(&made));
    dz_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_objectives_are_losses_and_constraints_are_excesses),
        cmocka_unit_test(known_results_come_first_and_are_told_as_completed_trials),
        cmocka_unit_test(inactive_parameters_are_neither_suggested_nor_accepted),
        cmocka_unit_test(what_cannot_be_searched_for_is_refused),
        cmocka_unit_test(all_of_it_crosses_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
