/*
 * Asks a second for random search through client and host, against a bare nng echo (REQ/REP, one
 * blocking context a client) whose messages have the same sizes, in the same run.
 *
 *   bench_rpc [--short]
 *
 * Each client asks again as soon as it has its answer. Echo and host run in turns of a second, and
 * the medians are compared, because a machine's speed drifts.
 */
#include "table.h"

#include <dozan/client.h>
#include <dozan/host.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 4, MOST_ROUNDS = 9, CALL_MS = 10000, URL_ROOM = 128 };

typedef struct sizes {
    size_t request;
    size_t reply;
} sizes;

/* What the client threads of one measurement share. */
typedef struct load {
    const char *url;
    uint32_t batch;
    sizes echo;
    atomic_bool stop;
    atomic_ulong done;
} load;

typedef struct asker {
    sem_t answered;
    dozan_status status;
} asker;

typedef struct echo_server {
    nng_socket socket;
    size_t reply;
    pthread_t threads[MOST_CLIENTS];
} echo_server;

static const char *const optimizers[] = {"sgd", "adam", "rmsprop"};
static const dozan_parameter parameters[] = {
    {.name = "lr",
     .type = DOZAN_DOUBLE,
     .distribution = DOZAN_LOG_UNIFORM,
     .min = "1e-5",
     .max = "1"},
    {.name = "momentum",
     .type = DOZAN_DOUBLE,
     .distribution = DOZAN_UNIFORM,
     .min = "0.1",
     .max = "0.9"},
    {.name = "layers", .type = DOZAN_INT, .distribution = DOZAN_UNIFORM, .min = "1", .max = "64"},
    {.name = "optimizer",
     .type = DOZAN_CATEGORICAL,
     .distribution = DOZAN_UNIFORM,
     .list = optimizers,
     .list_count = 3}};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_rpc: %s\n", what);
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- the host ------------------------------------------------------------------------------- */

static void on_answer(void *user, dozan_status status, const dozan_ask_reply *reply,
                      const dozan_error *err)
{
    (void)reply;
    (void)err;
    asker *self = user;
    self->status = status;
    (void)sem_post(&self->answered);
}

static void *asking_client(void *arg)
{
    load *work = arg;
    dozan_client *client = NULL;
    if (dozan_client_create(work->url, NULL, &client, NULL) != DOZAN_OK)
        die("no client");
    char uid[64];
    (void)snprintf(uid, sizeof(uid), "bench-%p", (void *)client);
    dozan_experiment experiment = {.uid = uid,
                                   .name = "bench",
                                   .parameters = parameters,
                                   .parameter_count = 4,
                                   .objective_metric = "loss",
                                   .algorithm = "random",
                                   .seed = 1};
    dozan_log_part log = {.uid = uid, .experiment = &experiment};
    asker self;
    (void)sem_init(&self.answered, 0, 0);
    int64_t trial = 1;
    while (!atomic_load_explicit(&work->stop, memory_order_relaxed)) {
        if (dozan_client_ask(client, &log, trial, work->batch, CALL_MS, on_answer, &self, NULL,
                             NULL) != DOZAN_OK)
            die("an ask did not start");
        while (sem_wait(&self.answered) != 0) {
            /* interrupted */
        }
        if (self.status != DOZAN_OK)
            die("an ask failed");
        log.experiment = NULL; /* the host knows it now */
        trial += work->batch;
        (void)atomic_fetch_add_explicit(&work->done, 1, memory_order_relaxed);
    }
    (void)sem_destroy(&self.answered);
    dozan_client_destroy(client);
    return NULL;
}

/* ---- the echo ------------------------------------------------------------------------------- */

static void *echo_thread(void *arg)
{
    echo_server *server = arg;
    nng_ctx context;
    if (nng_ctx_open(&context, server->socket) != 0)
        die("no echo");
    nng_aio *aio = NULL;
    if (nng_aio_alloc(&aio, NULL, NULL) != 0)
        die("no echo");
    for (;;) {
        nng_ctx_recv(context, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio) != 0)
            break;
        nng_msg *message = nng_aio_get_msg(aio);
        if (nng_msg_len(message) > server->reply)
            (void)nng_msg_chop(message, nng_msg_len(message) - server->reply);
        else if (nng_msg_realloc(message, server->reply) != 0)
            die("no memory");
        nng_aio_set_msg(aio, message);
        nng_ctx_send(context, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio) != 0)
            break;
    }
    nng_aio_free(aio);
    return NULL;
}

static void start_echo(echo_server *server, const char *url)
{
    if (nng_rep0_open(&server->socket) != 0 || nng_listen(server->socket, url, NULL, 0) != 0)
        die("no echo");
    for (size_t i = 0; i < MOST_CLIENTS; i++) {
        if (pthread_create(&server->threads[i], NULL, echo_thread, server) != 0)
            die("no thread");
    }
}

static void stop_echo(echo_server *server)
{
    (void)nng_close(server->socket);
    for (size_t i = 0; i < MOST_CLIENTS; i++)
        (void)pthread_join(server->threads[i], NULL);
}

static void *echo_client(void *arg)
{
    load *work = arg;
    nng_socket socket;
    if (nng_req0_open(&socket) != 0 || nng_dial(socket, work->url, NULL, 0) != 0)
        die("no echo client");
    while (!atomic_load_explicit(&work->stop, memory_order_relaxed)) {
        nng_msg *message = NULL;
        if (nng_msg_alloc(&message, work->echo.request) != 0 ||
            nng_sendmsg(socket, message, 0) != 0 || nng_recvmsg(socket, &message, 0) != 0)
            die("an echo failed");
        if (nng_msg_len(message) != work->echo.reply)
            die("an echo has another size");
        nng_msg_free(message);
        (void)atomic_fetch_add_explicit(&work->done, 1, memory_order_relaxed);
    }
    (void)nng_close(socket);
    return NULL;
}

/* ---- measuring ------------------------------------------------------------------------------ */

/* Calls a second of `clients` threads, after a tenth of the time to warm up. */
static double measure(load *work, void *(*client)(void *), size_t clients, double seconds)
{
    pthread_t threads[MOST_CLIENTS];
    atomic_store(&work->stop, false);
    for (size_t i = 0; i < clients; i++) {
        if (pthread_create(&threads[i], NULL, client, work) != 0)
            die("no thread");
    }
    struct timespec pause = {.tv_nsec = (long)(seconds * 1e8)};
    (void)nanosleep(&pause, NULL);
    unsigned long before = atomic_load(&work->done);
    double start = now_s();
    struct timespec whole = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&whole, NULL);
    unsigned long after = atomic_load(&work->done);
    double rate = (double)(after - before) / (now_s() - start);
    atomic_store(&work->stop, true);
    for (size_t i = 0; i < clients; i++)
        (void)pthread_join(threads[i], NULL);
    return rate;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return values[count / 2];
}

/* The sizes of an ask's two messages, as a relay between client and host sees them. */
static sizes sizes_of(uint32_t batch, const char *host_url)
{
    static const char front[] = "inproc://bench-sizes";
    nng_socket relay;
    nng_socket behind;
    sizes seen = {0, 0};
    dozan_client *client = NULL;
    dozan_experiment experiment = {.uid = "bench-0x7f0123456789",
                                   .name = "bench",
                                   .parameters = parameters,
                                   .parameter_count = 4,
                                   .objective_metric = "loss",
                                   .algorithm = "random",
                                   .seed = 1};
    dozan_log_part log = {.uid = experiment.uid, .experiment = &experiment};
    if (nng_rep0_open(&relay) != 0 || nng_listen(relay, front, NULL, 0) != 0 ||
        nng_req0_open(&behind) != 0 || nng_dial(behind, host_url, NULL, 0) != 0 ||
        dozan_client_create(front, NULL, &client, NULL) != DOZAN_OK)
        die("no relay");
    asker self;
    (void)sem_init(&self.answered, 0, 0);
    for (int round = 0; round < 2; round++, log.experiment = NULL) {
        nng_msg *message = NULL;
        if (dozan_client_ask(client, &log, 1000, batch, CALL_MS, on_answer, &self, NULL, NULL) !=
                DOZAN_OK ||
            nng_recvmsg(relay, &message, 0) != 0)
            die("an ask did not start");
        seen.request = nng_msg_len(message);
        if (nng_sendmsg(behind, message, 0) != 0 || nng_recvmsg(behind, &message, 0) != 0)
            die("no answer");
        seen.reply = nng_msg_len(message);
        if (nng_sendmsg(relay, message, 0) != 0)
            die("no answer");
        (void)sem_wait(&self.answered);
        if (self.status != DOZAN_OK)
            die("an ask failed");
    }
    dozan_client_destroy(client);
    (void)nng_close(behind);
    (void)nng_close(relay);
    (void)sem_destroy(&self.answered);
    return seen;
}

static void compare(const char *transport, const char *host_url, const char *echo_url,
                    uint32_t batch, size_t clients, bool brief)
{
    const size_t rounds = brief ? 1 : 5;
    const double seconds = brief ? 0.1 : 1.0;
    double asks[MOST_ROUNDS];
    double echoes[MOST_ROUNDS];
    load work = {.batch = batch, .echo = sizes_of(batch, host_url)};
    echo_server server = {.reply = work.echo.reply};
    start_echo(&server, echo_url);
    for (size_t i = 0; i < rounds; i++) {
        work.url = echo_url;
        echoes[i] = measure(&work, echo_client, clients, seconds);
        work.url = host_url;
        asks[i] = measure(&work, asking_client, clients, seconds);
    }
    stop_echo(&server);
    double ask_rate = median(asks, rounds);
    double echo_rate = median(echoes, rounds);
    (void)printf("%-8s %5u %8zu %8zu %8zu %10.0f %12.0f %10.0f %6.2f\n", transport, batch, clients,
                 work.echo.request, work.echo.reply, ask_rate, ask_rate * batch, echo_rate,
                 ask_rate / echo_rate);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const uint32_t batches[] = {1, 32};
    static const size_t clients[] = {1, MOST_CLIENTS};
    dozan_algorithms_init();
    bool brief = argc > 1 && strcmp(argv[1], "--short") == 0;
    char ipc[2][URL_ROOM];
    for (size_t i = 0; i < 2; i++)
        (void)snprintf(ipc[i], URL_ROOM, "ipc:///tmp/dozan-bench-%ld-%zu.sock", (long)getpid(), i);
    const char *const urls[2][3] = {{"inproc", "inproc://bench-host", "inproc://bench-echo"},
                                    {"ipc", ipc[0], ipc[1]}};
    (void)printf("%-8s %5s %8s %8s %8s %10s %12s %10s %6s\n", "over", "batch", "clients", "req B",
                 "reply B", "asks/s", "trials/s", "echoes/s", "ratio");
    for (size_t i = 0; i < 2; i++) {
        dozan_host *host = NULL;
        dozan_error err = {.code = DOZAN_OK};
        if (dozan_host_create(urls[i][1], dozan_algorithms_table(), NULL, &host, &err) != DOZAN_OK)
            die(err.message);
        for (size_t b = 0; b < 2; b++) {
            for (size_t c = 0; c < 2; c++)
                compare(urls[i][0], urls[i][1], urls[i][2], batches[b], clients[c], brief);
        }
        dozan_host_destroy(host);
    }
    return EXIT_SUCCESS;
}
