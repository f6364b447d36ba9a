/*
 * The host's worker threads and their queue of jobs. The queue needs no bound of its own: the host
 * admits a bounded number of jobs.
 */
#ifndef DZ_RPC_WORKERS_H
#define DZ_RPC_WORKERS_H

#include "rpc_service.h"

typedef struct dz_workers dz_workers;

/* Takes the job; may push others. */
typedef void dz_work(void *context, dz_job *job);

DOZAN_MUST_USE dozan_status dz_workers_create(size_t count, dz_work *work, void *context,
                                              dz_workers **workers, dozan_error *err);

/* Works off what is queued, waits for the threads, and frees. Nobody but a worker may push any
 * more. Takes NULL. */
void dz_workers_destroy(dz_workers *workers);

void dz_workers_push(dz_workers *workers, dz_job *job);

#endif
