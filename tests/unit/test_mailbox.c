/* The loop's mailbox and the copies of replies: order, back-pressure, closing, ownership. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop/mailbox.h"
#include "loop/replies.h"

enum { ROOM = 8, POSTERS = 4, POSTED = 500 };

typedef struct poster {
    dz_mailbox *mailbox;
    int64_t number;
} poster;

static dz_mailbox *open_mailbox(void)
{
    dz_mailbox *mailbox = NULL;
    dozan_error err;
    assert_int_equal(dz_mailbox_create(ROOM, &mailbox, &err), DOZAN_OK);
    return mailbox;
}

static void post(dz_mailbox *mailbox, int64_t experiment, int64_t trial, bool urgent)
{
    dz_message *message = dz_message_create(DZ_MESSAGE_TRIAL_STARTED);
    message->job.experiment = experiment;
    message->job.trial = trial;
    dz_mailbox_post(mailbox, message, urgent);
}

static void *post_many(void *argument)
{
    poster *p = argument;
    for (int64_t i = 0; i < POSTED; i++)
        post(p->mailbox, p->number, i, false);
    return NULL;
}

static void messages_of_each_poster_come_in_their_order_and_none_is_lost(void **state)
{
    (void)state;
    dz_mailbox *mailbox = open_mailbox();
    pthread_t threads[POSTERS];
    poster posters[POSTERS];
    int64_t next[POSTERS] = {0}, taken = 0;
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (poster){mailbox, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posters[i]), 0);
    }
    while (taken < (int64_t)POSTERS * POSTED) {
        dz_mailbox_wait(mailbox, -1);
        dz_message *message = dz_mailbox_take(mailbox, 3);
        while (message) {
            dz_message *after = message->next;
            assert_int_equal(message->job.trial, next[message->job.experiment]++);
            taken++;
            dz_message_destroy(message);
            message = after;
        }
    }
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    dz_mailbox_destroy(mailbox);
}

static void an_urgent_message_does_not_wait_for_room(void **state)
{
    (void)state;
    dz_mailbox *mailbox = open_mailbox();
    for (int i = 0; i < ROOM + 5; i++)
        post(mailbox, 0, i, true);
    dz_message *all = dz_mailbox_take(mailbox, 100);
    int count = 0;
    while (all) {
        dz_message *next = all->next;
        assert_int_equal(all->job.trial, count++);
        dz_message_destroy(all);
        all = next;
    }
    assert_int_equal(count, ROOM + 5);
    dz_mailbox_destroy(mailbox);
}

static void closing_frees_a_poster_that_waits_for_room(void **state)
{
    (void)state;
    dz_mailbox *mailbox = open_mailbox();
    poster p = {mailbox, 0};
    pthread_t thread;
    for (int i = 0; i < ROOM; i++)
        post(mailbox, 0, i, false);
    assert_int_equal(pthread_create(&thread, NULL, post_many, &p), 0);
    dz_mailbox_close(mailbox);
    assert_int_equal(pthread_join(thread, NULL), 0); /* would hang otherwise */
    dz_mailbox_destroy(mailbox);
}

static void a_wake_ends_the_wait_without_a_message(void **state)
{
    (void)state;
    dz_mailbox *mailbox = open_mailbox();
    dz_mailbox_wake(mailbox);
    dz_mailbox_wait(mailbox, -1);
    assert_null(dz_mailbox_take(mailbox, 1));
    dz_mailbox_destroy(mailbox);
}

static void a_copied_ask_reply_outlives_the_original(void **state)
{
    (void)state;
    char value[] = "0.5", message[] = "why";
    dozan_pair pairs[] = {{"x", value}, {"y", "b"}}, labels[] = {{"bracket", "1"}};
    dozan_suggestion suggestions[] = {{pairs, 2, labels, 1}, {pairs, 1, NULL, 0}};
    dozan_ask_reply reply = {.applied_seq = 7,
                             .suggestions = suggestions,
                             .suggestion_count = 2,
                             .end = DOZAN_ASK_WAIT,
                             .message = message};
    dozan_ask_reply *copy = dz_ask_reply_copy(&reply);
    memset(value, 'z', 3);
    memset(message, 'z', 3);
    memset(pairs, 0, sizeof pairs);
    assert_int_equal(copy->applied_seq, 7);
    assert_int_equal(copy->suggestion_count, 2);
    assert_int_equal(copy->end, DOZAN_ASK_WAIT);
    assert_string_equal(copy->message, "why");
    assert_string_equal(copy->suggestions[0].assignments[0].value, "0.5");
    assert_string_equal(copy->suggestions[0].assignments[1].name, "y");
    assert_string_equal(copy->suggestions[0].labels[0].value, "1");
    assert_int_equal(copy->suggestions[1].assignment_count, 1);
    free(copy);
}

static void a_copied_judge_reply_outlives_the_original(void **state)
{
    (void)state;
    char why[] = "behind";
    dozan_trial_verdict verdicts[] = {{3, true, why}, {4, false, NULL}};
    dozan_judge_reply reply = {.applied_seq = 9, .verdicts = verdicts, .verdict_count = 2};
    dozan_judge_reply *copy = dz_judge_reply_copy(&reply);
    memset(why, 'z', 6);
    memset(verdicts, 0, sizeof verdicts);
    assert_int_equal(copy->verdict_count, 2);
    assert_true(copy->verdicts[0].stop);
    assert_string_equal(copy->verdicts[0].message, "behind");
    assert_null(copy->verdicts[1].message);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_each_poster_come_in_their_order_and_none_is_lost),
        cmocka_unit_test(an_urgent_message_does_not_wait_for_room),
        cmocka_unit_test(closing_frees_a_poster_that_waits_for_room),
        cmocka_unit_test(a_wake_ends_the_wait_without_a_message),
        cmocka_unit_test(a_copied_ask_reply_outlives_the_original),
        cmocka_unit_test(a_copied_judge_reply_outlives_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
