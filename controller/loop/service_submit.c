/*
 * New and replaced documents, as far as their callers' threads can bring them: read, defaulted,
 * checked, and validated by the plugins of their algorithms. That is the long part; what is left to
 * the owner takes a moment.
 */
#include "loop/service_parts.h"

#include "loop/draw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUFFIX_LENGTH = 5, NAME_TRIES = 8 };

static dozan_status read_document(const dz_submission *submission, const char *name,
                                  dz_experiment_spec **spec, dz_problems *problems, bool *drawn,
                                  dozan_error *err);
static dozan_status prepare_json(const dz_submission *submission, const char *name, char **text,
                                 bool *drawn, dozan_error *err);
static dozan_status set_text(cJSON *object, const char *field, const char *value, dozan_error *err);
static void forget_push(dz_problems *problems);
static dozan_status first_problem(const dz_submission *submission, const dz_problems *problems,
                                  dozan_status status, dozan_error *err);
static dozan_status validate(dz_service *service, const dz_submission *submission,
                             const dz_experiment_spec *spec, dozan_error *err);
static dozan_status inquire(dz_service *service, dz_loop **loop, dozan_error *err);
static dozan_status submit_once(dz_service *service, const dz_submission *submission,
                                dz_submitted *submitted, dz_problems *problems, bool *drawn,
                                dozan_error *err);
static dozan_status copy_document(const dz_experiment_spec *spec, cJSON **document,
                                  dozan_error *err);

dozan_status dz_service_submit(dz_service *service, const dz_submission *submission,
                               dz_submitted *submitted, dz_problems *problems, dozan_error *err)
{
    dz_problems found = {0};
    dozan_status status = DOZAN_OK;
    bool drawn = true;
    /* A name that was drawn, and is taken already, is drawn again. */
    for (int i = 0; i < NAME_TRIES && drawn; i++) {
        dz_problems_fini(&found);
        found = (dz_problems){0};
        status = submit_once(service, submission, submitted, &found, &drawn, err);
        drawn = drawn && status == DOZAN_ALREADY_EXISTS;
    }
    if (problems)
        *problems = found;
    else
        dz_problems_fini(&found);
    return status;
}

/* One parameter more than the lint likes. NOLINTNEXTLINE(readability-function-size) */
dozan_status dz_service_replace(dz_service *service, const dz_submission *submission,
                                const char *name, int64_t expected_version, dz_submitted *submitted,
                                dz_problems *problems, dozan_error *err)
{
    dz_problems found = {0};
    dz_experiment_spec *spec = NULL;
    cJSON *document = NULL;
    bool drawn = false;
    dozan_status status = read_document(submission, name, &spec, &found, &drawn, err);
    if (!status)
        status = copy_document(spec, &document, err);
    if (!status) {
        dz_request request = {
            .kind = DZ_REQUEST_REPLACE,
            .namespace_ = submission->namespace_ ? submission->namespace_ : "default",
            .name = name,
            .spec = spec,
            .source = {submission->source_name, submission->source, submission->source_size},
            .dry_run = submission->dry_run,
            .expected_version = expected_version};
        spec = NULL;
        status = dz_service_ask(service, &request, err);
        if (!status) {
            *submitted = (dz_submitted){request.experiment_id, request.version, document};
            document = NULL;
        }
    }
    cJSON_Delete(document);
    dz_spec_destroy(spec);
    if (problems)
        *problems = found;
    else
        dz_problems_fini(&found);
    return status;
}

dozan_status dz_service_describe(dz_service *service, const char *name, dz_description_visit *visit,
                                 void *user, dozan_error *err)
{
    dz_loop *loop = NULL;
    pthread_mutex_lock(&service->inquiry_lock);
    dozan_status status = inquire(service, &loop, err);
    if (!status)
        status = dz_loop_describe(loop, name, visit, user, err);
    pthread_mutex_unlock(&service->inquiry_lock);
    return status;
}

/* ---- helpers */

static dozan_status submit_once(dz_service *service, const dz_submission *submission,
                                dz_submitted *submitted, dz_problems *problems, bool *drawn,
                                dozan_error *err)
{
    dz_experiment_spec *spec = NULL;
    dz_experiment *experiment = NULL;
    cJSON *document = NULL;
    uint64_t seed = 0;
    char uid[DZ_UUID_TEXT];
    *drawn = false;
    dozan_status status = read_document(submission, NULL, &spec, problems, drawn, err);
    if (!status)
        status = validate(service, submission, spec, err);
    if (!status)
        status = copy_document(spec, &document, err);
    if (!status)
        status = dz_draw_uid(uid, err);
    if (!status)
        status = dz_draw(&seed, sizeof seed, err);
    if (!status) {
        status = dz_experiment_create(spec, uid, seed, dz_loop_wall_ms(), &experiment, err);
        spec = NULL;
    }
    if (!status) {
        dz_request request = {
            .kind = DZ_REQUEST_SUBMIT,
            .experiment = experiment,
            .source = {submission->source_name, submission->source, submission->source_size},
            .dry_run = submission->dry_run};
        status = dz_service_ask(service, &request, err);
        if (!status) {
            *submitted = (dz_submitted){request.experiment_id, request.version, document};
            document = NULL;
        }
    }
    cJSON_Delete(document);
    dz_spec_destroy(spec);
    return status;
}

/* JSON, as an API sends it, gets the namespace of the request and a name of its own where it asks
 * for one; a file as a user wrote it is told in the same words, but keeps its lines. */
static dozan_status read_document(const dz_submission *submission, const char *name,
                                  dz_experiment_spec **spec, dz_problems *problems, bool *drawn,
                                  dozan_error *err)
{
    char *text = NULL;
    dz_override in_namespace = {"metadata.namespace", submission->namespace_};
    const char *source_name = submission->source_name ? submission->source_name : "request";
    dozan_status status = prepare_json(submission, name, &text, drawn, err);
    if (status)
        return status;
    if (text)
        status = dz_spec_read(text, strlen(text), source_name, NULL, 0, spec, problems);
    else
        status = dz_spec_read(submission->source, submission->source_size, source_name,
                              &in_namespace, submission->namespace_ ? 1 : 0, spec, problems);
    cJSON_free(text);
    if (!status && dz_spec_is_told((*spec)->collector))
        forget_push(problems);
    status = first_problem(submission, problems, status, err);
    if (status && *spec) {
        dz_spec_destroy(*spec);
        *spec = NULL;
    }
    if (!status && name && strcmp((*spec)->name, name) != 0) {
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata.name",
                                 "\"%s\" is another name than \"%s\", which is to be replaced",
                                 (*spec)->name, name);
        dz_spec_destroy(*spec);
        *spec = NULL;
    }
    return status;
}

/* *text stays NULL when the source is no JSON. */
static dozan_status prepare_json(const dz_submission *submission, const char *name, char **text,
                                 bool *drawn, dozan_error *err)
{
    char suffix[SUFFIX_LENGTH + 1], full[300];
    const char *end = NULL;
    dozan_status status = DOZAN_OK;
    cJSON *root = cJSON_ParseWithLengthOpts(submission->source, submission->source_size, &end, 0);
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(root, "metadata");
    if (!cJSON_IsObject(metadata))
        goto done;
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(metadata, "namespace");
    const cJSON *prefix = cJSON_GetObjectItemCaseSensitive(metadata, "generateName");
    if (submission->namespace_ && cJSON_IsString(own) && *own->valuestring &&
        strcmp(own->valuestring, submission->namespace_) != 0)
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata.namespace",
                                 "\"%s\" is another namespace than the request's, \"%s\"",
                                 own->valuestring, submission->namespace_);
    else if (submission->namespace_)
        status = set_text(metadata, "namespace", submission->namespace_, err);
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(metadata, "name");
    bool unnamed = !cJSON_IsString(given) || !*given->valuestring;
    if (!status && unnamed && !name && cJSON_IsString(prefix)) {
        status = dz_draw_suffix(suffix, SUFFIX_LENGTH, err);
        (void)snprintf(full, sizeof full, "%.200s%s", prefix->valuestring, suffix);
        if (!status)
            status = set_text(metadata, "name", full, err);
        *drawn = true;
    }
    if (!status && !(*text = cJSON_PrintUnformatted(root)))
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
done:
    cJSON_Delete(root);
    return status;
}

static dozan_status set_text(cJSON *object, const char *field, const char *value, dozan_error *err)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, field);
    if (cJSON_AddStringToObject(object, field, value))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

/* That Push needs a service is no finding here. */
static void forget_push(dz_problems *problems)
{
    static const char field[] = "metricsCollectorSpec.collector.kind";
    size_t kept = 0;
    for (size_t i = 0; i < problems->count; i++) {
        dz_problem *p = &problems->items[i];
        size_t length = strlen(p->place);
        bool ends = length >= sizeof field - 1 &&
                    strcmp(p->place + length - (sizeof field - 1), field) == 0;
        if (p->not_here && ends) {
            free(p->place);
            free(p->message);
        } else {
            problems->items[kept++] = *p;
        }
    }
    problems->count = kept;
}

/* What forbids it, here too: a warning that it cannot be run on this machine. */
static dozan_status first_problem(const dz_submission *submission, const dz_problems *problems,
                                  dozan_status status, dozan_error *err)
{
    for (size_t i = 0; i < problems->count; i++) {
        const dz_problem *p = &problems->items[i];
        bool warning = strncmp(p->message, "warning: ", strlen("warning: ")) == 0;
        if ((status && !warning) || p->not_here)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, p->place, "%s",
                                   warning ? p->message + strlen("warning: ") : p->message);
    }
    if (status)
        return dozan_error_set(err, status, submission->source_name, "%s",
                               dozan_status_text((int)status));
    return DOZAN_OK;
}

/* Asks the plugins. Theirs is a process of its own, so that a call of a plugin that hangs keeps
 * neither the owner nor running experiments waiting. */
static dozan_status validate(dz_service *service, const dz_submission *submission,
                             const dz_experiment_spec *spec, dozan_error *err)
{
    dz_loop *loop = NULL;
    dozan_error why = {0};
    (void)submission;
    pthread_mutex_lock(&service->inquiry_lock);
    dozan_status status = inquire(service, &loop, &why);
    if (!status)
        status = dz_loop_validate(loop, spec, &why);
    pthread_mutex_unlock(&service->inquiry_lock);
    if (!status)
        return DOZAN_OK;
    bool below =
        status == DOZAN_INVALID_ARGUMENT && *why.place && strncmp(why.place, "spec", 4) != 0;
    return dozan_error_set(err, status, NULL, "%s%s%s%s", below ? "spec." : "", why.place,
                           *why.place ? ": " : "", why.message);
}

static dozan_status inquire(dz_service *service, dz_loop **loop, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (!service->inquiry)
        status =
            dz_loop_create(NULL, service->config, &service->loop_observer, &service->inquiry, err);
    *loop = service->inquiry;
    return status;
}

static dozan_status copy_document(const dz_experiment_spec *spec, cJSON **document,
                                  dozan_error *err)
{
    *document = spec ? cJSON_Duplicate(spec->document, true) : NULL;
    if (*document)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}
