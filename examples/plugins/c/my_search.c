/*
 * A search plugin in one file: hill climbing with random restarts, on Dozan's plugin kit.
 *
 *     dozan run experiment.yaml --plugin my-search=./my_search        (algorithmName: my-search)
 *
 * The kit keeps the trials in problem->history; this file only looks at the best one and steps away
 * from it.
 */
#include <math.h>

#include <dozan/algorithm.h>

static const dozan_setting settings[] = {
    {.name = "radius",
     .type = DOZAN_SETTING_DOUBLE,
     .default_text = "0.3",
     .min = "0",
     .max = "1",
     .min_exclusive = true,
     .help = "How far the first steps go, as a part of each parameter's range."},
};

static const dozan_trial *best_trial(const dozan_history *history)
{
    const dozan_trial *best = NULL;
    for (size_t i = 0; i < dozan_history_ended_count(history); i++) {
        const dozan_trial *trial = dozan_history_ended(history, i);
        if (!isnan(trial->loss) && (!best || trial->loss < best->loss))
            best = trial;
    }
    return best;
}

static dozan_status ask(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                        dozan_answer *answer, dozan_error *err)
{
    dozan_rng rng = dozan_rng_stream(problem->seed, "my-search", (uint64_t)ask->trial);
    const dozan_trial *best = best_trial(problem->history);
    (void)self;
    (void)err;
    if (!best || dozan_rng_uniform(&rng) < 0.3) {
        dozan_random_point(problem->space, &rng, answer->point);
        return DOZAN_OK;
    }
    double ended = (double)dozan_history_ended_count(problem->history);
    double radius = dozan_setting_double(problem->settings, "radius") / sqrt(1 + ended / 5);
    for (size_t i = 0; i < dozan_space_dimensions(problem->space); i++)
        answer->point[i] = fmin(fmax(best->point[i] + radius * dozan_rng_normal(&rng), 0), 1);
    return DOZAN_OK; /* the kit snaps the point, and replaces one that was tried already */
}

static const dozan_algorithm my_search = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "my-search",
    .kind = DOZAN_KIND_SEARCH,
    .summary = "Hill climbing with random restarts, as an example of a plugin.",
    .reference = "none",
    .limits = "Looks only at the best trial; categorical parameters are treated as ordered.",
    .settings = settings,
    .setting_count = 1,
    .ask = ask,
};

int main(int argc, char **argv)
{
    const dozan_algorithm *const algorithms[] = {&my_search, NULL};
    return dozan_plugin_main(argc, argv, algorithms);
}
