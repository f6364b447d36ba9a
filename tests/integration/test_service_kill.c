/*
 * A service that is killed at any instant: what it has answered is there, and its trials are each
 * counted once, by the next start. Some of the kills come while requests are being answered.
 */
#include "support_service.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { KILLS = 12, TRIALS = 24, LIVES_MS = 700 };

/* The child: a service that is asked for one more experiment, and tells by a pipe what it has
 * answered. No assertion is made here. */
static void serve_until_killed(const service_kit *kit, const char *first, int life, int answers)
{
    dozan_error err = {0};
    dz_service *service = NULL;
    dz_service_observer observer = {0};
    if (dz_service_create(kit->path, DZ_DURABILITY_NORMAL, &kit->config, &observer, &service, &err))
        _exit(3);
    char name[32];
    (void)snprintf(name, sizeof name, "life-%d", life);
    char *document = service_document(name, "  parallelTrialCount: 2\n  maxTrialCount: 2\n",
                                      "echo accuracy=0.5; sleep 0.05; echo accuracy=0.75");
    dz_submission submission = service_text("team-a", document);
    dz_submission again = service_text("default", first);
    dz_submitted submitted = {0};
    dozan_status known = dz_service_submit(service, &again, &submitted, NULL, &err);
    if ((known && known != DOZAN_ALREADY_EXISTS) ||
        dz_service_submit(service, &submission, &submitted, NULL, &err))
        _exit(4);
    char told = (char)life;
    if (write(answers, &told, 1) != 1)
        _exit(5);
    for (;;)
        (void)pause();
}

static bool check_trial(void *user, const dz_trial *trial)
{
    int64_t *seen = user;
    ++*seen;
    assert_int_equal(trial->number, *seen);
    if (trial->state == DZ_TRIAL_SUCCEEDED)
        assert_int_equal(trial->observations[0].count % 2, 0);
    return true;
}

static void nothing_that_was_answered_is_lost(void **state)
{
    (void)state;
    service_kit *kit = service_kit_prepare();
    dozan_error err = {0};
    int answers[2];
    bool answered[KILLS] = {false};
    assert_int_equal(pipe(answers), 0);
    char *document = service_document("long", "  parallelTrialCount: 2\n  maxTrialCount: 24\n",
                                      "echo accuracy=0.5; sleep 0.05; echo accuracy=0.75");
    for (int life = 0; life < KILLS; life++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            serve_until_killed(kit, document, life, answers[1]);
        /* from before its opening to some time after its answer */
        (void)poll(NULL, 0, 40 + life * LIVES_MS / KILLS);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
    }
    struct pollfd more = {.fd = answers[0], .events = POLLIN};
    for (char life; poll(&more, 1, 0) == 1 && read(answers[0], &life, 1) == 1;)
        answered[(int)life] = true;
    service_kit_start(kit);
    service_wait(kit, "default", "long", service_succeeded);
    dz_experiment *e = service_load(kit, "default", "long");
    int64_t seen = 0;
    assert_int_equal(e->trial_count, TRIALS);
    assert_int_equal(e->state_counts[DZ_TRIAL_SUCCEEDED], TRIALS);
    assert_int_equal(dz_store_trials(kit->reader, e, 0, 0, check_trial, &seen, &err), DOZAN_OK);
    assert_int_equal(seen, TRIALS);
    dz_experiment_destroy(e);
    int count = 0;
    for (int life = 0; life < KILLS; life++) {
        char name[32];
        (void)snprintf(name, sizeof name, "life-%d", life);
        dozan_status there = dz_store_load_in(kit->reader, "team-a", name, &e, &err);
        if (there == DOZAN_OK) {
            dz_experiment_destroy(e);
            service_wait(kit, "team-a", name, service_succeeded);
            count++;
        } else {
            assert_int_equal(there, DOZAN_NOT_FOUND);
            assert_false(answered[life]);
        }
    }
    assert_true(count > 0);
    (void)close(answers[0]);
    (void)close(answers[1]);
    free(document);
    service_kit_destroy(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_that_was_answered_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
