#include "mlflow/registrar.h"

#include "store/track_wins.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_MS = 300, ANSWER_MAX = 1 << 16 };

struct dz_registrar {
    dz_track *track;
    dz_commit *commit;
    void (*note)(void *user, const char *line);
    void *user;
    pthread_mutex_t lock; /* guards `stopping` */
    pthread_cond_t changed;
    bool stopping, runs;
    pthread_t thread;
};

static void *work(void *argument);
static bool pause_unless_stopping(dz_registrar *registrar);
static dozan_status take_one(dz_registrar *registrar, int64_t experiment, dozan_error *err);

dozan_status dz_registrar_create(const char *db_path, dz_commit *commit,
                                 void (*note)(void *user, const char *line), void *user,
                                 dz_registrar **registrar, dozan_error *err)
{
    pthread_condattr_t clock;
    dz_registrar *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->commit = commit;
    made->note = note;
    made->user = user;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    dozan_status status =
        dz_track_open(db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &made->track, err);
    if (status == DOZAN_OK && pthread_create(&made->thread, NULL, work, made) != 0)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                                 "no thread can be started to register models");
    made->runs = status == DOZAN_OK;
    if (status == DOZAN_OK)
        *registrar = made;
    else
        dz_registrar_destroy(made);
    return status;
}

void dz_registrar_destroy(dz_registrar *registrar)
{
    if (registrar == NULL)
        return;
    (void)pthread_mutex_lock(&registrar->lock);
    registrar->stopping = true;
    (void)pthread_cond_broadcast(&registrar->changed);
    (void)pthread_mutex_unlock(&registrar->lock);
    if (registrar->runs)
        (void)pthread_join(registrar->thread, NULL);
    dz_track_close(registrar->track);
    (void)pthread_cond_destroy(&registrar->changed);
    (void)pthread_mutex_destroy(&registrar->lock);
    free(registrar);
}

/* To look for one costs microseconds. One that fails (a full disk) is tried again. */
static void *work(void *argument)
{
    dz_registrar *registrar = argument;
    int64_t experiment = 0;
    while (pause_unless_stopping(registrar)) {
        dozan_error err = {0};
        while (dz_track_next_win(registrar->track, &experiment, &err) == DOZAN_OK &&
               experiment != 0)
            if (take_one(registrar, experiment, &err) != DOZAN_OK)
                break;
    }
    return NULL;
}

static bool pause_unless_stopping(dz_registrar *registrar)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&registrar->lock);
    int waited = 0;
    while (!registrar->stopping && waited == 0)
        waited = pthread_cond_timedwait(&registrar->changed, &registrar->lock, &until);
    bool go_on = !registrar->stopping;
    (void)pthread_mutex_unlock(&registrar->lock);
    return go_on;
}

static dozan_status take_one(dz_registrar *registrar, int64_t experiment, dozan_error *err)
{
    dz_json out;
    cJSON *arguments = cJSON_CreateObject(), *tree = NULL;
    dozan_buf_init(&out.buf, ANSWER_MAX);
    dozan_status status =
        cJSON_AddNumberToObject(arguments, "experiment", (double)experiment) != NULL
            ? DOZAN_OK
            : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dz_json_open(&out, NULL, '{');
    if (status == DOZAN_OK)
        status = dz_commit_run(registrar->commit, dz_track_register_best, arguments, &out, err);
    dz_json_close(&out, '}');
    if (status == DOZAN_OK)
        tree = cJSON_ParseWithLength(out.buf.data, out.buf.size);
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(tree, "message"));
    if (registrar->note != NULL && message != NULL) {
        char line[640];
        (void)snprintf(line, sizeof(line), "experiment number %lld: %.512s", (long long)experiment,
                       message);
        registrar->note(registrar->user, line);
    }
    cJSON_Delete(tree);
    cJSON_Delete(arguments);
    dozan_buf_fini(&out.buf);
    return status;
}
