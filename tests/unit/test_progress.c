/*
 * The live view and the plain lines, from given states.
 */
#include "cli/progress.h"

#include "support/world.h"

static char *view(const dz_progress *progress, size_t expected_lines)
{
    dozan_buf out;
    dozan_buf_init(&out, 1 << 20);
    assert_int_equal(dz_progress_view(progress, &out), expected_lines);
    char *text = dozan_buf_take(&out);
    assert_non_null(text);
    return text;
}

static void check_view(const dz_progress *progress, size_t lines, const char *expected)
{
    char *text = view(progress, lines);
    assert_string_equal(text, expected);
    free(text);
}

static dz_progress progress_of(const world *w)
{
    return (dz_progress){.experiment = w->experiment,
                         .now_ms = w->now,
                         .run_started_ms = 1000000,
                         .columns = 100,
                         .rows = 10};
}

/* Two trials run, one of them has reported; one has succeeded and one has failed. */
static world *under_way(void)
{
    world *w = world_create(NULL, 8, 0);
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    succeed_with(w, 1, "0.5");
    started(w, 2);
    exited(w, 2, 1);
    while (w->experiment->trial_count < 4)
        suggest(w, w->experiment->asked_count, DOZAN_ASK_MORE);
    w->now += 10000;
    started(w, 3);
    started(w, 4);
    report_text(w, 3, 0, "0.25");
    report_text(w, 3, 0, "0.75");
    return w;
}

static void replace(char *text, const char *name, const char *by)
{
    char *place;
    while ((place = strstr(text, name)) != NULL)
        memcpy(place, by, strlen(by));
}

static void a_run_under_way_shows_bar_best_and_running(void **state)
{
    world *w = under_way();
    dz_progress progress = progress_of(w);
    char *text, *line;
    (void)state;
    progress.best_text = "bowl-best lr=1";
    progress.trouble = "bowl-x: exit code 1";
    text = view(&progress, 6);
    replace(text, active(w, 3)->name, "bowl-33333333");
    replace(text, active(w, 4)->name, "bowl-44444444");
    assert_non_null(strstr(text, "bowl  random, maximize accuracy  Running 10s\n"
                                 "[###########......................] 2/6  1 succeeded, 1 failed, "
                                 "2 running  about 20s left\n"
                                 "best  accuracy=0.5  bowl-best lr=1\n"
                                 "  bowl-33333333  0s  accuracy=0.75 (2)  lr="));
    line = strstr(text, "  bowl-44444444  0s  lr=");
    assert_non_null(line);
    assert_string_equal(strchr(line, '\n') + 1, "bowl-x: exit code 1\n");
    free(text);
    world_destroy(w);
}

static void no_line_is_as_wide_as_the_terminal(void **state)
{
    world *w = under_way();
    dz_progress progress = progress_of(w);
    (void)state;
    for (size_t columns = 1; columns < 120; columns++) {
        dozan_buf out;
        dozan_buf_init(&out, 1 << 20);
        progress.columns = columns;
        size_t lines = dz_progress_view(&progress, &out), found = 0;
        for (const char *line = out.data; *line != '\0'; line = strchr(line, '\n') + 1) {
            size_t size = (size_t)(strchr(line, '\n') - line);
            assert_true(size < columns || (columns == 1 && size == 1));
            found++;
        }
        assert_int_equal(lines, found);
        dozan_buf_fini(&out);
    }
    world_destroy(w);
}

static void more_trials_than_lines_are_counted(void **state)
{
    world *w = world_create(
        (const char *const[]){"spec.parallelTrialCount", "20", "spec.maxTrialCount", "40", NULL},
        64, 0);
    dz_progress progress;
    (void)state;
    open_it(w);
    suggest(w, 20, DOZAN_ASK_MORE);
    for (int64_t number = 1; number <= 20; number++)
        started(w, number);
    progress = progress_of(w);
    progress.rows = 6;
    char *text = view(&progress, 6);
    assert_non_null(strstr(text, "\n  and 17 more\n"));
    free(text);
    progress.rows = 0;
    progress.interrupt_text = "stopping";
    text = view(&progress, 4);
    assert_non_null(strstr(text, "\n  and 20 more\nstopping\n"));
    free(text);
    world_destroy(w);
}

static void before_the_first_trial_there_is_little_to_say(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxTrialCount", "~", NULL}, 8, 0);
    dz_progress progress = progress_of(w);
    (void)state;
    check_view(&progress, 2,
               "bowl  random, maximize accuracy  Created 0s\n"
               "no trials yet\n");
    assert_int_equal(dz_progress_left(&progress), -1);
    progress.colour = true;
    check_view(&progress, 2,
               "\033[1mbowl  random, maximize accuracy  Created 0s\033[0m\n"
               "\033[32mno trials yet\033[0m\n");
    world_destroy(w);
}

static void the_time_left_counts_this_run_alone(void **state)
{
    world *w = under_way();
    dz_progress progress = progress_of(w);
    (void)state;
    assert_int_equal(dz_progress_count(w->experiment), 2);
    assert_int_equal(dz_progress_left(&progress), 20000); /* 2 of 6 in 10 s */
    progress.ended_before = 1;
    assert_int_equal(dz_progress_left(&progress), 40000);
    progress.ended_before = 2;
    assert_int_equal(dz_progress_left(&progress), -1);
    world_destroy(w);
}

static void a_limit_of_the_running_time_ends_it_sooner(void **state)
{
    world *w = world_create((const char *const[]){"spec.maxRuntime", "60s", NULL}, 8, 0);
    dz_progress progress;
    (void)state;
    open_it(w);
    w->now += 45000;
    progress = progress_of(w);
    assert_int_equal(dz_progress_left(&progress), 15000);
    w->now += 45000;
    progress.now_ms = w->now;
    assert_int_equal(dz_progress_left(&progress), 0);
    world_destroy(w);
}

static void an_ended_trial_is_one_plain_line(void **state)
{
    world *w = world_create(NULL, 8, 0);
    dozan_buf out;
    (void)state;
    dozan_buf_init(&out, 1 << 16);
    open_it(w);
    suggest(w, 2, DOZAN_ASK_MORE);
    started(w, 1);
    report_text(w, 1, 0, "0.5");
    w->now += 3000;
    exited(w, 1, 0);
    dz_trial *trial = trial_of(w, 1);
    dz_progress_ended(w->experiment, trial, 1, &out);
    char expected[512];
    (void)snprintf(
        expected, sizeof expected,
        "trial 1/6 %s Succeeded accuracy=0.5 (best) in 3.0s: lr=%s units=%s optimizer=%s\n",
        trial->name, trial->assignments[0].value, trial->assignments[1].value,
        trial->assignments[2].value);
    assert_string_equal(out.data, expected);

    dozan_buf_clear(&out);
    started(w, 2);
    exited(w, 2, 127);
    dz_progress_ended(w->experiment, trial_of(w, 2), 2, &out);
    assert_non_null(strstr(out.data, " Failed in 0.0s: lr="));
    assert_non_null(strstr(out.data, "; exit code 127: the command was not found"));
    dozan_buf_fini(&out);
    world_destroy(w);
}

static void a_trials_text_cannot_steer_the_terminal(void **state)
{
    world *w = under_way();
    dz_progress progress = progress_of(w);
    (void)state;
    report_text(w, 3, 1, "\033[2J\r\n");
    char *text = view(&progress, 5);
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\r'));
    assert_non_null(strstr(text, "loss=?[2J?? (1)"));
    free(text);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_under_way_shows_bar_best_and_running),
        cmocka_unit_test(no_line_is_as_wide_as_the_terminal),
        cmocka_unit_test(more_trials_than_lines_are_counted),
        cmocka_unit_test(before_the_first_trial_there_is_little_to_say),
        cmocka_unit_test(the_time_left_counts_this_run_alone),
        cmocka_unit_test(a_limit_of_the_running_time_ends_it_sooner),
        cmocka_unit_test(an_ended_trial_is_one_plain_line),
        cmocka_unit_test(a_trials_text_cannot_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
