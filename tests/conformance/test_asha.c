/*
 * ASHA: who is promoted and when, by hand, and against the paper's own procedure written down
 * plainly, for random results, failures and batches.
 */
#include "support_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 400, RUNGS = 4 };

static const dozan_parameter parameters[] = {
    {.name = "x", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"},
    {.name = "epochs", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "1", .max = "27"},
};

static const dozan_pair standard[] = {{"r_l", "27"}, {"resource_name", "epochs"}};

static void open_lab(dz_lab *lab, const dozan_pair *settings, size_t count)
{
    const dozan_algorithm *algorithm = dz_lab_algorithm("asha");
    dozan_experiment experiment = dz_lab_experiment(algorithm, parameters, 2, 5);
    experiment.algorithm_settings = settings;
    experiment.algorithm_setting_count = count;
    dz_lab_open(lab, algorithm, &experiment);
}

static int64_t label(const dozan_suggestion *suggestion, const char *name)
{
    for (size_t i = 0; i < suggestion->label_count; i++) {
        if (strcmp(suggestion->labels[i].name, name) == 0) {
            return strtoll(suggestion->labels[i].value, NULL, 10);
        }
    }
    return 0;
}

static void complete(dz_lab *lab, int64_t trial, double loss)
{
    dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, loss);
}

/* Expects `count` suggestions at these epochs that continue these trials. */
static void expect(dz_lab *lab, size_t count, const char *const *epochs, const int64_t *from)
{
    dz_lab_answer answer = dz_lab_ask(lab, (uint32_t)count);
    assert_int_equal(answer.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(answer.suggestions[i].assignments[1].value, epochs[i]);
        assert_int_equal(label(&answer.suggestions[i], "promoted-from"), from[i]);
    }
}

/* eta = 3: of three results one may go on, of six two, of nine three. */
static void the_best_third_goes_on(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, standard, 2);
    expect(&lab, 3, (const char *const[]){"1", "1", "1"}, (const int64_t[]){0, 0, 0});
    complete(&lab, 1, 5);
    complete(&lab, 2, 3);
    expect(&lab, 1, (const char *const[]){"1"}, (const int64_t[]){0}); /* 4 */
    complete(&lab, 3, 4);
    expect(&lab, 2, (const char *const[]){"3", "1"}, (const int64_t[]){2, 0}); /* 5, 6 */
    complete(&lab, 4, 1);
    complete(&lab, 6, 2);
    /* of five results one: 4 is the best; that 2 was promoted before is no matter */
    expect(&lab, 2, (const char *const[]){"3", "1"}, (const int64_t[]){4, 0}); /* 7, 8 */
    complete(&lab, 8, 9);
    expect(&lab, 2, (const char *const[]){"3", "1"}, (const int64_t[]){6, 0}); /* 9, 10 */
    complete(&lab, 5, 0.5);
    complete(&lab, 9, 0.6);
    complete(&lab, 7, 0.7); /* three results at 3 epochs: the highest rung comes first */
    expect(&lab, 1, (const char *const[]){"9"}, (const int64_t[]){5});
    dz_lab_close(&lab);
}

static void failures_count_and_kills_do_not(void **state)
{
    (void)state;
    dz_lab lab;
    open_lab(&lab, standard, 2);
    (void)dz_lab_ask(&lab, 4);
    complete(&lab, 1, 1);
    dz_lab_log(&lab, DOZAN_EVENT_FAILED, 2, 0, 0);
    dz_lab_log(&lab, DOZAN_EVENT_KILLED, 3, 0, 0);
    expect(&lab, 1, (const char *const[]){"1"}, (const int64_t[]){0}); /* 5: two results */
    dz_lab_log(&lab, DOZAN_EVENT_UNAVAILABLE, 4, 0, 0);
    expect(&lab, 2, (const char *const[]){"3", "1"}, (const int64_t[]){1, 0});
    dz_lab_close(&lab);
}

static void other_names_of_settings_are_taken(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {{"r_l", "24"},
                                          {"resource_name", "epochs"},
                                          {"min_resource", "6"},
                                          {"reduction_factor", "2"}};
    dz_lab lab;
    open_lab(&lab, settings, 4);
    expect(&lab, 2, (const char *const[]){"6", "6"}, (const int64_t[]){0, 0});
    complete(&lab, 1, 2);
    complete(&lab, 2, 1);
    expect(&lab, 2, (const char *const[]){"12", "6"}, (const int64_t[]){2, 0});
    dz_lab_close(&lab);
}

/* ---- against the procedure of the paper ------------------------------------------------------ */

/* What the log has come to. */
typedef struct reference {
    int64_t rung[MOST + 1];
    double loss[MOST + 1]; /* infinite: no usable result */
    bool ended[MOST + 1];
    bool promoted[MOST + 1];
    int64_t trials;
} reference;

/* get_job of algorithm 2: the trial to promote, or 0. */
static int64_t to_promote(const reference *r)
{
    for (int64_t rung = RUNGS - 2; rung >= 0; rung--) {
        int64_t results = 0;
        int64_t best = 0;
        int64_t better = 0;
        for (int64_t t = 1; t <= r->trials; t++) {
            results += r->rung[t] == rung && r->ended[t] ? 1 : 0;
            if (r->rung[t] == rung && r->ended[t] && !r->promoted[t] && r->loss[t] < INFINITY &&
                (best == 0 || r->loss[t] < r->loss[best])) {
                best = t;
            }
        }
        for (int64_t t = 1; t <= r->trials && best > 0; t++) {
            better +=
                r->rung[t] == rung && r->ended[t] &&
                        (r->loss[t] < r->loss[best] || (!(r->loss[best] < r->loss[t]) && t < best))
                    ? 1
                    : 0;
        }
        if (best > 0 && better < results / 3) {
            return best;
        }
    }
    return 0;
}

static void ask_both(dz_lab *lab, reference *r, uint32_t count)
{
    dz_lab_answer answer = dz_lab_ask(lab, count);
    assert_int_equal(answer.count, count);
    assert_int_equal(answer.end, DOZAN_ASK_MORE);
    for (size_t i = 0; i < answer.count; i++) {
        int64_t from = to_promote(r);
        int64_t trial = ++r->trials;
        assert_int_equal(label(&answer.suggestions[i], "promoted-from"), from);
        r->rung[trial] = from > 0 ? r->rung[from] + 1 : 0;
        assert_int_equal(label(&answer.suggestions[i], "asha-rung"), r->rung[trial]);
        r->promoted[from] = true;
    }
}

static void end_both(dz_lab *lab, reference *r, int64_t trial, dozan_rng *rng)
{
    r->ended[trial] = true;
    r->loss[trial] = INFINITY;
    if (dozan_rng_below(rng, 6) == 0) {
        dz_lab_log(lab, DOZAN_EVENT_FAILED, trial, 0, 0);
        return;
    }
    r->loss[trial] = (double)dozan_rng_below(rng, 50);
    dz_lab_log(lab, DOZAN_EVENT_COMPLETED, trial, 0, r->loss[trial]);
}

static void promotes_as_the_paper_does(void **state)
{
    (void)state;
    static reference r;
    for (uint64_t round = 0; round < 6; round++) {
        dozan_rng rng = dozan_rng_stream(23, "asha-test", round);
        dz_lab lab;
        memset(&r, 0, sizeof(r));
        open_lab(&lab, standard, 2);
        while (r.trials < MOST - 8) {
            ask_both(&lab, &r, 1 + (uint32_t)dozan_rng_below(&rng, 7));
            for (int64_t t = r.trials > 12 ? r.trials - 12 : 1; t <= r.trials; t++) {
                if (!r.ended[t] && dozan_rng_below(&rng, 3) > 0) {
                    end_both(&lab, &r, t, &rng);
                }
            }
            if (dozan_rng_below(&rng, 20) == 0) {
                dz_lab_restart(&lab, &rng);
            }
        }
        dz_lab_close(&lab);
    }
}

/* Each bracket begins one rung higher, and has the share of new configurations that Hyperband gives
 * it: 27, 12, 6 and 4 of 49. */
static void brackets_begin_at_higher_rungs(void **state)
{
    (void)state;
    static const dozan_pair settings[] = {
        {"r_l", "27"}, {"resource_name", "epochs"}, {"brackets", "9"}};
    static const char *const epochs[] = {"1", "3", "9", "27"};
    static const double shares[] = {27.0 / 49, 12.0 / 49, 6.0 / 49, 4.0 / 49};
    enum { TRIALS = 4000 };
    int64_t counts[4] = {0};
    dz_lab lab;
    open_lab(&lab, settings, 3);
    dz_lab_answer answer = dz_lab_ask(&lab, TRIALS);
    for (size_t i = 0; i < answer.count; i++) {
        int64_t bracket = label(&answer.suggestions[i], "asha-bracket");
        assert_string_equal(answer.suggestions[i].assignments[1].value, epochs[bracket]);
        counts[bracket]++;
    }
    for (size_t b = 0; b < 4; b++) {
        double deviation = sqrt(TRIALS * shares[b] * (1 - shares[b]));
        assert_true(fabs((double)counts[b] - TRIALS * shares[b]) < 5 * deviation);
    }
    dz_lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_third_goes_on),
        cmocka_unit_test(failures_count_and_kills_do_not),
        cmocka_unit_test(other_names_of_settings_are_taken),
        cmocka_unit_test(promotes_as_the_paper_does),
        cmocka_unit_test(brackets_begin_at_higher_rungs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
