/*
 * The time of one ask with a long history, in 10 dimensions, for each search algorithm: in process
 * (a session), and whole, over ipc, through client and host.
 *
 *   bench_ask [--short] [--json]      --json: for ask_peers.py, which sets the peers beside it
 *
 * The history is a fixed function of the trial's number (see `history_point`), so that peers can be
 * given the same. It is told in one piece first, which gives the time of a tell. The first ask
 * includes what an algorithm puts off until it is asked, such as a fit; then each ask has one more
 * result to take in, as in a running experiment, and the median of those counts.
 */
#include "arena.h"
#include "session.h"
#include "table.h"

#include <dozan/client.h>
#include <dozan/host.h>
#include <math.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DIMENSIONS = 10, ASKS = 21, TIMEOUT_MS = 120000 };

typedef struct value_text {
    char text[DOZAN_VALUE_TEXT];
} value_text;

/* A log with room for all that a run needs. */
typedef struct event_log {
    dozan_parameter parameters[DIMENSIONS];
    dozan_experiment experiment;
    dozan_log_event *events;
    size_t count;
    dozan_pair *pairs; /* [trials][DIMENSIONS] */
    value_text *texts; /* [trials][DIMENSIONS] */
    int64_t trials;
    dz_arena arena; /* labels */
} event_log;

typedef struct timing {
    double tell_us; /* of one trial, when the history is told in one piece */
    double first_ms;
    double median_ms;
} timing;

/* One ask, in process or over ipc: tells the session or the host what is new, and returns the
 * suggestion. */
typedef struct asker {
    dz_session *session;
    dozan_client *client;
    size_t told;
    dz_arena arena;
    sem_t done;
    event_log *log;
    dozan_status status;
} asker;

static const char *const names[DIMENSIONS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

static _Noreturn void die(const char *what, const dozan_error *err)
{
    char text[512] = "";
    if (err != NULL) {
        dozan_error_text(err, text, sizeof(text));
    }
    (void)fprintf(stderr, "bench_ask: %s: %s\n", what, text);
    exit(1); /* NOLINT(concurrency-mt-unsafe) */
}

static double now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        die("no clock", NULL);
    }
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* ---- the history
 * --------------------------------------------------------------------------------------------- */

/* Coordinate d of trial n: a Kronecker sequence, cut to 4 decimals (to the grid's levels with
 * `steps`). */
static double history_point(int64_t n, size_t d, bool steps)
{
    double u = fmod((double)n * sqrt((double)(d + 2)), 1.0);
    return steps ? floor(u * 20) / 20 : floor(u * 10000) / 10000;
}

static double loss_of(const dozan_pair *pairs)
{
    double sum = 0;
    for (size_t d = 0; d < DIMENSIONS; d++) {
        double value = 0;
        if (!dozan_number_parse(pairs[d].value, false, &value)) {
            die("a value that is no number", NULL);
        }
        sum += (value - 0.3) * (value - 0.3) * (double)(d + 1);
    }
    return sum;
}

static void open_log(event_log *log, const dozan_algorithm *algorithm, size_t capacity)
{
    bool steps = strcmp(algorithm->name, "grid") == 0;
    *log = (event_log){.events = calloc(2 * capacity, sizeof(*log->events)),
                       .pairs = calloc(capacity * DIMENSIONS, sizeof(*log->pairs)),
                       .texts = calloc(capacity * DIMENSIONS, sizeof(*log->texts))};
    if (log->events == NULL || log->pairs == NULL || log->texts == NULL) {
        die("no memory", NULL);
    }
    for (size_t d = 0; d < DIMENSIONS; d++) {
        log->parameters[d] = (dozan_parameter){.name = names[d],
                                               .type = DOZAN_DOUBLE,
                                               .distribution = DOZAN_UNIFORM,
                                               .min = "0",
                                               .max = "1",
                                               .step = steps ? "0.05" : NULL};
    }
    log->experiment = (dozan_experiment){.uid = "bench",
                                         .name = "bench",
                                         .parameters = log->parameters,
                                         .parameter_count = DIMENSIONS,
                                         .objective_metric = "loss",
                                         .algorithm = algorithm->name,
                                         .parallel_trials = 1,
                                         .seed = 1};
}

static void close_log(event_log *log)
{
    free(log->events);
    free(log->pairs);
    free(log->texts);
    dz_arena_fini(&log->arena);
}

static dozan_log_event *add_event(event_log *log, dozan_event_kind kind)
{
    dozan_log_event *event = &log->events[log->count++];
    *event = (dozan_log_event){.seq = (int64_t)log->count, .kind = kind, .trial = log->trials};
    return event;
}

/* Logs a trial as asked and completed; its values are in its row of pairs. */
static void add_trial(event_log *log, const dozan_pair *labels, size_t label_count)
{
    dozan_pair *pairs = log->pairs + (size_t)log->trials * DIMENSIONS;
    log->trials++;
    dozan_log_event *asked = add_event(log, DOZAN_EVENT_ASKED);
    asked->assignments = pairs;
    asked->assignment_count = DIMENSIONS;
    asked->labels = labels;
    asked->label_count = label_count;
    dozan_log_event *completed = add_event(log, DOZAN_EVENT_COMPLETED);
    completed->has_value = true;
    completed->value = loss_of(pairs);
}

static dozan_pair *fill_row(event_log *log, size_t d, const char *text)
{
    size_t at = (size_t)log->trials * DIMENSIONS + d;
    (void)snprintf(log->texts[at].text, DOZAN_VALUE_TEXT, "%s", text);
    log->pairs[at] = (dozan_pair){names[d], log->texts[at].text};
    return &log->pairs[at];
}

static void fill_history(event_log *log, int64_t trials)
{
    while (log->trials < trials) {
        for (size_t d = 0; d < DIMENSIONS; d++) {
            char text[DOZAN_VALUE_TEXT];
            dozan_number_text(history_point(log->trials + 1, d, log->parameters[d].step != NULL),
                              text);
            (void)fill_row(log, d, text);
        }
        add_trial(log, NULL, 0);
    }
}

/* Logs a suggestion, with its result. */
static void take_suggestion(event_log *log, const dozan_suggestion *suggestion)
{
    dozan_pair *labels = dz_arena_array(&log->arena, suggestion->label_count, sizeof(*labels));
    if (labels == NULL) {
        die("no memory", NULL);
    }
    for (size_t i = 0; i < suggestion->label_count; i++) {
        labels[i] = (dozan_pair){dz_arena_text(&log->arena, suggestion->labels[i].name),
                                 dz_arena_text(&log->arena, suggestion->labels[i].value)};
    }
    for (size_t d = 0; d < DIMENSIONS; d++) {
        (void)fill_row(log, d, suggestion->assignments[d].value);
    }
    add_trial(log, labels, suggestion->label_count);
}

/* ---- asking
 * --------------------------------------------------------------------------------------------------
 */

static dozan_log_part part_of(const event_log *log, size_t since)
{
    return (dozan_log_part){.uid = "bench",
                            .experiment = since == 0 ? &log->experiment : NULL,
                            .since_seq = (int64_t)since,
                            .to_seq = (int64_t)log->count,
                            .events = log->events + since,
                            .event_count = log->count - since};
}

static void on_reply(void *user, dozan_status status, const dozan_ask_reply *reply,
                     const dozan_error *err)
{
    asker *self = user;
    (void)err;
    self->status = status;
    if (status == DOZAN_OK && reply->suggestion_count == 1) {
        take_suggestion(self->log, &reply->suggestions[0]);
    } else {
        self->status = DOZAN_INTERNAL;
    }
    (void)sem_post(&self->done);
}

/* Asks once with all of the log told, logs the suggestion with its result, and returns the
 * milliseconds it took. */
static double ask_once(asker *self)
{
    event_log *log = self->log;
    dozan_log_part part = part_of(log, self->told);
    dozan_error err = {0};
    self->told = log->count;
    if (self->client != NULL) {
        double start = now_ms();
        if (dozan_client_ask(self->client, &part, log->trials + 1, 1, TIMEOUT_MS, on_reply, self,
                             NULL, &err) != DOZAN_OK) {
            die("ask over ipc", &err);
        }
        while (sem_wait(&self->done) != 0) {
        }
        double took = now_ms() - start;
        if (self->status != DOZAN_OK) {
            die("no suggestion over ipc", NULL);
        }
        return took;
    }
    bool stale = false;
    dozan_ask_reply reply;
    double start = now_ms();
    if (dz_session_apply(self->session, &part, &stale, &err) != DOZAN_OK || stale ||
        dz_session_ask(self->session, log->trials + 1, 1, &self->arena, &reply, &err) != DOZAN_OK ||
        reply.suggestion_count != 1) {
        die("ask in process", &err);
    }
    double took = now_ms() - start;
    take_suggestion(log, &reply.suggestions[0]);
    return took;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The time of the first ask, told the whole history before it, and the median of the next ones. */
static timing time_asks(const dozan_algorithm *algorithm, int64_t trials, dozan_client *client)
{
    event_log log;
    dozan_error err = {0};
    open_log(&log, algorithm, (size_t)trials + ASKS + 1);
    fill_history(&log, trials);
    asker self = {.client = client, .log = &log};
    if (sem_init(&self.done, 0, 0) != 0 ||
        dz_session_create(algorithm, &log.experiment, &self.session, &err) != DOZAN_OK) {
        die("session", &err);
    }
    timing result = {.tell_us = 0};
    if (client == NULL) { /* over ipc, the first ask carries the history */
        bool stale = false;
        dozan_log_part part = part_of(&log, 0);
        double start = now_ms();
        if (dz_session_apply(self.session, &part, &stale, &err) != DOZAN_OK) {
            die("history", &err);
        }
        result.tell_us = 1e3 * (now_ms() - start) / (double)trials;
        self.told = log.count;
    }
    result.first_ms = ask_once(&self);
    double times[ASKS];
    for (size_t i = 0; i < ASKS; i++) {
        times[i] = ask_once(&self);
    }
    qsort(times, ASKS, sizeof(times[0]), compare_doubles);
    result.median_ms = times[ASKS / 2];
    if (client != NULL && dozan_client_release(client, "bench", TIMEOUT_MS, &err) != DOZAN_OK) {
        die("release", &err);
    }
    dz_session_destroy(self.session);
    dz_arena_fini(&self.arena);
    (void)sem_destroy(&self.done);
    close_log(&log);
    return result;
}

static void print_row(const dozan_algorithm *algorithm, int64_t trials, dozan_client *client,
                      bool json, bool first)
{
    timing inside = time_asks(algorithm, trials, NULL);
    timing whole = time_asks(algorithm, trials, client);
    if (json) {
        (void)printf("%s\n  {\"algorithm\": \"%s\", \"trials\": %lld, \"tell_us\": %.3f, "
                     "\"first_ms\": %.4f, "
                     "\"ask_ms\": %.4f, \"ipc_ms\": %.4f}",
                     first ? "" : ",", algorithm->name, (long long)trials, inside.tell_us,
                     inside.first_ms, inside.median_ms, whole.median_ms);
    } else {
        (void)printf(
            "%-22s %8lld trials: %9.3f ms in process (first ask %9.3f), %9.3f ms over ipc, a tell "
            "%7.2f us\n",
            algorithm->name, (long long)trials, inside.median_ms, inside.first_ms, whole.median_ms,
            inside.tell_us);
    }
    (void)fflush(stdout);
}

/* The multi-fidelity ones need a resource parameter, and none of their asks looks at the history's
 * points: there is nothing to compare. */
static bool is_measured(const dozan_algorithm *algorithm)
{
    for (size_t i = 0; i < algorithm->setting_count; i++)
        if (algorithm->settings[i].required)
            return false;
    return algorithm->kind == DOZAN_KIND_SEARCH;
}

int main(int argc, char **argv)
{
    bool json = false;
    int64_t sizes[] = {1000, 10000, 100000};
    for (int i = 1; i < argc; i++) {
        json |= strcmp(argv[i], "--json") == 0;
        if (strcmp(argv[i], "--short") == 0) {
            sizes[0] = 50;
            sizes[1] = 200;
            sizes[2] = 800;
        }
    }
    char directory[] = "/tmp/dozan-bench-XXXXXX";
    char url[64];
    dozan_error err = {0};
    dozan_host *host = NULL;
    dozan_client *client = NULL;
    const dozan_host_options host_options = {.workers = 1};
    const dozan_client_options client_options = {0};
    dozan_algorithms_init();
    if (mkdtemp(directory) == NULL) {
        die("no temporary directory", NULL);
    }
    (void)snprintf(url, sizeof(url), "ipc://%s/host", directory);
    if (dozan_host_create(url, dozan_algorithms_table(), &host_options, &host, &err) != DOZAN_OK ||
        dozan_client_create(url, &client_options, &client, &err) != DOZAN_OK) {
        die("host", &err);
    }
    bool first = true;
    (void)printf("%s", json ? "[" : "");
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (const dozan_algorithm *const *entry = dozan_algorithms_table(); *entry != NULL;
             entry++) {
            if (is_measured(*entry)) {
                print_row(*entry, sizes[s], client, json, first);
                first = false;
            }
        }
    }
    (void)printf("%s", json ? "\n]\n" : "");
    dozan_client_destroy(client);
    dozan_host_destroy(host);
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/host", directory);
    (void)unlink(path);
    (void)rmdir(directory);
    return 0;
}
