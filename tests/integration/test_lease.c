/*
 * Leases: a worker that lives keeps its trial, one that does not loses it, and what it says too
 * late is refused.
 */
#include "runners/lease.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What the runner has told, in order. */
typedef struct told {
    pthread_mutex_t lock;
    pthread_cond_t more;
    dz_job_id ids[16];
    dz_end_kind kinds[16];
    size_t count;
} told;

static void on_ended(void *user, const dz_job_id *id, const dz_end *end, int64_t time_ms)
{
    told *t = user;
    assert_true(time_ms > 0);
    pthread_mutex_lock(&t->lock);
    assert_true(t->count < 16);
    t->ids[t->count] = *id;
    t->kinds[t->count++] = end->kind;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
}

static void wait_for(told *t, size_t count)
{
    pthread_mutex_lock(&t->lock);
    while (t->count < count)
        pthread_cond_wait(&t->more, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

typedef struct bench {
    told told;
    void *runner;
} bench;

static int set_up(void **state)
{
    static bench b;
    dozan_error err = {0};
    memset(&b, 0, sizeof(b));
    pthread_mutex_init(&b.told.lock, NULL);
    pthread_cond_init(&b.told.more, NULL);
    dz_runner_sink sink = {.user = &b.told, .ended = on_ended};
    dz_runner_config config = {.directory = "/nonexistent"};
    *state = &b;
    return (int)dz_runner_find("lease")->create(&config, &sink, &b.runner, &err);
}

static int tear_down(void **state)
{
    bench *b = *state;
    dz_runner_lease.destroy(b->runner);
    return 0;
}

static dz_job_id job(bench *b, int64_t trial, int32_t attempt, int64_t timeout_ms)
{
    dz_job made = {.id = {7, trial, attempt}, .timeout_ms = timeout_ms};
    dozan_error err = {0};
    assert_int_equal(dz_runner_lease.start(b->runner, &made, &err), DOZAN_OK);
    return made.id;
}

static void a_job_waits_until_a_worker_takes_it(void **state)
{
    bench *b = *state;
    dozan_error err = {0};
    dz_job_id id = job(b, 1, 1, 0);
    assert_int_equal(dz_lease_renew(b->runner, &id, &err), DOZAN_ABORTED);
    assert_int_equal(dz_lease_begin(b->runner, &id, 60000, &err), DOZAN_OK);
    assert_int_equal(dz_lease_begin(b->runner, &id, 60000, &err), DOZAN_NOT_FOUND); /* once */
    assert_int_equal(dz_lease_renew(b->runner, &id, &err), DOZAN_OK);
    assert_int_equal(dz_lease_take_back(b->runner, &id, &err), DOZAN_OK);
    assert_int_equal(dz_lease_take_back(b->runner, &id, &err), DOZAN_ABORTED);
    assert_int_equal(b->told.count, 0); /* its end is the caller's to tell */
}

static void starting_twice_starts_once(void **state)
{
    bench *b = *state;
    dozan_error err = {0};
    dz_job_id id = job(b, 1, 1, 0);
    assert_int_equal(dz_lease_begin(b->runner, &id, 60000, &err), DOZAN_OK);
    (void)job(b, 1, 1, 0);
    assert_int_equal(dz_lease_renew(b->runner, &id, &err), DOZAN_OK);
}

static void a_lease_that_is_not_renewed_is_lost_and_its_worker_refused(void **state)
{
    bench *b = *state;
    dozan_error err = {0};
    dz_job_id id = job(b, 3, 1, 0), waiting = job(b, 4, 1, 0);
    assert_int_equal(dz_lease_begin(b->runner, &id, 1, &err), DOZAN_OK);
    wait_for(&b->told, 1);
    assert_int_equal(b->told.ids[0].trial, 3);
    assert_int_equal(b->told.kinds[0], DZ_END_LOST);
    assert_int_equal(dz_lease_renew(b->runner, &id, &err), DOZAN_ABORTED);
    dz_job_id second = job(b, 3, 2, 0);
    assert_int_equal(dz_lease_begin(b->runner, &second, 60000, &err), DOZAN_OK);
    assert_int_equal(dz_lease_take_back(b->runner, &id, &err), DOZAN_ABORTED);
    assert_non_null(strstr(err.message, "followed by attempt 2"));
    assert_int_equal(dz_lease_renew(b->runner, &second, &err), DOZAN_OK);
    assert_int_equal(dz_lease_begin(b->runner, &waiting, 60000, &err), DOZAN_OK); /* it had time */
}

static void a_time_limit_counts_from_the_begin_of_the_lease(void **state)
{
    bench *b = *state;
    dozan_error err = {0};
    dz_job_id id = job(b, 1, 1, 1);
    assert_int_equal(dz_lease_begin(b->runner, &id, 3600000, &err), DOZAN_OK);
    wait_for(&b->told, 1);
    assert_int_equal(b->told.kinds[0], DZ_END_TIMEOUT);
}

static void a_stop_ends_the_lease_and_is_told_once(void **state)
{
    bench *b = *state;
    dozan_error err = {0};
    dz_job_id leased = job(b, 1, 1, 0), waiting = job(b, 2, 1, 0), unknown = {7, 9, 1};
    assert_int_equal(dz_lease_begin(b->runner, &leased, 60000, &err), DOZAN_OK);
    assert_int_equal(dz_runner_lease.stop(b->runner, &leased, &err), DOZAN_OK);
    assert_int_equal(dz_lease_renew(b->runner, &leased, &err), DOZAN_ABORTED);
    assert_int_equal(dz_runner_lease.stop(b->runner, &waiting, &err), DOZAN_OK);
    wait_for(&b->told, 2);
    assert_int_equal(b->told.kinds[0], DZ_END_STOPPED);
    assert_int_equal(b->told.kinds[1], DZ_END_STOPPED);
    assert_int_equal(dz_runner_lease.stop(b->runner, &unknown, &err), DOZAN_NOT_FOUND);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_job_waits_until_a_worker_takes_it),
        CASE(starting_twice_starts_once),
        CASE(a_lease_that_is_not_renewed_is_lost_and_its_worker_refused),
        CASE(a_time_limit_counts_from_the_begin_of_the_lease),
        CASE(a_stop_ends_the_lease_and_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
