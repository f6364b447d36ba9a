/*
 * Conditional parameters in the core: which replies are taken, and what trials are given; and the
 * sentence that an algorithm may send along.
 */
#include "support/world.h"

static const char *const conditional[] = {
    "spec.parameters[2]",
    "{name: momentum, parameterType: double, feasibleSpace: {min: '0', max: '1'}, "
    "when: {parameter: units, in: [16, 32]}, otherwise: none}",
    "spec.trialTemplate.trialParameters[2].reference",
    "momentum",
    NULL,
    NULL,
    NULL};

static void answer(world *w, const dozan_pair *pairs, size_t count, const char *message)
{
    dozan_pair copy[4];
    dozan_suggestion suggestion = {.assignments = copy, .assignment_count = count};
    dozan_ask_reply reply = {.suggestions = &suggestion, .suggestion_count = 1, .message = message};

    memcpy(copy, pairs, count * sizeof *copy);
    must_happen(w, (dz_event){.kind = DZ_EVENT_SUGGESTED, .u.suggested = &reply});
}

static world *one_at_a_time(void)
{
    const char *changes[9];

    memcpy(changes, conditional, sizeof conditional);
    changes[4] = "spec.parallelTrialCount";
    changes[5] = "1";
    changes[6] = NULL;
    return world_create(changes, 8, 0);
}

static void a_trial_has_the_active_parameters_alone(void **state)
{
    const dozan_pair inactive[] = {{"lr", "0.5"}, {"units", "48"}};
    const dozan_pair active_one[] = {{"momentum", "0.9"}, {"units", "32"}, {"lr", "0.5"}};
    world *w = one_at_a_time();

    (void)state;
    open_it(w);
    answer(w, inactive, 2, "");
    assert_int_equal(w->experiment->plugin_faults, 0);
    assert_int_equal(active(w, 1)->assignment_count, 2);
    assert_string_equal(active(w, 1)->assignments[1].name, "units");
    assert_string_equal(active(w, 1)->assignments[1].value, "48");
    succeed_with(w, 1, "0.5");
    answer(w, active_one, 3, "");
    assert_int_equal(w->experiment->plugin_faults, 0);
    assert_int_equal(active(w, 2)->assignment_count, 3);
    assert_string_equal(active(w, 2)->assignments[2].name, "momentum");
    world_destroy(w);
}

static void replies_against_a_condition_are_faults(void **state)
{
    static const struct {
        dozan_pair pairs[3];
        size_t count;
        const char *says;
    } rows[] = {
        {{{"lr", "0.5"}, {"units", "48"}, {"momentum", "0.5"}}, 3, "not active at that point"},
        {{{"lr", "0.5"}, {"units", "16"}}, 2, "no value for parameter \"momentum\""},
        {{{"lr", "0.5"}, {"momentum", "0.5"}}, 2, "no value for parameter \"units\""},
        {{{"units", "48"}}, 1, "no value for parameter \"lr\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        world *w = one_at_a_time();
        open_it(w);
        answer(w, rows[i].pairs, rows[i].count, "");
        assert_int_equal(w->experiment->plugin_faults, 1);
        assert_int_equal(w->experiment->trial_count, 0);
        assert_non_null(strstr(w->experiment->suggestion_message, rows[i].says));
        world_destroy(w);
    }
}

static void initial_points_have_their_active_parameters(void **state)
{
    const char *changes[9];
    world *w;

    (void)state;
    memcpy(changes, conditional, sizeof conditional);
    changes[4] = "spec.initialPoints";
    changes[5] = "[{lr: 0.5, units: 64}, {momentum: 0.5, lr: 0.5, units: 16}]";
    changes[6] = NULL;
    w = world_create(changes, 8, 0);
    open_it(w);
    assert_int_equal(active(w, 1)->assignment_count, 2);
    assert_int_equal(active(w, 2)->assignment_count, 3);
    world_destroy(w);
}

static void what_an_algorithm_says_is_kept(void **state)
{
    const dozan_pair pairs[] = {{"lr", "0.5"}, {"units", "48"}};
    world *w = one_at_a_time();

    (void)state;
    open_it(w);
    answer(w, pairs, 2, "auto: grid, because the space\nis small");
    assert_string_equal(w->experiment->suggestion_reason, "SuggestionReady");
    assert_string_equal(w->experiment->suggestion_message,
                        "auto: grid, because the space is small");
    assert_true(w->experiment->dirty);
    succeed_with(w, 1, "0.5");
    answer(w, pairs, 2, "");
    assert_string_equal(w->experiment->suggestion_message, "Suggestion is ready");
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_has_the_active_parameters_alone),
        cmocka_unit_test(replies_against_a_condition_are_faults),
        cmocka_unit_test(initial_points_have_their_active_parameters),
        cmocka_unit_test(what_an_algorithm_says_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
