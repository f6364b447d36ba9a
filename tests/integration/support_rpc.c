#include "support_rpc.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;
    unsigned waiting;
    unsigned begun;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct timespec in_a_minute(void)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 60;
    return end;
}

void rpc_gate_close(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = true;
    gate.begun = 0;
    pthread_mutex_unlock(&gate.lock);
}

void rpc_gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = false;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

void rpc_wait_for_gated_asks(unsigned count)
{
    struct timespec end = in_a_minute();
    int number = 0;
    pthread_mutex_lock(&gate.lock);
    while (gate.waiting < count && number == 0)
        number = pthread_cond_timedwait(&gate.changed, &gate.lock, &end);
    pthread_mutex_unlock(&gate.lock);
    assert_int_equal(number, 0);
}

unsigned rpc_gated_asks(void)
{
    pthread_mutex_lock(&gate.lock);
    unsigned begun = gate.begun;
    pthread_mutex_unlock(&gate.lock);
    return begun;
}

static dozan_status steady_ask(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                               dozan_answer *answer, dozan_error *err)
{
    (void)self;
    (void)ask;
    (void)err;
    for (size_t i = 0; i < dozan_space_dimensions(problem->space); i++)
        answer->point[i] = 0.5;
    answer->repeat_ok = true;
    return DOZAN_OK;
}

static dozan_status gated_ask(const void *self, const dozan_problem *problem, const dozan_ask *ask,
                              dozan_answer *answer, dozan_error *err)
{
    pthread_mutex_lock(&gate.lock);
    gate.begun++;
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (gate.closed)
        pthread_cond_wait(&gate.changed, &gate.lock);
    gate.waiting--;
    pthread_mutex_unlock(&gate.lock);
    return steady_ask(self, problem, ask, answer, err);
}

static const dozan_algorithm steady = {.abi = DOZAN_ALGORITHM_ABI,
                                       .name = "steady",
                                       .traits = DOZAN_MAY_REPEAT,
                                       .summary = "Answers the middle",
                                       .reference = "",
                                       .limits = "",
                                       .ask = steady_ask};
static const dozan_algorithm gated = {.abi = DOZAN_ALGORITHM_ABI,
                                      .name = "gated",
                                      .traits = DOZAN_MAY_REPEAT,
                                      .summary = "Answers when its gate is open",
                                      .reference = "",
                                      .limits = "",
                                      .ask = gated_ask};
const dozan_algorithm *const rpc_algorithms[] = {&steady, &gated, NULL};

void rpc_box_init(rpc_box *box)
{
    memset(box, 0, sizeof(*box));
    pthread_mutex_init(&box->lock, NULL);
    pthread_cond_init(&box->changed, NULL);
}

void rpc_box_fini(rpc_box *box)
{
    pthread_cond_destroy(&box->changed);
    pthread_mutex_destroy(&box->lock);
}

dozan_status rpc_wait(rpc_box *box)
{
    struct timespec end = in_a_minute();
    int number = 0;
    pthread_mutex_lock(&box->lock);
    while (box->times == 0 && number == 0)
        number = pthread_cond_timedwait(&box->changed, &box->lock, &end);
    dozan_status status = box->status;
    pthread_mutex_unlock(&box->lock);
    assert_int_equal(number, 0);
    return status;
}

unsigned rpc_times(rpc_box *box)
{
    pthread_mutex_lock(&box->lock);
    unsigned times = box->times;
    pthread_mutex_unlock(&box->lock);
    return times;
}

static void on_ask(void *user, dozan_status status, const dozan_ask_reply *reply,
                   const dozan_error *err)
{
    rpc_box *box = user;
    pthread_mutex_lock(&box->lock);
    box->times++;
    box->status = status;
    box->err = *err;
    if (status == DOZAN_OK) {
        box->stale = reply->stale;
        box->unknown_experiment = reply->unknown_experiment;
        box->applied_seq = reply->applied_seq;
        box->suggestions = reply->suggestion_count;
        if (reply->suggestion_count > 0)
            (void)snprintf(box->value, sizeof(box->value), "%s",
                           reply->suggestions[0].assignments[0].value);
    }
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

dozan_experiment rpc_experiment(const char *uid, const char *algorithm)
{
    static const dozan_parameter parameter = {
        .name = "x", .type = DOZAN_DOUBLE, .distribution = DOZAN_UNIFORM, .min = "0", .max = "1"};
    return (dozan_experiment){.uid = uid,
                              .name = "test",
                              .parameters = &parameter,
                              .parameter_count = 1,
                              .objective_metric = "loss",
                              .algorithm = algorithm,
                              .parallel_trials = 1,
                              .seed = 1};
}

dozan_log_part rpc_log(const char *uid, const dozan_experiment *experiment)
{
    return (dozan_log_part){.uid = uid, .experiment = experiment};
}

dozan_call *rpc_start_ask(dozan_client *client, const char *uid, const char *algorithm,
                          uint32_t timeout_ms, rpc_box *box)
{
    dozan_experiment experiment = rpc_experiment(uid, algorithm);
    dozan_log_part log = rpc_log(uid, &experiment);
    dozan_call *call = NULL;
    dozan_error err = {.code = DOZAN_OK};
    if (dozan_client_ask(client, &log, 1, 1, timeout_ms, on_ask, box, &call, &err) != DOZAN_OK)
        fail_msg("the ask did not start: %s", err.message);
    return call;
}

dozan_status rpc_ask(dozan_client *client, const char *uid, const char *algorithm,
                     uint32_t timeout_ms, rpc_box *box)
{
    (void)rpc_start_ask(client, uid, algorithm, timeout_ms, box);
    return rpc_wait(box);
}

unsigned rpc_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

dozan_host *rpc_host(const char *url, const dozan_host_options *options)
{
    dozan_host *host = NULL;
    dozan_error err = {.code = DOZAN_OK};
    if (dozan_host_create(url, rpc_algorithms, options, &host, &err) != DOZAN_OK)
        fail_msg("%s: %s", url, err.message);
    return host;
}

dozan_client *rpc_client(const char *url, const dozan_client_options *options)
{
    dozan_client *client = NULL;
    dozan_error err = {.code = DOZAN_OK};
    if (dozan_client_create(url, options, &client, &err) != DOZAN_OK)
        fail_msg("%s: %s", url, err.message);
    return client;
}
