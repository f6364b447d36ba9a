/*
 * What the views keep between requests: following the store gives what reading it anew gives, and
 * curves stay bounded and exact; several threads may ask at once.
 */
#include "support/views_fixture.h"

#include "api/views/held.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static cJSON *ask(views_fixture *f, dz_view *view, const char *const *query)
{
    cJSON *answer = NULL;
    dozan_error err = {0};
    views_must(views_ask_for(f, view, 0, query, &answer, &err), &err);
    return answer;
}

static dz_view *const views[] = {dz_view_experiment, dz_view_history, dz_view_trials,
                                 dz_view_sample,     dz_view_front,   dz_view_timeline,
                                 dz_view_curves};

/* The same questions to views that know the experiment and to new ones. */
static void check_same_as_new(views_fixture *f)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        cJSON *kept = ask(f, views[i], NULL);
        dz_views *own = f->views;
        views_must(dz_views_create(&f->views, NULL), &(dozan_error){0});
        cJSON *new = ask(f, views[i], NULL);
        dz_views_destroy(f->views);
        f->views = own;
        assert_true(cJSON_Compare(kept, new, true));
        cJSON_Delete(kept);
        cJSON_Delete(new);
    }
}

static void end_trial(views_fixture *f, dz_trial_state state)
{
    dz_changes changes = {0};
    dozan_error err = {0};
    dz_trial *trial = f->experiment->active[0];
    trial->ended_ms = trial->started_ms + 700;
    views_observe(&trial->observations[0], 0.5);
    views_observe(&trial->observations[1], 1);
    views_observe(&trial->observations[2], 1);
    f->experiment->state_counts[DZ_TRIAL_RUNNING]--;
    f->experiment->state_counts[state]++;
    fixture_end(f->experiment, 0, state, &changes);
    views_must(dz_store_commit(f->store, f->experiment, &changes, &err), &err);
    dz_changes_clear(&changes);
}

static double wave(int64_t step)
{
    return sin((double)step / 100) + (double)(step % 7);
}

static void test_following_is_reading_anew(void **state)
{
    (void)state;
    views_fixture f;
    views_open(&f, "follow", 3);
    check_same_as_new(&f); /* nothing yet */
    views_add_ended(&f, 100);
    check_same_as_new(&f);
    dz_trial *first = views_add_running(&f);
    views_report(&f, views_add_running(&f), 1, 10, wave);
    check_same_as_new(&f);
    views_report(&f, first, 1, 300, wave);
    check_same_as_new(&f);
    end_trial(&f, DZ_TRIAL_SUCCEEDED);
    views_add_running(&f);
    check_same_as_new(&f);
    end_trial(&f, DZ_TRIAL_FAILED);
    end_trial(&f, DZ_TRIAL_KILLED);
    check_same_as_new(&f);
    views_close(&f);
}

/* A bucket has the mean, least and greatest of its reports; together they have all. */
static void check_curve(views_fixture *f, int64_t reports)
{
    cJSON *answer = ask(f, dz_view_curves, NULL);
    const cJSON *curve = cJSON_GetArrayItem(cJSON_GetObjectItem(answer, "curves"), 0);
    const cJSON *points = cJSON_GetObjectItem(curve, "points"), *point;
    int64_t stride = (int64_t)cJSON_GetObjectItem(curve, "stride")->valuedouble, step = 0;
    assert_true(cJSON_GetArraySize(points) <= DZ_CURVE_POINTS);
    assert_true(cJSON_GetArraySize(points) * stride >= reports);
    assert_true(stride == 1 || cJSON_GetArraySize(points) >= DZ_CURVE_POINTS / 2);
    cJSON_ArrayForEach(point, points)
    {
        double sum = 0, min = (double)INFINITY, max = -(double)INFINITY;
        int64_t begin = step, last = (int64_t)cJSON_GetArrayItem(point, 0)->valuedouble;
        while (step < last) {
            double value = wave(++step);
            sum += value;
            min = fmin(min, value);
            max = fmax(max, value);
        }
        assert_true(step - begin == stride || point->next == NULL);
        double mean = cJSON_GetArrayItem(point, 1)->valuedouble;
        assert_true(fabs(mean - sum / (double)(step - begin)) < 1e-4);
        if (step - begin > 1) {
            assert_true(fabs(cJSON_GetArrayItem(point, 2)->valuedouble - min) < 1e-12);
            assert_true(fabs(cJSON_GetArrayItem(point, 3)->valuedouble - max) < 1e-12);
        }
    }
    assert_int_equal(step, reports);
    cJSON_Delete(answer);
}

static void test_curves_are_bounded_and_exact(void **state)
{
    (void)state;
    static const int64_t parts[] = {1, 2, 250, 3, 1, 255, 1, 1000, 3333, 5000};
    views_fixture f;
    int64_t reports = 0;
    views_open(&f, "curve", 4);
    dz_trial *trial = views_add_running(&f);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        views_report(&f, trial, reports + 1, parts[i], wave);
        reports += parts[i];
        check_curve(&f, reports);
    }
    views_close(&f);
}

/* ---- threads, each with a connection of its own */

typedef struct asker {
    views_fixture *f;
    int64_t seen;
} asker;

static void *ask_often(void *user)
{
    asker *who = user;
    dozan_error err = {0};
    views_fixture own = *who->f;
    views_must(dz_store_open(who->f->base.path, DZ_STORE_READ, DZ_DURABILITY_OFF, &own.store, &err),
               &err);
    for (int i = 0; i < 30; i++) {
        cJSON *answer = ask(&own, dz_view_trials, (const char *[]){"limit", "5", NULL});
        int64_t all = (int64_t)cJSON_GetObjectItem(answer, "all")->valuedouble;
        fixture_check(all >= who->seen, "the table has become shorter");
        who->seen = all;
        cJSON_Delete(answer);
    }
    dz_store_close(own.store);
    return NULL;
}

static void test_threads_ask_while_trials_end(void **state)
{
    (void)state;
    enum { THREADS = 3, BATCHES = 20 };
    views_fixture f;
    asker askers[THREADS];
    pthread_t threads[THREADS];
    views_open(&f, "threads", 5);
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){.f = &f};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (int i = 0; i < BATCHES; i++)
        views_add_ended(&f, 20);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    cJSON *answer = ask(&f, dz_view_trials, NULL);
    assert_int_equal((int)cJSON_GetObjectItem(answer, "all")->valuedouble, 20 * BATCHES);
    cJSON_Delete(answer);
    views_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_following_is_reading_anew),
        cmocka_unit_test(test_curves_are_bounded_and_exact),
        cmocka_unit_test(test_threads_ask_while_trials_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
