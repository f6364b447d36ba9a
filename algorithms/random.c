/*
 * Random search: each trial is an independent draw from the space, by the parameters' own
 * distributions.
 *
 * The answer depends on the seed, the trial's number and the points already asked alone; the last
 * only to avoid a repetition. When a small space is used up, points repeat, as an experiment may
 * ask for more trials than there are points (a noisy objective is worth measuring twice).
 */
#include "common.h"
#include "table.h"

static dozan_status ask_random(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                               dozan_answer *answer, dozan_error *err)
{
    (void)self;
    (void)err;
    dozan_rng rng = dozan_rng_stream(problem->seed, "random", (uint64_t)ask->trial);
    if (!dozan_random_free_point(problem, ask, &rng, answer->point)) {
        dozan_random_point(problem->space, &rng, answer->point);
        answer->repeat_ok = true;
    }
    answer->kind = DOZAN_ANSWER_POINT;
    return DOZAN_OK;
}

static const dozan_setting settings[] = {DZ_SETTING_RANDOM_STATE};

const dozan_algorithm dz_random = {
    .abi = DOZAN_ALGORITHM_ABI,
    .name = "random",
    .kind = DOZAN_KIND_SEARCH,
    .traits = DOZAN_IGNORES_RESULTS,
    .summary =
        "Draws each trial at random from the parameters' distributions: the baseline, and the "
        "right choice for very many trials in parallel.",
    .reference =
        "J. Bergstra, Y. Bengio: Random search for hyper-parameter optimization. JMLR 13, 2012",
    .limits =
        "Learns nothing from the results. No point is tried twice while the space has others.",
    .settings = settings,
    .setting_count = DZ_COUNT(settings),
    .ask = ask_random,
};
