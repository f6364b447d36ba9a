/*
 * The lease runner: trials that users run themselves. Nothing is started here. A trial waits until
 * a worker takes it on a lease, which the worker renews while it lives; one that is not renewed in
 * time is lost, and the trial runs again as another attempt.
 *
 * The attempt is the fencing token: it grows with each lease of a trial, and each attempt is leased
 * once. What a worker says with an older one is refused (ABORTED), so a worker that was thought
 * dead cannot spoil the result of the one that followed it.
 *
 * The loop says when a lease begins, after it has committed that the trial runs. Of an adopted
 * trial that runs already the loop begins a whole lease anew. A call costs O(1); a thread looks
 * over all leases four times a second.
 */
#ifndef DZ_RUNNERS_LEASE_H
#define DZ_RUNNERS_LEASE_H

#include "runners/runner.h"

enum { DZ_LEASE_MIN_MS = 1000, DZ_LEASE_MAX_MS = 24 * 3600 * 1000 };

extern const dz_runner_ops dz_runner_lease;

/* Begins the lease of a job that was started or adopted. NOT_FOUND: there is no such job (any
 * more). `self` is what dz_runner_lease.create made; all of these may be called from any thread. */
DOZAN_MUST_USE dozan_status dz_lease_begin(void *self, const dz_job_id *id, int64_t lease_ms,
                                           dozan_error *err);

/* A worker lives: its lease begins anew. ABORTED: the lease has ended, or belongs to another
 * attempt; the worker has to drop the trial. */
DOZAN_MUST_USE dozan_status dz_lease_renew(void *self, const dz_job_id *id, dozan_error *err);

/* Lets go of a job whose end the caller has from the worker itself: no `ended` comes. ABORTED as
 * for a renewal. */
DOZAN_MUST_USE dozan_status dz_lease_take_back(void *self, const dz_job_id *id, dozan_error *err);

#endif
