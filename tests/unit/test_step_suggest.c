/*
 * Asking: how many, what is taken, and what becomes of a plugin that answers nonsense or nothing.
 */
#include "support/world.h"

static void the_ask_is_for_the_free_places(void **state)
{
    world *w = world_create((const char *const[]){"spec.parallelTrialCount", "3", NULL}, 8, 0);

    (void)state;
    open_it(w);
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 1)->count, 3);
    suggest(w, 3, DOZAN_ASK_MORE);
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    succeed_with(w, 1, "1");
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 4)->count, 1);
    succeed_with(w, 2, "1");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0); /* one is under way */
    suggest(w, 1, DOZAN_ASK_MORE);
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 5)->count, 1);
    suggest(w, 1, DOZAN_ASK_MORE);
    succeed_with(w, 3, "1");
    succeed_with(w, 4, "1");
    suggest(w, 1, DOZAN_ASK_MORE);
    assert_int_equal(w->experiment->trial_count, 6); /* maxTrialCount */
    succeed_with(w, 5, "1");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    succeed_with(w, 6, "1");
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached");
    assert_int_equal(effects_of(w, DZ_EFFECT_RELEASE), 1);
    world_destroy(w);
}

/* Katib makes up to that many too many, near the end. */
static void trials_without_metrics_make_none_too_many(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxTrialCount", "4", NULL}, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    exited(w, 1, 0);
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 3)->count, 1);
    suggest(w, 1, DOZAN_ASK_MORE);
    exited(w, 2, 0);
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 4)->count, 1);
    suggest(w, 1, DOZAN_ASK_MORE);
    exited(w, 3, 0);
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    exited(w, 4, 0);
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentMaxTrialsReached");
    assert_int_equal(w->experiment->trial_count, 4);
    world_destroy(w);
}

static void initial_points_come_first_and_without_an_ask(void **state)
{
    const char *const points[] = {"spec.initialPoints",
                                  "[{lr: '0.1', units: '16', optimizer: adam}, "
                                  "{lr: '0.2', units: '32', optimizer: sgd}, "
                                  "{lr: '0.3', units: '48', optimizer: sgd}]",
                                  NULL};
    world *w = world_create(points, 8, 0);

    (void)state;
    open_it(w);
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    assert_int_equal(effects_of(w, DZ_EFFECT_START), 2);
    assert_string_equal(active(w, 1)->assignments[2].value, "adam");
    assert_string_equal(active(w, 2)->assignments[0].value, "0.2");
    assert_int_equal(w->changes.log_count, 2);
    succeed_with(w, 1, "1");
    assert_string_equal(active(w, 3)->assignments[1].value, "48");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    succeed_with(w, 2, "1");
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 4)->count, 1);
    world_destroy(w);
}

typedef struct garbage_case {
    const char *names;
    dozan_pair pairs[4];
    size_t pair_count;
    size_t suggestion_count;
    dozan_ask_end end;
    const char *says;
} garbage_case;

#define GOOD                                                                                       \
    {"lr", "0.5"}, {"units", "32"},                                                                \
    {                                                                                              \
        "optimizer", "sgd"                                                                         \
    }

static const garbage_case garbage[] = {
    {"too many", {GOOD}, 3, 3, DOZAN_ASK_MORE, "3 suggestions where 2 were asked for"},
    {"too few", {GOOD}, 3, 1, DOZAN_ASK_MORE, "only 1 of 2"},
    {"none", {GOOD}, 3, 0, DOZAN_ASK_MORE, "only 0 of 2"},
    {"an unknown end", {GOOD}, 3, 2, (dozan_ask_end)7, "unknown code 7"},
    {"a parameter missing", {GOOD}, 2, 2, DOZAN_ASK_MORE, "no value for parameter \"optimizer\""},
    {"a parameter twice", {GOOD, {"lr", "0.5"}}, 4, 2, DOZAN_ASK_MORE, "twice"},
    {"an unknown parameter", {GOOD, {"momentum", "0.5"}}, 4, 2, DOZAN_ASK_MORE, "\"momentum\""},
    {"no name", {GOOD, {NULL, "0.5"}}, 4, 2, DOZAN_ASK_MORE, "does not have"},
    {"no value",
     {{"lr", NULL}, {"units", "32"}, {"optimizer", "sgd"}},
     3,
     2,
     DOZAN_ASK_MORE,
     "no value"},
    {"no number",
     {{"lr", "fast"}, {"units", "32"}, {"optimizer", "sgd"}},
     3,
     2,
     DOZAN_ASK_MORE,
     "\"lr\" = \"fast\""},
    {"not a number",
     {{"lr", "nan"}, {"units", "32"}, {"optimizer", "sgd"}},
     3,
     2,
     DOZAN_ASK_MORE,
     "\"lr\" = \"nan\""},
    {"above the range",
     {{"lr", "1.5"}, {"units", "32"}, {"optimizer", "sgd"}},
     3,
     2,
     DOZAN_ASK_MORE,
     "\"lr\" = \"1.5\""},
    {"between two steps",
     {{"lr", "0.5"}, {"units", "33"}, {"optimizer", "sgd"}},
     3,
     2,
     DOZAN_ASK_MORE,
     "\"units\" = \"33\""},
    {"not in the list",
     {{"lr", "0.5"}, {"units", "32"}, {"optimizer", "SGD"}},
     3,
     2,
     DOZAN_ASK_MORE,
     "\"optimizer\" = \"SGD\""},
    {"bad also where there is no more",
     {{"lr", "2"}, {"units", "32"}, {"optimizer", "sgd"}},
     3,
     1,
     DOZAN_ASK_EXHAUSTED,
     "\"lr\" = \"2\""},
};

static void no_trial_comes_of_a_bad_reply(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        const garbage_case *c = &garbage[i];
        world *w = world_create(NULL, 8, 0);
        dozan_pair good[] = {GOOD};
        dozan_pair pairs[4];
        dozan_suggestion suggestions[3] = {
            {.assignments = good, .assignment_count = 3},
            {.assignments = pairs, .assignment_count = c->pair_count},
            {.assignments = good, .assignment_count = 3}};
        dozan_ask_reply reply = {
            .suggestions = suggestions, .suggestion_count = c->suggestion_count, .end = c->end};

        memcpy(pairs, c->pairs, sizeof pairs);
        if (c->suggestion_count == 1) {
            suggestions[0] = suggestions[1];
        }
        open_it(w);
        must_happen(w, (dz_event){.kind = DZ_EVENT_SUGGESTED, .u.suggested = &reply});
        if (strstr(w->experiment->suggestion_message, c->says) == NULL) {
            print_error("%s: %s\n", c->names, w->experiment->suggestion_message);
        }
        assert_non_null(strstr(w->experiment->suggestion_message, c->says));
        assert_string_equal(w->experiment->suggestion_reason, "PluginFault");
        assert_int_equal(w->experiment->trial_count, 0);
        assert_int_equal(w->experiment->plugin_faults, 1);
        assert_int_equal(w->changes.log_count, 0);
        assert_int_equal(effects_of(w, DZ_EFFECT_RESTART_PLUGIN), 1);
        assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
        assert_int_equal(dz_next_tick(w->experiment), w->now + 250);
        tick_at(w, w->now + 250);
        assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 1)->count, 2);
        suggest(w, 2, DOZAN_ASK_MORE);
        assert_int_equal(w->experiment->trial_count, 2);
        assert_string_equal(w->experiment->suggestion_reason, "SuggestionReady");
        world_destroy(w);
    }
}

static void labels_are_kept_and_bounded(void **state)
{
    world *w = world_create(NULL, 8, 0);
    dozan_pair good[] = {GOOD};
    dozan_pair labels[DOZAN_MAX_LABELS + 1];
    char long_text[DOZAN_LABEL_TEXT + 1];
    dozan_suggestion suggestions[2] = {
        {.assignments = good, .assignment_count = 3, .labels = labels, .label_count = 1},
        {.assignments = good, .assignment_count = 3}};
    dozan_ask_reply reply = {.suggestions = suggestions, .suggestion_count = 2};
    const dz_event answer = {.kind = DZ_EVENT_SUGGESTED, .u.suggested = &reply};

    (void)state;
    for (size_t i = 0; i <= DOZAN_MAX_LABELS; i++) {
        labels[i] = (dozan_pair){"bracket", "2"};
    }
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    open_it(w);
    suggestions[0].label_count = DOZAN_MAX_LABELS + 1;
    must_happen(w, answer);
    assert_non_null(strstr(w->experiment->suggestion_message, "17 labels"));
    tick_at(w, dz_next_tick(w->experiment));
    suggestions[0].label_count = 1;
    labels[0].value = long_text;
    must_happen(w, answer);
    assert_non_null(strstr(w->experiment->suggestion_message, "at most 127 bytes"));
    tick_at(w, dz_next_tick(w->experiment));
    labels[0].value = "\xff\xfe";
    must_happen(w, answer);
    assert_int_equal(w->experiment->plugin_faults, 3);
    tick_at(w, dz_next_tick(w->experiment));
    labels[0].value = "2";
    must_happen(w, answer);
    assert_int_equal(active(w, 1)->label_count, 1);
    assert_string_equal(active(w, 1)->labels[0].name, "bracket");
    world_destroy(w);
}

static void what_a_plugin_says_is_kept_as_one_line_of_text(void **state)
{
    static const char expected[] = "a b [31m \xc3\xa9 ?( ??? \xf0\x9f\x98\x80 ??";
    char long_text[2000];
    world *w = world_create(NULL, 8, 0);
    const char *kept = w->experiment->suggestion_message;

    (void)state;
    open_it(w);
    must_happen(w, (dz_event){.kind = DZ_EVENT_ASK_FAILED,
                              .u.failed = {.reason = "PluginFault",
                                           .message = "a\nb\x1b[31m \xc3\xa9 \xc3( \xed\xa0\x80 "
                                                      "\xf0\x9f\x98\x80 \xc0\xaf"}});
    assert_int_equal(strncmp(kept, expected, strlen(expected)), 0);
    tick_at(w, dz_next_tick(w->experiment));
    for (size_t i = 0; i + 1 < sizeof long_text; i++) {
        long_text[i] = i % 2 == 0 ? '\xc3' : '\xa9';
    }
    long_text[sizeof long_text - 1] = '\0';
    must_happen(w, (dz_event){.kind = DZ_EVENT_ASK_FAILED,
                              .u.failed = {.reason = "PluginFault", .message = long_text}});
    assert_null(strchr(kept, '?'));
    assert_string_equal(kept + strlen(kept) - 3, "...");
    world_destroy(w);
}

static void values_are_given_in_the_order_and_spelling_of_the_space(void **state)
{
    world *w = world_create(NULL, 8, 0);
    dozan_pair pairs[] = {{"optimizer", "adam"}, {"units", "48.0"}, {"lr", "2.5e-1"}};
    dozan_suggestion suggestions[2] = {{.assignments = pairs, .assignment_count = 3},
                                       {.assignments = pairs, .assignment_count = 3}};
    dozan_ask_reply reply = {.suggestions = suggestions, .suggestion_count = 2};

    (void)state;
    open_it(w);
    must_happen(w, (dz_event){.kind = DZ_EVENT_SUGGESTED, .u.suggested = &reply});
    assert_string_equal(active(w, 1)->assignments[0].name, "lr");
    assert_string_equal(active(w, 1)->assignments[0].value, "2.5e-1");
    assert_string_equal(active(w, 1)->assignments[1].value, "48");
    assert_string_equal(active(w, 1)->assignments[2].value, "adam");
    world_destroy(w);
}

static void waiting_lasts_until_a_trial_ends(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 1, DOZAN_ASK_WAIT);
    assert_string_equal(w->experiment->suggestion_reason, "SuggestionWaiting");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    assert_int_equal(dz_next_tick(w->experiment), INT64_MAX);
    tick_at(w, w->now + 100000);
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    succeed_with(w, 1, "1");
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 2)->count, 2);
    suggest(w, 0, DOZAN_ASK_WAIT); /* for what, with nothing active? */
    assert_string_equal(w->experiment->suggestion_reason, "PluginFault");
    world_destroy(w);
}

/* It answered from a log in which the trial had not ended yet. */
static void a_wait_that_is_over_when_the_answer_comes_is_no_fault(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    succeed_with(w, 1, "1");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1);
    succeed_with(w, 2, "1");
    suggest(w, 0, DOZAN_ASK_WAIT);
    assert_int_equal(w->experiment->plugin_faults, 0);
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 3)->count, 2);
    world_destroy(w);

    w = world_create((const char *const[]){"spec.parallelTrialCount", "3", NULL}, 8, 0);
    open_it(w);
    suggest(w, 3, DOZAN_ASK_MORE);
    succeed_with(w, 1, "1"); /* asks for trial 4 */
    succeed_with(w, 2, "1"); /* and while it is asked, this one ends; trial 3 runs on */
    suggest(w, 0, DOZAN_ASK_WAIT);
    assert_int_equal(effect_on(w, DZ_EFFECT_ASK, 4)->count, 2);
    world_destroy(w);
}

static void exhaustion_ends_the_experiment_when_all_have_ended(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 1, DOZAN_ASK_EXHAUSTED);
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_string_equal(w->experiment->suggestion_reason, "SuggestionEndReached");
    succeed_with(w, 1, "1");
    assert_state(w, DZ_EXPERIMENT_SUCCEEDED, "ExperimentSuggestionEndReached");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 0);
    world_destroy(w);
}

static void silence_backs_off_doubling_and_fails_after_eight(void **state)
{
    world *w = world_create(NULL, 8, 0);
    int64_t delay = 250;

    (void)state;
    open_it(w);
    for (int fault = 1; fault < 8; fault++) {
        ask_fails(w, "PluginUnavailable");
        assert_string_equal(w->experiment->suggestion_reason, "PluginUnavailable");
        assert_int_equal(dz_next_tick(w->experiment), w->now + delay);
        tick_at(w, w->now + delay);
        assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1);
        delay *= 2;
    }
    ask_fails(w, "PluginTimeout");
    assert_state(w, DZ_EXPERIMENT_FAILED, "SuggestionFailed");
    assert_non_null(strstr(condition_of(w, "Failed")->message, "the plugin is away"));
    assert_non_null(strstr(condition_of(w, "Failed")->message, "mend the plugin"));
    assert_true(dz_experiment_at_rest(w->experiment));
    must_happen(w, (dz_event){.kind = DZ_EVENT_RESUME});
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1);
    world_destroy(w);
}

static void running_trials_do_not_lose_by_the_plugins_faults(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    succeed_with(w, 1, "1");
    for (int fault = 1; fault <= 12; fault++) {
        ask_fails(w, "PluginUnavailable");
        assert_true(dz_next_tick(w->experiment) <= w->now + 30000);
        tick_at(w, dz_next_tick(w->experiment));
        assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    }
    ask_fails(w, "PluginUnavailable");
    succeed_with(w, 2, "0.5");
    assert_state(w, DZ_EXPERIMENT_FAILED, "SuggestionFailed");
    assert_int_equal(w->experiment->state_counts[DZ_TRIAL_SUCCEEDED], 2);
    world_destroy(w);
}

static void the_user_says_how_many_faults(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    w->experiment->fault_limit = 2;
    open_it(w);
    ask_fails(w, "PluginTimeout");
    assert_state(w, DZ_EXPERIMENT_RUNNING, "ExperimentRunning");
    assert_non_null(strstr(w->experiment->suggestion_message, "fault 1 of at most 2 in a row"));
    assert_non_null(strstr(w->experiment->plugin_fault, "PluginTimeout: "));
    tick_at(w, dz_next_tick(w->experiment));
    ask_fails(w, "PluginUnavailable");
    assert_state(w, DZ_EXPERIMENT_FAILED, "SuggestionFailed");
    assert_non_null(strstr(w->experiment->plugin_fault, "PluginUnavailable: "));
    world_destroy(w);
}

static void a_good_answer_forgives(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    ask_fails(w, "PluginTimeout");
    tick_at(w, dz_next_tick(w->experiment));
    suggest(w, 2, DOZAN_ASK_MORE);
    assert_int_equal(w->experiment->faults_in_row, 0);
    assert_int_equal(w->experiment->plugin_faults, 1); /* for `describe` */
    succeed_with(w, 1, "1");
    ask_fails(w, "PluginTimeout");
    assert_int_equal(dz_next_tick(w->experiment), w->now + 250);
    world_destroy(w);
}

static void an_answer_that_nobody_waits_for_changes_nothing(void **state)
{
    world *w = world_create(NULL, 8, 0);

    (void)state;
    open_it(w);
    must_happen(w, (dz_event){.kind = DZ_EVENT_SUSPEND, .u.suspend = {.reason = "UserStopped"}});
    suggest(w, 2, DOZAN_ASK_MORE); /* asked before the suspension */
    assert_int_equal(w->experiment->trial_count, 0);
    suggest(w, 2, DOZAN_ASK_MORE);
    ask_fails(w, "PluginTimeout");
    assert_int_equal(w->experiment->trial_count, 0);
    assert_int_equal(w->experiment->plugin_faults, 0);
    must_happen(w, (dz_event){.kind = DZ_EVENT_RESUME});
    assert_int_equal(effects_of(w, DZ_EFFECT_ASK), 1);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ask_is_for_the_free_places),
        cmocka_unit_test(trials_without_metrics_make_none_too_many),
        cmocka_unit_test(initial_points_come_first_and_without_an_ask),
        cmocka_unit_test(no_trial_comes_of_a_bad_reply),
        cmocka_unit_test(labels_are_kept_and_bounded),
        cmocka_unit_test(what_a_plugin_says_is_kept_as_one_line_of_text),
        cmocka_unit_test(values_are_given_in_the_order_and_spelling_of_the_space),
        cmocka_unit_test(waiting_lasts_until_a_trial_ends),
        cmocka_unit_test(a_wait_that_is_over_when_the_answer_comes_is_no_fault),
        cmocka_unit_test(exhaustion_ends_the_experiment_when_all_have_ended),
        cmocka_unit_test(silence_backs_off_doubling_and_fails_after_eight),
        cmocka_unit_test(running_trials_do_not_lose_by_the_plugins_faults),
        cmocka_unit_test(the_user_says_how_many_faults),
        cmocka_unit_test(a_good_answer_forgives),
        cmocka_unit_test(an_answer_that_nobody_waits_for_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
