/*
 * The simulated runner: a job's whole life is drawn from (seed, trial, attempt) when it is started,
 * and goes on whether a controller listens or not. Listening begins at the output's beginning.
 */
#include "support_simulation.h"

#include <math.h>

static const int64_t REPORT_GAP_MS = 400, STOP_GRACE_MS = 300, HEAR_MS = 200;

static void draw(sim *s, sim_job *job, int64_t trial, int32_t attempt);
static void listen(sim *s, const sim_job *job, int64_t trial, int32_t attempt);
static int64_t heard_at(sim *s, int64_t happened, int64_t *last);

void sim_job_start(sim *s, const dz_trial *trial, bool adopt)
{
    sim_job *job = &s->jobs[trial->number][trial->attempt % (SIM_MAX_ATTEMPTS + 1)];

    if (trial->attempt > SIM_MAX_ATTEMPTS) {
        sim_trouble(s, "trial %ld has its attempt %d", (long)trial->number, (int)trial->attempt);
    }
    if (job->exists && !adopt) {
        sim_trouble(s, "trial %ld attempt %d was started twice", (long)trial->number,
                    (int)trial->attempt);
    }
    if (!job->exists) {
        sim_check_start(s, trial);
        draw(s, job, trial->number, trial->attempt);
        job->gpu_count = trial->gpu_count;
        memcpy(job->gpus, trial->gpus, sizeof job->gpus);
    }
    listen(s, job, trial->number, trial->attempt);
}

/* Its messages come anew: those of the life that it will not have must not. */
void sim_job_stop(sim *s, const dz_trial *trial)
{
    sim_job *job = &s->jobs[trial->number][trial->attempt];
    size_t kept = 0;

    if (!job->exists) {
        sim_send(s,
                 (sim_message){.kind = SIM_ENDED,
                               .trial = trial->number,
                               .attempt = trial->attempt,
                               .end = {.kind = DZ_END_LOST}},
                 HEAR_MS);
        return;
    }
    if (job->finish <= s->now) {
        return; /* too late: its end is on its way */
    }
    job->finish = s->now + sim_between(s, 0, STOP_GRACE_MS);
    job->end = (dz_end){.kind = DZ_END_STOPPED};
    while (job->reports > 0 && job->start + job->reports * REPORT_GAP_MS > job->finish) {
        job->reports--;
    }
    for (size_t i = 0; i < s->message_count; i++) {
        const sim_message *m = &s->messages[i];
        bool of_the_job =
            m->kind <= SIM_ENDED && m->trial == trial->number && m->attempt == trial->attempt;
        if (!of_the_job) {
            s->messages[kept++] = *m;
        }
    }
    s->message_count = kept;
    listen(s, job, trial->number, trial->attempt);
}

bool sim_job_lives(const sim *s, int64_t trial, int32_t attempt)
{
    const sim_job *job = &s->jobs[trial][attempt];

    return job->exists && s->now < job->finish;
}

dz_point sim_job_point(const sim *s, int64_t trial, int32_t attempt, int32_t report,
                       uint32_t metric, char text[32])
{
    dozan_rng rng = dozan_rng_stream(s->seed, metric == 0 ? "simulation.value" : "simulation.other",
                                     (uint64_t)(trial * 4096 + attempt * 64 + report));
    dz_point point = {.metric = metric, .step = report, .is_number = true, .text = text};

    point.value = dozan_rng_uniform(&rng) * 2 - 1;
    if (dozan_rng_below(&rng, 16) == 0) {
        point.value = (double)NAN;
    }
    dozan_number_text(point.value, text);
    return point;
}

static void draw(sim *s, sim_job *job, int64_t trial, int32_t attempt)
{
    const sim_options *o = s->options;
    dozan_rng rng = dozan_rng_stream(s->seed, "simulation.job", (uint64_t)(trial * 64 + attempt));
    int dice = (int)dozan_rng_below(&rng, 1000);

    job->exists = true;
    job->start = s->now;
    job->reports = 1 + (int32_t)dozan_rng_below(&rng, SIM_MAX_REPORTS);
    job->end = (dz_end){.kind = DZ_END_EXITED};
    if ((dice -= o->failed) < 0) {
        job->end.code = 1;
    } else if ((dice -= o->timeout) < 0) {
        job->end.kind = DZ_END_TIMEOUT;
    } else if ((dice -= o->unavailable) < 0) {
        job->reports = 0;
    } else if (attempt < 4 && dice < o->lost) {
        static const dz_end losses[] = {{.kind = DZ_END_LOST},
                                        {.kind = DZ_END_SIGNALED, .signal = 9},
                                        {.kind = DZ_END_SIGNALED, .signal = 15},
                                        {.kind = DZ_END_NOT_STARTED}};
        job->end = losses[dozan_rng_below(&rng, 4)];
    }
    job->finish = job->start + job->reports * REPORT_GAP_MS + (int64_t)dozan_rng_below(&rng, 2000);
    if (job->end.kind == DZ_END_NOT_STARTED) {
        job->reports = 0;
        job->finish = job->start;
    }
}

/* All that the job has said and will say. A stop that an earlier controller asked for looks, to a
 * later one, like a signal from outside. */
static void listen(sim *s, const sim_job *job, int64_t trial, int32_t attempt)
{
    sim_message message = {.trial = trial, .attempt = attempt};
    int64_t last = s->now;

    if (job->end.kind != DZ_END_NOT_STARTED && sim_chance(s, 950)) {
        message.kind = SIM_STARTED;
        sim_send(s, message, heard_at(s, job->start, &last) - s->now);
    }
    for (int32_t report = 1; report <= job->reports; report++) {
        message.kind = SIM_REPORTED;
        message.report = report;
        sim_send(s, message, heard_at(s, job->start + report * REPORT_GAP_MS, &last) - s->now);
    }
    message.kind = SIM_ENDED;
    message.end = job->end;
    if (job->end.kind == DZ_END_STOPPED && job->finish < s->now && sim_chance(s, 500)) {
        message.end = (dz_end){.kind = DZ_END_SIGNALED, .signal = 15};
    }
    sim_send(s, message, heard_at(s, job->finish, &last) - s->now);
}

/* The messages of a job keep their order. */
static int64_t heard_at(sim *s, int64_t happened, int64_t *last)
{
    int64_t time = (happened > s->now ? happened : s->now) + sim_between(s, 0, HEAR_MS);

    *last = time > *last ? time : *last;
    return *last;
}
