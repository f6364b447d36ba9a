/*
 * The simulated loop: message, step, commit, act; and crashes in between.
 */
#include "support_simulation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SPEC_CHANGES = 10 };

/* Under a sanitizer every step is some ten times as slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHARE = 8 };
#else
enum { SHARE = 1 };
#endif

static void create(sim *s);
static void crash(sim *s);
static void open_again(sim *s);
static bool turn(sim *s);
static void pass_time(sim *s);
static const sim_message *earliest(const sim *s);
static void deliver(sim *s, const sim_message *message);
static void deliver_report(sim *s, const sim_message *message);
static void disturb(sim *s);
static void change_budget(sim *s);
static bool commit_and_act(sim *s);
static void act(sim *s, const dz_effect *effect);
static bool over(const sim *s);
static bool ended_again(sim *s);

bool sim_run(sim *s, const sim_options *options, const sim_store *store, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->options = options;
    s->seed = seed;
    s->rng = dozan_rng_stream(seed, "simulation", 0);
    s->now = 1000000;
    s->max_trials = options->max_trials;
    s->parallel = s->highest_parallel = options->parallel;
    s->kept_max_trials = s->max_trials;
    s->kept_parallel = s->parallel;
    s->store_ops = store;
    s->store = store->open(s);
    create(s);
    for (int steps = 0; s->trouble[0] == '\0' && (!over(s) || ended_again(s)); steps++) {
        if (steps == SIM_MAX_STEPS) {
            sim_trouble(s, "no end after %d turns", steps);
        } else if (s->experiment == NULL) {
            open_again(s);
        } else if (!turn(s)) {
            crash(s);
        }
    }
    if (s->trouble[0] == '\0') {
        sim_check_end(s);
    }
    return s->trouble[0] == '\0';
}

void sim_fini(sim *s)
{
    dz_changes_clear(&s->changes);
    dz_experiment_destroy(s->experiment);
    s->store_ops->close(s->store);
    free(s->messages);
}

void sim_run_all(const sim_options *options, const sim_store *store, uint64_t first, int count)
{
    const char *only = getenv("DOZAN_SEED");
    sim *s = calloc(1, sizeof *s);
    int64_t crashes = 0;

    assert_non_null(s);
    count /= SHARE;
    if (only != NULL) {
        first = strtoull(only, NULL, 10);
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        uint64_t seed = first + (uint64_t)i;
        bool good = sim_run(s, options, store, seed);

        if (!good) {
            print_error("%s, DOZAN_SEED=%llu: %s\n", options->name, (unsigned long long)seed,
                        s->trouble);
        }
        crashes += s->crashes;
        sim_fini(s);
        assert_true(good);
    }
    free(s);
    if (only == NULL && options->crash > 0) {
        assert_true(crashes > count / 2); /* else it would have shown little */
    }
}

bool sim_chance(sim *s, int thousandths)
{
    return thousandths > 0 && dozan_rng_below(&s->rng, 1000) < (uint64_t)thousandths;
}

int64_t sim_between(sim *s, int64_t low, int64_t high)
{
    return low + (int64_t)dozan_rng_below(&s->rng, (uint64_t)(high - low + 1));
}

void sim_send(sim *s, sim_message message, int64_t delay)
{
    if (s->message_count == s->message_capacity) {
        s->message_capacity = s->message_capacity == 0 ? 64 : s->message_capacity * 2;
        s->messages = realloc(s->messages, s->message_capacity * sizeof *s->messages);
        assert_non_null(s->messages);
    }
    message.time = s->now + delay;
    message.order = s->messages_sent++;
    s->messages[s->message_count++] = message;
}

void sim_trouble(sim *s, const char *format, ...)
{
    va_list args;
    int length;

    if (s->trouble[0] != '\0') {
        return;
    }
    length = snprintf(s->trouble, sizeof s->trouble, "at %ld ms, life %ld: ", (long)s->now,
                      (long)s->lives);
    va_start(args, format);
    (void)vsnprintf(s->trouble + length, sizeof s->trouble - (size_t)length, format, args);
    va_end(args);
}

dz_experiment_spec *sim_spec(const sim *s)
{
    const sim_options *o = s->options;
    char max[16], parallel[16], retries[16], gpus[64], points[2048] = "[";
    const char *changes[2 * SPEC_CHANGES + 1] = {
        "spec.maxTrialCount", max, "spec.parallelTrialCount", parallel, "spec.retries", retries};
    size_t used = 6;

    (void)snprintf(max, sizeof max, "%d", (int)s->max_trials);
    (void)snprintf(parallel, sizeof parallel, "%d", (int)s->parallel);
    (void)snprintf(retries, sizeof retries, "%d", (int)o->retries);
    if (o->gpus_per_trial > 0) {
        (void)snprintf(gpus, sizeof gpus, "{limits: {cpu: '1', nvidia.com/gpu: %d}}",
                       (int)o->gpus_per_trial);
        changes[used++] = TEST_RESOURCES;
        changes[used++] = gpus;
    }
    if (o->early_stopping) {
        changes[used++] = "spec.earlyStopping";
        changes[used++] = "{algorithmName: medianstop}";
    }
    if (o->objectives) {
        changes[used++] = "spec.objectives";
        changes[used++] = "[{type: maximize, metric: accuracy}, {type: minimize, metric: loss}]";
        changes[used++] = "spec.constraints";
        changes[used++] = "[{metric: loss, max: 0.5}]";
    }
    for (int64_t trial = 1; trial <= o->initial_points; trial++) {
        char texts[3][16];
        dozan_pair pairs[3];
        size_t length = strlen(points);

        sim_assignment(trial, texts, pairs);
        (void)snprintf(points + length, sizeof points - length,
                       "{lr: '%s', units: '%s', optimizer: %s}%s", texts[0], texts[1], texts[2],
                       trial == o->initial_points ? "]" : ", ");
    }
    if (o->initial_points > 0) {
        changes[used++] = "spec.initialPoints";
        changes[used++] = points;
    }
    return test_spec(changes);
}

void sim_step(sim *s, dz_event event)
{
    dozan_error err = {0};
    dozan_status status = dz_step(s->experiment, &s->slots, &event, s->now, &s->changes, &err);

    if (status != DOZAN_OK &&
        !(event.kind == DZ_EVENT_BUDGET && status == DOZAN_FAILED_PRECONDITION)) {
        sim_trouble(s, "step %d: %s: %s", (int)event.kind, err.place, err.message);
    }
    sim_check_step(s);
}

static void create(sim *s)
{
    dozan_error err = {0};
    dozan_status status =
        dz_experiment_create(sim_spec(s), TEST_UID, s->seed, s->now, &s->experiment, &err);

    assert_int_equal(status, DOZAN_OK);
    s->store_ops->insert(s->store, s, s->experiment);
    dz_slots_init(&s->slots, (int64_t)s->options->cpus * 1000, s->options->gpus);
    s->lives = 1;
    sim_step(s, (dz_event){.kind = DZ_EVENT_OPEN});
    if (!commit_and_act(s)) {
        crash(s);
    }
}

/* All that the process knew is gone, and all that was on its way to it. */
static void crash(sim *s)
{
    s->crashes++;
    s->message_count = 0;
    s->has_last = false;
    dz_changes_clear(&s->changes);
    dz_experiment_destroy(s->experiment);
    s->experiment = NULL;
    s->max_trials = s->kept_max_trials;
    s->parallel = s->kept_parallel;
    s->now += sim_between(s, 0, 10000);
}

static void open_again(sim *s)
{
    s->lives++;
    s->experiment = s->store_ops->load(s->store, s);
    dz_slots_init(&s->slots, (int64_t)s->options->cpus * 1000, s->options->gpus);
    sim_step(s, (dz_event){.kind = DZ_EVENT_OPEN});
    if (!commit_and_act(s)) {
        crash(s);
    }
}

/* One turn of the loop. False: the process dies. */
static bool turn(sim *s)
{
    int64_t batch = sim_between(s, 1, 4); /* messages in one commit */

    while (batch-- > 0 && s->trouble[0] == '\0') {
        pass_time(s);
        if (sim_chance(s, s->options->crash / 4)) {
            return false; /* before the commit: nothing of it has been */
        }
    }
    disturb(s);
    return commit_and_act(s);
}

/* The next message or the next tick, whichever comes first. */
static void pass_time(sim *s)
{
    int64_t tick = dz_next_tick(s->experiment);
    const sim_message *next = earliest(s);

    if (next != NULL && next->time <= tick) {
        sim_message message = *next;

        s->messages[next - s->messages] = s->messages[--s->message_count];
        s->now = message.time > s->now ? message.time : s->now;
        deliver(s, &message);
    } else if (tick < INT64_MAX) {
        s->now = tick > s->now ? tick : s->now;
        sim_step(s, (dz_event){.kind = DZ_EVENT_TICK});
        if (dz_next_tick(s->experiment) <= s->now && s->changes.effect_count == 0) {
            sim_trouble(s, "a tick that is due does nothing and stays due");
        }
    } else if (!dz_experiment_at_rest(s->experiment) && s->changes.effect_count == 0) {
        sim_trouble(s, "hangs: %s, %zu trials active, %s",
                    dz_experiment_state_name(s->experiment->state), s->experiment->active_count,
                    s->experiment->suggestion_reason);
    }
}

static const sim_message *earliest(const sim *s)
{
    const sim_message *first = NULL;

    for (size_t i = 0; i < s->message_count; i++) {
        const sim_message *m = &s->messages[i];

        if (first == NULL || m->time < first->time ||
            (m->time == first->time && m->order < first->order)) {
            first = m;
        }
    }
    return first;
}

static void deliver(sim *s, const sim_message *message)
{
    dz_event event = {.u.trial = {.trial = message->trial, .attempt = message->attempt}};

    switch (message->kind) {
    case SIM_ANSWER:
        sim_answer(s, message);
        return;
    case SIM_VERDICTS:
        sim_verdicts(s, message);
        return;
    case SIM_STARTED:
        event.kind = DZ_EVENT_TRIAL_STARTED;
        sim_step(s, event);
        break;
    case SIM_REPORTED:
        deliver_report(s, message);
        break;
    case SIM_ENDED:
        event.kind = DZ_EVENT_TRIAL_ENDED;
        event.u.trial.end = &message->end;
        sim_step(s, event);
        break;
    }
    if (!s->has_last || sim_chance(s, 300)) {
        s->last_delivered = *message;
        s->has_last = true;
    }
}

static void deliver_report(sim *s, const sim_message *message)
{
    char texts[2][DOZAN_VALUE_TEXT];
    dz_point points[2];
    size_t count = s->options->objectives ? 2 : 1;

    for (uint32_t i = 0; i < count; i++) {
        points[i] =
            sim_job_point(s, message->trial, message->attempt, message->report, i, texts[i]);
        points[i].time_ms = s->now;
    }
    sim_step(s, (dz_event){.kind = DZ_EVENT_TRIAL_REPORTED,
                           .u.trial = {.trial = message->trial,
                                       .attempt = message->attempt,
                                       .points = points,
                                       .point_count = count}});
}

/* What users and bad luck do. A suspended experiment is always resumed some time. */
static void disturb(sim *s)
{
    const sim_options *o = s->options;
    const dz_experiment *e = s->experiment;

    if (s->has_last && sim_chance(s, o->duplicate)) {
        sim_message again = s->last_delivered;
        deliver(s, &again);
    }
    if (sim_chance(s, o->kill)) {
        sim_step(s, (dz_event){.kind = DZ_EVENT_KILL_TRIAL,
                               .u.kill = sim_between(s, 1, e->trial_count + 1)});
    }
    if (e->state == DZ_EXPERIMENT_RUNNING && sim_chance(s, o->suspend)) {
        sim_step(s, (dz_event){.kind = DZ_EVENT_SUSPEND, .u.suspend = {.reason = "UserStopped"}});
    } else if (e->state == DZ_EXPERIMENT_SUSPENDED &&
               (dz_experiment_at_rest(e) || sim_chance(s, 200))) {
        sim_step(s, (dz_event){.kind = DZ_EVENT_RESUME});
    }
    if (sim_chance(s, o->budget)) {
        change_budget(s);
    }
}

/* Also such changes as are refused: they must change nothing. */
static void change_budget(sim *s)
{
    int32_t max_trials = s->max_trials;
    int32_t parallel = s->parallel;
    const dz_experiment_spec *before = s->experiment->spec;

    s->max_trials += (int32_t)sim_between(s, -2, 4);
    s->parallel += (int32_t)sim_between(s, -1, 2);
    s->parallel = s->parallel < 1 ? 1 : s->parallel;
    s->max_trials = s->max_trials < s->parallel      ? s->parallel
                    : s->max_trials > SIM_MAX_TRIALS ? SIM_MAX_TRIALS
                                                     : s->max_trials;
    if (s->max_trials < s->parallel) {
        s->parallel = s->max_trials;
    }
    dz_experiment_spec *next = sim_spec(s);
    int32_t wanted_max = s->max_trials;
    int32_t wanted_parallel = s->parallel;
    if (wanted_max < s->experiment->trial_count) {
        s->max_trials = max_trials; /* will be refused */
    }
    sim_step(s, (dz_event){.kind = DZ_EVENT_BUDGET, .u.budget = next});
    if (s->experiment->spec == before) {
        s->max_trials = max_trials;
        s->parallel = parallel;
        return;
    }
    s->max_trials = wanted_max;
    s->parallel = wanted_parallel;
    s->highest_parallel = s->parallel > s->highest_parallel ? s->parallel : s->highest_parallel;
}

/* Commit, then act. False: the process dies between the two, or between two effects. */
static bool commit_and_act(sim *s)
{
    dz_changes done = s->changes;
    bool alive = !sim_chance(s, s->options->crash / 4);

    if (!alive || s->trouble[0] != '\0') {
        return alive;
    }
    s->store_ops->commit(s->store, s, s->experiment, &s->changes);
    s->kept_max_trials = s->max_trials;
    s->kept_parallel = s->parallel;
    sim_check_commit(s);
    memset(&s->changes, 0, sizeof s->changes);
    for (size_t i = 0; alive && i < done.effect_count; i++) {
        alive = !sim_chance(s, s->options->crash);
        if (alive) {
            act(s, &done.effects[i]);
        }
    }
    dz_changes_clear(&done);
    return alive;
}

static void act(sim *s, const dz_effect *effect)
{
    const dz_trial *trial = dz_experiment_find_active(s->experiment, effect->trial);
    bool current = trial != NULL && trial->attempt == effect->attempt;

    switch (effect->kind) {
    case DZ_EFFECT_ASK:
        sim_ask(s, effect);
        return;
    case DZ_EFFECT_JUDGE:
        sim_judge(s, effect);
        return;
    case DZ_EFFECT_START:
    case DZ_EFFECT_ADOPT:
        if (current) {
            sim_job_start(s, trial, effect->kind == DZ_EFFECT_ADOPT);
        }
        return;
    case DZ_EFFECT_STOP:
        if (current) {
            sim_job_stop(s, trial);
        }
        return;
    case DZ_EFFECT_RESTART_PLUGIN:
    case DZ_EFFECT_RELEASE:
        return; /* these plugins remember nothing */
    }
}

static bool over(const sim *s)
{
    return s->experiment != NULL && dz_experiment_state_ended(s->experiment->state) &&
           dz_experiment_at_rest(s->experiment) && s->changes.log_count == 0;
}

/* An experiment that is over may be taken up by another process, or be given more to do. */
static bool ended_again(sim *s)
{
    if (s->restarts == 3) {
        return false;
    }
    s->restarts++;
    if (s->options->budget > 0) {
        change_budget(s);
    }
    if (!commit_and_act(s) || sim_chance(s, 500)) {
        crash(s);
        open_again(s);
    }
    return true;
}
