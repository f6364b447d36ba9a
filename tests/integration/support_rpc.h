/*
 * What the tests of client and host share: algorithms whose asks can be held, an experiment, a box
 * that a call's result lands in, and addresses.
 */
#ifndef DZ_SUPPORT_RPC_H
#define DZ_SUPPORT_RPC_H

#include <dozan/client.h>
#include <dozan/host.h>

#include <pthread.h>

/* "steady" answers at once with the middle of the space; "gated" does too, but not before its gate
 * is open. */
extern const dozan_algorithm *const rpc_algorithms[];

void rpc_gate_close(void);
void rpc_gate_open(void);
void rpc_wait_for_gated_asks(unsigned count); /* until that many wait at the gate */
unsigned rpc_gated_asks(void);                /* begun since the gate was closed */

/* Where a call's result lands: the callback fills it in, rpc_wait waits for it. */
typedef struct rpc_box {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned times; /* that the callback ran */
    dozan_status status;
    dozan_error err;
    bool stale;
    bool unknown_experiment;
    int64_t applied_seq;
    size_t suggestions;
    char value[32]; /* of the first assignment */
} rpc_box;

void rpc_box_init(rpc_box *box);
void rpc_box_fini(rpc_box *box);
dozan_status rpc_wait(rpc_box *box); /* aborts the test after a minute */
unsigned rpc_times(rpc_box *box);

/* The part of a log with no events, with the experiment in it. Constant data, by uid. */
dozan_log_part rpc_log(const char *uid, const dozan_experiment *experiment);
dozan_experiment rpc_experiment(const char *uid, const char *algorithm);

/* Starts an ask for one trial of a new experiment; fails the test if it does not start. */
dozan_call *rpc_start_ask(dozan_client *client, const char *uid, const char *algorithm,
                          uint32_t timeout_ms, rpc_box *box);
/* The same, and waits. */
dozan_status rpc_ask(dozan_client *client, const char *uid, const char *algorithm,
                     uint32_t timeout_ms, rpc_box *box);

/* A loopback port that nobody listens on just now. */
unsigned rpc_free_port(void);

/* Starts, or fails the test. */
dozan_host *rpc_host(const char *url, const dozan_host_options *options);
dozan_client *rpc_client(const char *url, const dozan_client_options *options);

#endif
