#include "mlflow/equip.h"

#include "loop/job_push.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dz_equip {
    const char *db_path, *certificate;
    const dz_key *key;
    dz_track *track; /* of the thread that starts trials; opened by the first */
    pthread_t maker;
    pthread_mutex_t lock; /* guards what is below */
    pthread_cond_t told;
    bool known;
    char *url;
};

static bool wait_for_url(dz_equip *equip);
static char *reachable(const char *url);
static dozan_status find(dz_equip *equip, const char *run, dz_track_trial *found, dozan_error *err);

dozan_status dz_equip_create(const char *db_path, const char *certificate, const dz_key *key,
                             dz_equip **equip, dozan_error *err)
{
    dz_equip *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->db_path = db_path;
    made->certificate = certificate;
    made->key = key;
    made->maker = pthread_self();
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->told, NULL);
    *equip = made;
    return DOZAN_OK;
}

void dz_equip_destroy(dz_equip *equip)
{
    if (equip == NULL)
        return;
    dz_track_close(equip->track);
    (void)pthread_cond_destroy(&equip->told);
    (void)pthread_mutex_destroy(&equip->lock);
    free(equip->url);
    free(equip);
}

void dz_equip_tell(dz_equip *equip, const char *url)
{
    (void)pthread_mutex_lock(&equip->lock);
    if (!equip->known && url != NULL)
        equip->url = reachable(url);
    equip->known = true;
    (void)pthread_cond_broadcast(&equip->told);
    (void)pthread_mutex_unlock(&equip->lock);
}

dozan_status dz_equip_trial(void *user, const dz_experiment *experiment, const dz_trial *trial,
                            dz_command *command, dozan_error *err)
{
    dz_equip *equip = user;
    dz_track_trial found;
    char run[DZ_RUN_ID], place[24], token[DZ_RUN_TOKEN];
    if (dz_job_env(command, "MLFLOW_TRACKING_URI") != NULL)
        return DOZAN_OK;
    if (!wait_for_url(equip))
        return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL,
                               "the service has no address that the trial could log to");
    dz_track_run_id(experiment->uid, trial->number, run);
    dozan_status status = find(equip, run, &found, err);
    if (status != DOZAN_OK || found.experiment == 0)
        return status;
    (void)snprintf(place, sizeof(place), "%" PRId64, found.place);
    status = dz_job_put_env(command, "MLFLOW_TRACKING_URI", equip->url, err);
    if (status == DOZAN_OK)
        status = dz_job_put_env(command, "MLFLOW_EXPERIMENT_ID", place, err);
    if (status == DOZAN_OK)
        status = dz_job_put_env(command, "MLFLOW_RUN_ID", run, err);
    if (status == DOZAN_OK && equip->certificate != NULL)
        status =
            dz_job_put_env(command, "MLFLOW_TRACKING_SERVER_CERT_PATH", equip->certificate, err);
    if (status == DOZAN_OK && equip->key != NULL) {
        dz_key_token(equip->key, run, token);
        status = dz_job_put_env(command, "MLFLOW_TRACKING_TOKEN", token, err);
    }
    return status;
}

static dozan_status find(dz_equip *equip, const char *run, dz_track_trial *found, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (equip->track == NULL)
        status =
            dz_track_open(equip->db_path, DZ_STORE_READ, DZ_DURABILITY_NORMAL, &equip->track, err);
    return status == DOZAN_OK ? dz_track_find_trial(equip->track, run, found, err) : status;
}

static bool wait_for_url(dz_equip *equip)
{
    (void)pthread_mutex_lock(&equip->lock);
    while (!equip->known && pthread_equal(equip->maker, pthread_self()) == 0)
        (void)pthread_cond_wait(&equip->told, &equip->lock);
    bool there = equip->url != NULL;
    (void)pthread_mutex_unlock(&equip->lock);
    return there;
}

/* A server that listens at all addresses is reached at the loopback's. */
static char *reachable(const char *url)
{
    static const struct {
        const char *any, *one;
    } hosts[] = {{"://0.0.0.0:", "://127.0.0.1:"}, {"://[::]:", "://[::1]:"}};
    char *made = NULL;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        const char *at = strstr(url, hosts[i].any);
        if (at != NULL && asprintf(&made, "%.*s%s%s", (int)(at - url), url, hosts[i].one,
                                   at + strlen(hosts[i].any)) < 0)
            return NULL;
        if (at != NULL)
            return made;
    }
    return strdup(url);
}
