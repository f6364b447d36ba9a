/*
 * The service without sockets: which sessions it makes, keeps, drops and makes anew.
 */
#include "rpc_service.h"
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const dozan_algorithm *const algorithms[] = {&dz_random, &dz_medianstop, NULL};

static const dozan_parameter parameter = {
    .name = "x", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "1", .max = "1000000"};

static dozan_experiment experiment_with_seed(uint64_t seed)
{
    return (dozan_experiment){.uid = "uid-1",
                              .name = "test",
                              .parameters = &parameter,
                              .parameter_count = 1,
                              .objective_metric = "loss",
                              .algorithm = "random",
                              .early_stopping = "medianstop",
                              .parallel_trials = 1,
                              .seed = seed};
}

typedef struct fixture {
    dz_rpc_service *service;
    dz_arena arena;
} fixture;

static int set_up(void **state)
{
    dz_rpc_service_options options = {
        .algorithms = algorithms, .max_message_bytes = 1 << 20, .max_experiments = 4};
    fixture *f = calloc(1, sizeof(*f));
    if (f == NULL || dz_rpc_service_create(&options, &f->service, NULL) != DOZAN_OK)
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    dz_arena_fini(&f->arena);
    dz_rpc_service_destroy(f->service);
    free(f);
    return 0;
}

static dozan_status call(fixture *f, const char *method, dz_bytes body, dz_reply *reply)
{
    dz_request request = {.method = method, .request_id = "id", .body = body};
    size_t size = dz_wire_request_size(&request);
    void *bytes = dz_arena_alloc(&f->arena, size);
    dz_wire_pack_request(&request, bytes);
    void *out = dz_host_handle(f->service, bytes, size, &size);
    assert_non_null(out);
    assert_int_equal(dz_wire_unpack_reply((dz_bytes){out, size}, &f->arena, reply, NULL), DOZAN_OK);
    free(out);
    return reply->code;
}

static dozan_ask_reply ask(fixture *f, const dozan_experiment *experiment)
{
    dz_ask_request request = {
        .log = {.uid = "uid-1", .experiment = experiment}, .first_trial = 1, .count = 1};
    dz_bytes body;
    dz_reply reply;
    dozan_ask_reply answer;
    assert_int_equal(dz_wire_pack_ask(&request, &f->arena, &body, NULL), DOZAN_OK);
    assert_int_equal(call(f, DZ_METHOD_ASK, body, &reply), DOZAN_OK);
    assert_int_equal(dz_wire_unpack_ask_reply(reply.body, &f->arena, &answer, NULL), DOZAN_OK);
    return answer;
}

static void a_changed_experiment_makes_a_new_session(void **state)
{
    fixture *f = *state;
    dozan_experiment one = experiment_with_seed(1);
    dozan_experiment two = experiment_with_seed(2);
    const char *first = ask(f, &one).suggestions[0].assignments[0].value;
    const char *second = ask(f, &two).suggestions[0].assignments[0].value;
    assert_string_not_equal(first, second);
    assert_string_equal(ask(f, NULL).suggestions[0].assignments[0].value, second);
    assert_string_equal(ask(f, &one).suggestions[0].assignments[0].value, first);
}

static void a_released_experiment_is_unknown(void **state)
{
    fixture *f = *state;
    dozan_experiment one = experiment_with_seed(1);
    dz_bytes body;
    dz_reply reply;
    assert_true(ask(f, NULL).unknown_experiment);
    assert_false(ask(f, &one).stale);
    assert_false(ask(f, NULL).stale);
    assert_int_equal(dz_wire_pack_release("uid-1", &f->arena, &body, NULL), DOZAN_OK);
    assert_int_equal(call(f, DZ_METHOD_RELEASE, body, &reply), DOZAN_OK);
    dozan_ask_reply answer = ask(f, NULL);
    assert_true(answer.stale && answer.unknown_experiment);
}

/* A gap in the log is answered with the cursor, and nothing is done. */
static void a_gap_is_stale(void **state)
{
    fixture *f = *state;
    dozan_experiment one = experiment_with_seed(1);
    dozan_pair value = {"x", "7"};
    dozan_log_event event = {.seq = 1,
                             .kind = DOZAN_EVENT_ASKED,
                             .trial = 1,
                             .assignments = &value,
                             .assignment_count = 1};
    dz_ask_request request = {.log = {.uid = "uid-1",
                                      .experiment = &one,
                                      .to_seq = 1,
                                      .events = &event,
                                      .event_count = 1},
                              .first_trial = 2,
                              .count = 1};
    dz_bytes body;
    dz_reply reply;
    dozan_ask_reply answer;
    assert_int_equal(dz_wire_pack_ask(&request, &f->arena, &body, NULL), DOZAN_OK);
    assert_int_equal(call(f, DZ_METHOD_ASK, body, &reply), DOZAN_OK);
    request.log = (dozan_log_part){.uid = "uid-1", .since_seq = 5, .to_seq = 5};
    assert_int_equal(dz_wire_pack_ask(&request, &f->arena, &body, NULL), DOZAN_OK);
    assert_int_equal(call(f, DZ_METHOD_ASK, body, &reply), DOZAN_OK);
    assert_int_equal(dz_wire_unpack_ask_reply(reply.body, &f->arena, &answer, NULL), DOZAN_OK);
    assert_true(answer.stale);
    assert_false(answer.unknown_experiment);
    assert_int_equal(answer.applied_seq, 1);
}

/* Search and early stopping of one experiment are told apart, though they share its uid. */
static void each_kind_has_its_session(void **state)
{
    fixture *f = *state;
    dozan_experiment one = experiment_with_seed(1);
    dz_judge_request request = {.log = {.uid = "uid-1", .experiment = &one}};
    dz_bytes body;
    dz_reply reply;
    dozan_judge_reply answer;
    assert_false(ask(f, &one).stale);
    assert_int_equal(dz_wire_pack_judge(&request, &f->arena, &body, NULL), DOZAN_OK);
    assert_int_equal(call(f, DZ_METHOD_JUDGE, body, &reply), DOZAN_OK);
    assert_int_equal(dz_wire_unpack_judge_reply(reply.body, &f->arena, &answer, NULL), DOZAN_OK);
    assert_false(answer.stale);
    one.algorithm = "medianstop"; /* is no search algorithm */
    dz_ask_request wrong = {.log = {.uid = "uid-2", .experiment = &one}, .first_trial = 1};
    wrong.log.experiment = &one;
    one.uid = "uid-2";
    assert_int_equal(dz_wire_pack_ask(&wrong, &f->arena, &body, NULL), DOZAN_OK);
    assert_int_equal(call(f, DZ_METHOD_ASK, body, &reply), DOZAN_NOT_FOUND);
    assert_string_equal(reply.place, "spec.algorithm.algorithmName");
}

static void an_answer_too_large_is_told(void **state)
{
    fixture *f = *state;
    static char name[1 << 19];
    memset(name, 'x', sizeof(name) - 1);
    dozan_parameter long_name = parameter;
    long_name.name = name;
    dozan_experiment one = experiment_with_seed(1);
    one.parameters = &long_name;
    dz_ask_request request = {
        .log = {.uid = "uid-1", .experiment = &one}, .first_trial = 1, .count = 3};
    dz_bytes body;
    dz_reply reply;
    assert_int_equal(dz_wire_pack_ask(&request, &f->arena, &body, NULL), DOZAN_OK);
    assert_int_equal(call(f, DZ_METHOD_ASK, body, &reply), DOZAN_OUT_OF_RANGE);
    assert_non_null(strstr(reply.message, "ask for fewer at once"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_changed_experiment_makes_a_new_session, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_released_experiment_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap_is_stale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_kind_has_its_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_too_large_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("rpc service", tests, NULL, NULL);
}
