/*
 * The page's answers at 100,000 trials: the time of each view, as text, and the first of all.
 *
 *   bench_views [--short]
 */
#include "support/views_fixture.h"

#include <time.h>

enum { ROUNDS = 100, BATCH = 500 };

static double clock_ms(void)
{
    struct timespec now;
    fixture_check(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "no clock");
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int by_size(const void *a, const void *b)
{
    const double *first = a, *second = b;
    return (*first > *second) - (*first < *second);
}

static double bump(int64_t step)
{
    return 1 - 1 / (double)step;
}

/* One answer as the page would get it. */
static size_t ask(views_fixture *f, dz_view *view, int64_t trial, const char *const *query)
{
    cJSON *answer = NULL;
    dozan_error err = {0};
    views_must(views_ask_for(f, view, trial, query, &answer, &err), &err);
    char *text = cJSON_PrintUnformatted(answer);
    fixture_check(text != NULL, "out of memory");
    size_t size = strlen(text);
    cJSON_free(text);
    cJSON_Delete(answer);
    return size;
}

typedef struct page {
    const char *name;
    dz_view *view;
    int64_t trial;
    const char *query[8];
} page;

static void measure(views_fixture *f, const page *of)
{
    double times[ROUNDS];
    size_t size = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double begun = clock_ms();
        size = ask(f, of->view, of->trial, of->query);
        times[i] = clock_ms() - begun;
    }
    qsort(times, ROUNDS, sizeof *times, by_size);
    (void)printf("%-22s p50 %6.1f ms, p99 %6.1f ms, %5.1f KiB\n", of->name, times[ROUNDS / 2],
                 times[ROUNDS - 2], (double)size / 1024);
}

int main(int argc, char **argv)
{
    size_t trials = argc > 1 && strcmp(argv[1], "--short") == 0 ? 2000 : 100000;
    static const page pages[] = {
        {"experiments", dz_view_experiments, 0, {NULL}},
        {"experiment", dz_view_experiment, 0, {NULL}},
        {"history", dz_view_history, 0, {NULL}},
        {"curves", dz_view_curves, 0, {NULL}},
        {"trials", dz_view_trials, 0, {NULL}},
        {"trials by metric", dz_view_trials, 0, {"sort", "-accuracy", "limit", "100", NULL}},
        {"trials, deep page", dz_view_trials, 0, {"sort", "lr", "offset", "1500", NULL}},
        {"trials, last page", dz_view_trials, 0, {"sort", "lr", "offset", "99900", NULL}},
        {"trials, filtered", dz_view_trials, 0, {"q", "lr<0.01 accuracy>0.8 optimizer=sgd", NULL}},
        {"trials, by name", dz_view_trials, 0, {"q", "abc", NULL}},
        {"sample", dz_view_sample, 0, {"limit", "1000", NULL}},
        {"importance", dz_view_importance, 0, {NULL}},
        {"contour", dz_view_contour, 0, {"x", "lr", "y", "layers", NULL}},
        {"front", dz_view_front, 0, {NULL}},
        {"timeline", dz_view_timeline, 0, {NULL}},
        {"trial", dz_view_trial, 1234, {NULL}},
        {"compare", dz_view_compare, 0, {"trials", "1,20,300", NULL}},
    };
    views_fixture f;
    views_open(&f, "bench", 1);
    for (size_t i = 0; i < trials; i += BATCH)
        views_add_ended(&f, BATCH);
    for (int i = 0; i < VIEWS_PARALLEL; i++)
        views_report(&f, views_add_running(&f), 1, 1000, bump);
    double begun = clock_ms();
    (void)ask(&f, dz_view_experiment, 0, NULL);
    (void)printf("%zu trials: the first answer %.0f ms\n", trials, clock_ms() - begun);
    begun = clock_ms();
    (void)ask(&f, dz_view_importance, 0, NULL);
    (void)printf("the first model %.0f ms\n", clock_ms() - begun);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        measure(&f, &pages[i]);
    views_close(&f);
    return 0;
}
