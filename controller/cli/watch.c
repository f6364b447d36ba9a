/*
 * `dozan watch NAME`.
 */
#include "cli/watch.h"

#include "cli/text.h"
#include "spec/units.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = 65536, TIME_TEXT = 16 };

/* A trial that has not ended, and what was printed of it last. */
typedef struct seen {
    char *name;
    char state[32], value[64];
} seen;

typedef struct watching {
    dz_cli *cli;
    bool prints;
    bool json; /* the objects, one a line */
    int status;
    bool rests; /* the end was seen */
    /* Trials come by another stream: their ends may come after that of the experiment. */
    int64_t ended_before, ended_at_rest, told;
    bool begun;
    char state[32];
    char best[256];
    seen *trials;
    size_t count;
} watching;

static bool visit(void *user, const dz_followed *followed);
static int64_t ended_trials(const cJSON *experiment);
static void tell_experiment(watching *all, const cJSON *experiment);
static void tell_trial(watching *all, const dz_followed *followed);
static void put_trial(watching *all, const cJSON *trial, const char *value);
static void put_json(watching *all, const cJSON *object);
static void put_line(watching *all, dozan_buf *line);
static seen *find(watching *all, const char *name);
static void forget(watching *all, seen *trial);
static bool keep(char *kept, size_t size, const char *text);
static const char *metric_of(const cJSON *objective);
static const char *value_of(const cJSON *observation, const cJSON *objective);
static const cJSON *part(const cJSON *object, const char *name);

int dz_cli_watch(dz_cli *cli)
{
    int status = DZ_EXIT_FAILED;
    int64_t limit_ms = cli->options.timeout_ms;
    dz_subject subject;
    dz_client *client = dz_remote_client(cli, &status);
    if (client == NULL)
        return status;
    int interrupt = dz_remote_signals();
    status = dz_remote_subject(cli, &subject);
    if (status == DZ_EXIT_SUCCEEDED)
        status = dz_watch_to_end(cli, client, &subject, true, interrupt,
                                 limit_ms > 0 ? dz_client_clock() + limit_ms : INT64_MAX);
    dz_remote_release(interrupt);
    dz_client_destroy(client);
    return status;
}

int dz_watch_to_end(dz_cli *cli, dz_client *client, const dz_subject *subject, bool prints,
                    int interrupt, int64_t until_ms)
{
    watching all = {.cli = cli, .prints = prints, .status = DZ_EXIT_FAILED};
    dz_follow_end end = DZ_FOLLOW_ENOUGH;
    dozan_error err = {0};
    all.json = cli->options.output == DZ_OUTPUT_JSON;
    dz_follow follow = {.cli = cli,
                        .client = client,
                        .subject = *subject,
                        .with_trials = prints,
                        .interrupt = interrupt,
                        .until_ms = until_ms,
                        .visit = visit,
                        .user = &all};
    int status = DZ_EXIT_FAILED;
    if (dz_follow_run(&follow, &end, &err) != DOZAN_OK)
        status = dz_cli_fail(cli, &err);
    else if (end == DZ_FOLLOW_INTERRUPTED)
        status = DZ_EXIT_INTERRUPTED;
    else if (end == DZ_FOLLOW_LATE)
        status = dz_cli_failf(cli, DOZAN_DEADLINE_EXCEEDED, "%s has not ended within the time",
                              subject->name);
    else if (end == DZ_FOLLOW_DELETED || !all.rests)
        status = dz_cli_failf(cli, DOZAN_UNAVAILABLE, "%s was deleted", subject->name);
    else
        status = all.status;
    while (all.count > 0)
        forget(&all, &all.trials[0]);
    free(all.trials);
    return status;
}

static bool visit(void *user, const dz_followed *followed)
{
    watching *all = user;
    if (all->prints && all->json)
        put_json(all, followed->object);
    else if (all->prints && followed->trial && !followed->deleted)
        tell_trial(all, followed);
    else if (all->prints && !followed->trial && !followed->deleted)
        tell_experiment(all, followed->object);
    if (followed->trial && !followed->subject)
        all->told += followed->deleted || dz_follow_rests(followed->object, true);
    if (followed->subject && !followed->deleted) {
        int64_t ended = ended_trials(followed->object);
        if (!all->begun || followed->again) {
            all->ended_before = ended;
            all->told = 0;
        }
        all->begun = true;
        all->rests = dz_follow_rests(followed->object, followed->trial);
        all->ended_at_rest = ended;
        all->status = dz_follow_status(followed->object, followed->trial);
    }
    if (followed->subject && followed->deleted)
        return false;
    return !all->rests || (all->prints && all->ended_at_rest - all->ended_before > all->told);
}

/* How many of an experiment's trials have ended, as its status says. */
static int64_t ended_trials(const cJSON *experiment)
{
    static const char *const counters[] = {"trialsSucceeded", "trialsFailed", "trialsKilled",
                                           "trialsEarlyStopped", "trialMetricsUnavailable"};
    const cJSON *status = part(experiment, "status");
    double sum = 0;
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        const cJSON *counter = part(status, counters[i]);
        sum += cJSON_IsNumber(counter) ? counter->valuedouble : 0;
    }
    return (int64_t)sum;
}

/* Its state, when that is another, and its best trial likewise. */
static void tell_experiment(watching *all, const cJSON *experiment)
{
    dz_remote_state state = dz_remote_state_of(experiment);
    const cJSON *objective = part(part(experiment, "spec"), "objective");
    const cJSON *best = part(part(experiment, "status"), "currentOptimalTrial");
    const char *name = dz_remote_text(best, "bestTrialName");
    dozan_buf line;
    dozan_buf_init(&line, LINE_MAX_BYTES);
    if (*name != '\0' && keep(all->best, sizeof(all->best), name)) {
        dozan_buf_printf(&line, "best trial %s %s=%s", name, metric_of(objective),
                         value_of(part(best, "observation"), objective));
        put_line(all, &line);
    }
    if (keep(all->state, sizeof(all->state), state.type)) {
        dozan_buf_printf(&line, "experiment %s %s%s%s",
                         dz_remote_text(part(experiment, "metadata"), "name"), state.type,
                         *state.message != '\0' ? ": " : "", state.message);
        put_line(all, &line);
    }
    dozan_buf_fini(&line);
}

/* A trial of many tells its states; one that is followed alone, each value. */
static void tell_trial(watching *all, const dz_followed *followed)
{
    const cJSON *trial = followed->object;
    const char *name = dz_remote_text(part(trial, "metadata"), "name");
    const char *type = dz_remote_state_of(trial).type;
    const char *value = value_of(part(part(trial, "status"), "observation"),
                                 part(part(trial, "spec"), "objective"));
    seen *known = find(all, name);
    if (known == NULL)
        return; /* no memory: what is not told is in `dozan get trials` */
    bool other = keep(known->state, sizeof(known->state), type);
    other = (keep(known->value, sizeof(known->value), value) && followed->subject) || other;
    if (other)
        put_trial(all, trial, value);
    if (dz_follow_rests(trial, true))
        forget(all, known);
}

static void put_trial(watching *all, const cJSON *trial, const char *value)
{
    dz_remote_state state = dz_remote_state_of(trial);
    const cJSON *spec = part(trial, "spec"), *item = NULL;
    dozan_buf line;
    dozan_buf_init(&line, LINE_MAX_BYTES);
    dozan_buf_printf(&line, "trial %s %s", dz_remote_text(part(trial, "metadata"), "name"),
                     state.type);
    if (*value != '\0')
        dozan_buf_printf(&line, " %s=%s", metric_of(part(spec, "objective")), value);
    const char *between = ": ";
    cJSON_ArrayForEach(item, part(spec, "parameterAssignments"))
    {
        dozan_buf_printf(&line, "%s%s=%s", between, dz_remote_text(item, "name"),
                         dz_remote_text(item, "value"));
        between = " ";
    }
    if (strcmp(state.type, "Succeeded") != 0 && strcmp(state.type, "Running") != 0 &&
        *state.message != '\0')
        dozan_buf_printf(&line, "; %s", state.message);
    put_line(all, &line);
    dozan_buf_fini(&line);
}

static void put_json(watching *all, const cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    if (text != NULL)
        (void)fprintf(all->cli->out, "%s\n", text);
    (void)fflush(all->cli->out);
    cJSON_free(text);
}

/* With the time of day before it; empties it. What comes from trials must not steer a terminal. */
static void put_line(watching *all, dozan_buf *line)
{
    char time_of_day[TIME_TEXT] = "";
    time_t now = time(NULL);
    struct tm parts;
    dozan_buf shown;
    dozan_buf_init(&shown, LINE_MAX_BYTES);
    if (localtime_r(&now, &parts) != NULL)
        (void)strftime(time_of_day, sizeof(time_of_day), "%H:%M:%S", &parts);
    if (line->data != NULL)
        dz_text_fit(&shown, line->data, SIZE_MAX);
    (void)fprintf(all->cli->out, "%s %s\n", time_of_day, shown.data != NULL ? shown.data : "");
    (void)fflush(all->cli->out);
    dozan_buf_fini(&shown);
    dozan_buf_clear(line);
}

/* ---- what was told ---- */

static seen *find(watching *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->trials[i].name, name) == 0)
            return &all->trials[i];
    seen *grown = reallocarray(all->trials, all->count + 1, sizeof(*grown));
    if (grown == NULL)
        return NULL;
    all->trials = grown;
    grown[all->count] = (seen){.name = strdup(name)};
    return grown[all->count].name != NULL ? &grown[all->count++] : NULL;
}

static void forget(watching *all, seen *trial)
{
    free(trial->name);
    *trial = all->trials[--all->count];
}

/* Whether it is another than what was kept. */
static bool keep(char *kept, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    if (strlen(kept) == length && strncmp(kept, text, length) == 0)
        return false;
    memcpy(kept, text, length);
    kept[length] = '\0';
    return true;
}

/* ---- the objective ---- */

static const char *metric_of(const cJSON *objective)
{
    return dz_remote_text(objective, "objectiveMetricName");
}

/* Its value by its strategy, "" while there is none. */
static const char *value_of(const cJSON *observation, const cJSON *objective)
{
    const char *name = metric_of(objective), *strategy = "latest";
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, part(objective, "metricStrategies"))
    {
        if (strcmp(dz_remote_text(item, "name"), name) == 0)
            strategy = dz_remote_text(item, "value");
    }
    cJSON_ArrayForEach(item, part(observation, "metrics"))
    {
        if (strcmp(dz_remote_text(item, "name"), name) != 0)
            continue;
        const char *value = dz_remote_text(item, strategy);
        return strcmp(value, "unavailable") != 0 ? value : dz_remote_text(item, "latest");
    }
    return "";
}

static const cJSON *part(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}
