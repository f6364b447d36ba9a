/*
 * The inside of the DBManager: db_manager.c has the server, its queue and its workers,
 * db_manager_methods.c what each method does.
 */
#ifndef DZ_API_DB_MANAGER_PARTS_H
#define DZ_API_DB_MANAGER_PARTS_H

#include "api/db_manager.h"
#include "store/store.h"

#include <dozan/db_manager.h>
#include <dozan/grpc.h>
#include <pthread.h>

enum { DB_WORKERS = 8 };

typedef struct db_job {
    struct db_job *prev, *next;
    dozan_grpc_call *call;
} db_job;

typedef struct db_worker {
    dz_db_manager *manager;
    pthread_t thread;
    dz_store *store; /* its own, to read with; opened by the first call that needs it */
} db_worker;

struct dz_db_manager {
    dz_db_manager_config config;
    dozan_grpc_server *server;
    char address[300];
    db_worker workers[DB_WORKERS];
    size_t worker_count;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    db_job *queue;
    bool stop;
    dz_db_manager_stats stats;
};

typedef struct db_call {
    db_worker *worker;
    const dz_auth_user *user; /* NULL: everyone may */
    const dozan_db_request *request;
    const char *report_name; /* by which a repeated report is known, or NULL */
} db_call;

/* Does what is asked; *reply is malloc'ed, or NULL when it is empty. */
typedef dozan_status db_method(const db_call *call, void **reply, size_t *size, dozan_error *err);
db_method db_report, db_get, db_delete;

#endif
