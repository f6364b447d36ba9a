#include "loop/jobs.h"

#include "loop/job_collector.h"
#include "loop/job_push.h"
#include "runners/lease.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uthash.h>

/* A running trial's collector. Only the runner's thread feeds it; the table that finds it has a
 * lock. */
typedef struct listener {
    struct {
        int64_t experiment, trial;
        int64_t attempt;
    } key;
    dz_collector *collector;
    dz_message *ended; /* made ahead, so that an end can always be told */
    bool points_lost;  /* for want of memory */
    UT_hash_handle hh;
} listener;

struct dz_jobs {
    dz_mailbox *mailbox;
    const dz_run_config *config;
    const dz_runner_ops *runner;
    void *self;
    void *leases; /* the runner of experiments with leases */
    pthread_mutex_t listeners_lock;
    listener *listeners;
};

/* Points found in one piece of output, until they are posted. */
typedef struct point_batch {
    dz_message *message;
    size_t capacity;
    bool failed;
} point_batch;

/* Where one attempt finds what has one path in the template. */
typedef struct own_paths {
    dz_job_collector collector;
    char *checkpoint;        /* NULL, or the folder of its checkpoint, */
    char *checkpoint_inside; /* and its path in the template */
} own_paths;

static dozan_status offer(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial,
                          bool adopt, dozan_error *err);
static dozan_status start(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial,
                          bool adopt, dozan_error *err);
static dozan_status make_command(const dz_jobs *jobs, const dz_experiment *experiment,
                                 const dz_trial *trial, own_paths *own, dz_command **command,
                                 dozan_error *err);
static dozan_status job_checkpoint(const dz_jobs *jobs, const dz_experiment *experiment,
                                   const dz_trial *trial, own_paths *own, dozan_error *err);
static void own_paths_fini(own_paths *own);
static dozan_status listen_to(dz_jobs *jobs, const dz_job_id *id, const dz_experiment_spec *spec,
                              dozan_error *err);
static listener *find_listener(dz_jobs *jobs, const dz_job_id *id);
static listener *take_listener(dz_jobs *jobs, const dz_job_id *id);
static void listener_destroy(listener *l);
static void on_started(void *user, const dz_job_id *id, int64_t time_ms);
static void on_output(void *user, const dz_job_id *id, int64_t offset, const void *bytes,
                      size_t size, int64_t time_ms);
static void on_ended(void *user, const dz_job_id *id, const dz_end *end, int64_t time_ms);
static void on_point(void *user, const dz_point *point);
static void post_batch(dz_jobs *jobs, point_batch *batch);
static void post_not_started(dz_jobs *jobs, const dz_job_id *id, const dozan_error *err);

dozan_status dz_jobs_create(const dz_run_config *config, dz_mailbox *mailbox, dz_jobs **jobs,
                            dozan_error *err)
{
    const char *name = config->runner ? config->runner : "local";
    const dz_runner_ops *runner = dz_runner_find(name);
    if (!runner)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL, "there is no runner \"%s\"", name);
    dz_jobs *made = calloc(1, sizeof *made);
    if (!made)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->mailbox = mailbox;
    made->config = config;
    made->runner = runner;
    pthread_mutex_init(&made->listeners_lock, NULL);
    dz_runner_config runner_config = {.directory = config->job_directory,
                                      .shim = config->shim,
                                      .stop_grace_ms = config->stop_grace_ms};
    dz_runner_sink sink = {made, on_started, on_output, on_ended};
    dozan_status status = runner->create(&runner_config, &sink, &made->self, err);
    if (status)
        made->self = NULL;
    else
        status = dz_runner_lease.create(&runner_config, &sink, &made->leases, err);
    if (status) {
        made->leases = NULL;
        dz_jobs_destroy(made);
        return status;
    }
    *jobs = made;
    return DOZAN_OK;
}

void dz_jobs_destroy(dz_jobs *jobs)
{
    if (!jobs)
        return;
    if (jobs->self)
        jobs->runner->destroy(jobs->self);
    dz_runner_lease.destroy(jobs->leases);
    listener *l, *next;
    HASH_ITER(hh, jobs->listeners, l, next)
    {
        HASH_DEL(jobs->listeners, l); /* NOLINT: the analyzer loses track in uthash */
        listener_destroy(l);
    }
    pthread_mutex_destroy(&jobs->listeners_lock);
    free(jobs);
}

dozan_status dz_jobs_capacity(dz_jobs *jobs, dz_capacity *capacity, dozan_error *err)
{
    return jobs->runner->capacity(jobs->self, capacity, err);
}

void dz_jobs_start(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial,
                   bool adopt)
{
    dz_job_id id = {experiment->id, trial->number, trial->attempt};
    dozan_error err = {0};
    if (experiment->spec->lease_ms ? offer(jobs, experiment, trial, adopt, &err)
                                   : start(jobs, experiment, trial, adopt, &err)) {
        listener_destroy(take_listener(jobs, &id));
        post_not_started(jobs, &id, &err);
    }
}

void dz_jobs_stop(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial)
{
    dz_job_id id = {experiment->id, trial->number, trial->attempt};
    dozan_error err = {0};
    if (experiment->spec->lease_ms ? dz_runner_lease.stop(jobs->leases, &id, &err)
                                   : jobs->runner->stop(jobs->self, &id, &err)) {
        dz_message *message = dz_message_create(DZ_MESSAGE_TRIAL_ENDED);
        if (!message)
            return;
        message->job = id;
        message->end = (dz_end){.kind = DZ_END_LOST, .message = strdup(err.message)};
        dz_mailbox_post(jobs->mailbox, message, true);
    }
}

void dz_jobs_lease(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial)
{
    dz_job_id id = {experiment->id, trial->number, trial->attempt};
    dozan_error not_started_yet = {0};
    (void)!dz_lease_begin(jobs->leases, &id, experiment->spec->lease_ms, &not_started_yet);
}

dozan_status dz_jobs_renew(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial,
                           dozan_error *err)
{
    dz_job_id id = {experiment->id, trial->number, trial->attempt};
    return dz_lease_renew(jobs->leases, &id, err);
}

void dz_jobs_forget(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial)
{
    dz_job_id id = {experiment->id, trial->number, trial->attempt};
    dozan_error over_already = {0};
    (void)!dz_lease_take_back(jobs->leases, &id, &over_already);
    listener_destroy(take_listener(jobs, &id));
}

/* To the workers. One that a worker has already, it keeps. */
static dozan_status offer(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial,
                          bool adopt, dozan_error *err)
{
    dz_job job = {.id = {experiment->id, trial->number, trial->attempt},
                  .trial_name = trial->name,
                  .timeout_ms = experiment->spec->trial_timeout_ms,
                  .to_stop = adopt && trial->state == DZ_TRIAL_STOPPING};
    dozan_status status = listen_to(jobs, &job.id, experiment->spec, err);
    if (!status)
        status = dz_runner_lease.start(jobs->leases, &job, err);
    if (!status && trial->state == DZ_TRIAL_RUNNING)
        dz_jobs_lease(jobs, experiment, trial);
    return status;
}

static dozan_status start(dz_jobs *jobs, const dz_experiment *experiment, const dz_trial *trial,
                          bool adopt, dozan_error *err)
{
    dz_command *command = NULL;
    own_paths own = {0};
    dz_job_id id = {experiment->id, trial->number, trial->attempt};
    char folder[DZ_QUALIFIED_NAME];
    dz_spec_folder(experiment->spec, folder);
    dozan_status status =
        dz_job_collector_init(&own.collector, jobs->config, experiment, trial, err);
    if (!status)
        status = job_checkpoint(jobs, experiment, trial, &own, err);
    if (!status)
        status = make_command(jobs, experiment, trial, &own, &command, err);
    if (!status && command && !adopt && jobs->config->equip)
        status = jobs->config->equip(jobs->config->equip_user, experiment, trial, command, err);
    if (!status)
        status = listen_to(jobs, &id, experiment->spec, err);
    if (status || !command)
        goto done;
    int64_t limit = experiment->spec->trial_timeout_ms;
    if (command->active_deadline_ms && (!limit || command->active_deadline_ms < limit))
        limit = command->active_deadline_ms;
    dz_job job = {.id = id,
                  .experiment_name = folder,
                  .trial_name = trial->name,
                  .command = command,
                  .metrics_path = own.collector.follow,
                  .collector = own.collector.beside,
                  .collector_settle_ms = own.collector.settle_ms,
                  .collector_folder = own.collector.folder,
                  .checkpoint = own.checkpoint,
                  .parent_name = dz_trial_parent(trial),
                  .timeout_ms = limit,
                  .gpus = trial->gpus,
                  .gpu_count = (size_t)trial->gpu_count,
                  .to_stop = adopt && trial->state == DZ_TRIAL_STOPPING};
    status = adopt ? jobs->runner->adopt(jobs->self, &job, err)
                   : jobs->runner->start(jobs->self, &job, err);
done:
    dz_command_destroy(command);
    own_paths_fini(&own);
    return status;
}

static void own_paths_fini(own_paths *own)
{
    dz_job_collector_fini(&own->collector);
    free(own->checkpoint);
    free(own->checkpoint_inside);
}

static dozan_status make_command(const dz_jobs *jobs, const dz_experiment *experiment,
                                 const dz_trial *trial, own_paths *own, dz_command **command,
                                 dozan_error *err)
{
    const dz_run_config *config = jobs->config;
    dz_job_collector *collector = &own->collector;
    cJSON *object = NULL;
    size_t count = collector->map_count;
    dz_path_map *maps = calloc(config->map_count + count + 2, sizeof *maps);
    if (!maps)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    memcpy(maps, collector->maps, count * sizeof *maps);
    if (own->checkpoint)
        maps[count++] = (dz_path_map){own->checkpoint_inside, own->checkpoint};
    for (size_t i = 0; i < config->map_count; i++)
        maps[count++] = config->maps[i];
    dozan_status status = dz_template_render(experiment->spec, trial->name, trial->assignments,
                                             trial->assignment_count, &object, err);
    if (!status && collector->port)
        status = dz_template_put_port(experiment->spec, object, collector->port, err);
    if (!status)
        status = dz_template_command(experiment->spec, object, maps, count, command, err);
    if (!status)
        status = dz_job_collector_process(collector, config, experiment->spec, trial->name, maps,
                                          count, err);
    if (!status && *command && experiment->spec->collector == DZ_COLLECTOR_PUSH)
        status = dz_job_push_env(config, experiment->spec, *command, err);
    cJSON_Delete(object);
    free(maps);
    return status;
}

/* Katib mounts a folder of the trial's own at the path that the setting suggestion_trial_dir names;
 * here that path becomes the folder's. */
static dozan_status job_checkpoint(const dz_jobs *jobs, const dz_experiment *experiment,
                                   const dz_trial *trial, own_paths *own, dozan_error *err)
{
    const dz_experiment_spec *spec = experiment->spec;
    const char *inside = NULL;
    char folder[DZ_QUALIFIED_NAME];
    dz_spec_folder(spec, folder);
    for (size_t i = 0; i < spec->algorithm_setting_count; i++) {
        if (!strcmp(spec->algorithm_settings[i].name, "suggestion_trial_dir"))
            inside = spec->algorithm_settings[i].value;
    }
    size_t size = inside ? strlen(inside) : 0;
    while (size > 0 && inside[size - 1] == '/')
        size--;
    if (size == 0)
        return DOZAN_OK;
    own->checkpoint_inside = strndup(inside, size);
    if (!own->checkpoint_inside ||
        dz_local_checkpoint_path(jobs->config->job_directory, folder, trial->name, trial->attempt,
                                 &own->checkpoint))
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return DOZAN_OK;
}

static dozan_status listen_to(dz_jobs *jobs, const dz_job_id *id, const dz_experiment_spec *spec,
                              dozan_error *err)
{
    listener *l = calloc(1, sizeof *l);
    if (!l)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status = dz_collector_create(spec, &l->collector, err);
    l->ended = dz_message_create(DZ_MESSAGE_TRIAL_ENDED);
    if (!status && !l->ended)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status) {
        listener_destroy(l);
        return status;
    }
    l->key.experiment = id->experiment;
    l->key.trial = id->trial;
    l->key.attempt = id->attempt;
    pthread_mutex_lock(&jobs->listeners_lock);
    HASH_ADD(hh, jobs->listeners, key, sizeof l->key, l);
    pthread_mutex_unlock(&jobs->listeners_lock);
    return DOZAN_OK;
}

static listener *find_listener(dz_jobs *jobs, const dz_job_id *id)
{
    listener *found, probe = {.key = {id->experiment, id->trial, id->attempt}};
    pthread_mutex_lock(&jobs->listeners_lock);
    HASH_FIND(hh, jobs->listeners, &probe.key, sizeof probe.key, found); /* NOLINT: likewise */
    pthread_mutex_unlock(&jobs->listeners_lock);
    return found;
}

static listener *take_listener(dz_jobs *jobs, const dz_job_id *id)
{
    listener *found = find_listener(jobs, id);
    if (found) {
        pthread_mutex_lock(&jobs->listeners_lock);
        HASH_DEL(jobs->listeners, found);
        pthread_mutex_unlock(&jobs->listeners_lock);
    }
    return found;
}

static void listener_destroy(listener *l)
{
    if (!l)
        return;
    dz_collector_destroy(l->collector);
    dz_message_destroy(l->ended);
    free(l);
}

static void on_started(void *user, const dz_job_id *id, int64_t time_ms)
{
    dz_jobs *jobs = user;
    dz_message *message = dz_message_create(DZ_MESSAGE_TRIAL_STARTED);
    (void)time_ms;
    if (!message)
        return; /* the next message of this job says the same */
    message->job = *id;
    dz_mailbox_post(jobs->mailbox, message, false);
}

static void on_output(void *user, const dz_job_id *id, int64_t offset, const void *bytes,
                      size_t size, int64_t time_ms)
{
    dz_jobs *jobs = user;
    listener *l = find_listener(jobs, id);
    point_batch batch = {0};
    (void)offset;
    if (!l)
        return;
    batch.message = dz_message_create(DZ_MESSAGE_TRIAL_REPORTED);
    if (!batch.message)
        return;
    batch.message->job = *id;
    dozan_error err = {0};
    if (dz_collector_feed(l->collector, bytes, size, time_ms, on_point, &batch, &err) ||
        batch.failed)
        l->points_lost = true;
    post_batch(jobs, &batch);
}

static void on_ended(void *user, const dz_job_id *id, const dz_end *end, int64_t time_ms)
{
    dz_jobs *jobs = user;
    listener *l = take_listener(jobs, id);
    point_batch batch = {.message = dz_message_create(DZ_MESSAGE_TRIAL_REPORTED)};
    dozan_error err = {0};
    if (!l || !batch.message) {
        dz_message_destroy(batch.message);
    } else {
        batch.message->job = *id;
        if (dz_collector_finish(l->collector, time_ms, on_point, &batch, &err) || batch.failed)
            l->points_lost = true;
        post_batch(jobs, &batch);
    }
    if (!l)
        return; /* told already */
    const char *complaint = l->points_lost ? "metrics were lost for want of memory"
                                           : dz_collector_complaint(l->collector);
    dz_message *ended = l->ended;
    l->ended = NULL;
    ended->job = *id;
    ended->end = *end;
    ended->end.message = end->message ? strdup(end->message) : NULL;
    ended->complaint = complaint ? strdup(complaint) : NULL;
    dz_mailbox_post(jobs->mailbox, ended, false);
    listener_destroy(l);
}

static void on_point(void *user, const dz_point *point)
{
    point_batch *batch = user;
    dz_message *message = batch->message;
    if (message->point_count == batch->capacity) {
        size_t capacity = batch->capacity ? 2 * batch->capacity : 8;
        dz_point *grown = realloc(message->points, capacity * sizeof *grown);
        if (!grown) {
            batch->failed = true;
            return;
        }
        message->points = grown;
        batch->capacity = capacity;
    }
    dz_point copy = *point;
    copy.text = strdup(point->text);
    if (!copy.text) {
        batch->failed = true;
        return;
    }
    message->points[message->point_count++] = copy;
}

static void post_batch(dz_jobs *jobs, point_batch *batch)
{
    if (batch->message->point_count)
        dz_mailbox_post(jobs->mailbox, batch->message, false);
    else
        dz_message_destroy(batch->message);
}

static void post_not_started(dz_jobs *jobs, const dz_job_id *id, const dozan_error *err)
{
    dz_message *message = dz_message_create(DZ_MESSAGE_TRIAL_ENDED);
    if (!message)
        return;
    message->job = *id;
    message->end = (dz_end){.kind = DZ_END_NOT_STARTED,
                            .configuration_fault = !dozan_status_retryable((int)err->code),
                            .message = strdup(err->message)};
    dz_mailbox_post(jobs->mailbox, message, true);
}
