/*
 * A finished process in the clothes of a finished Kubernetes Job (and Pod), so that a template's
 * successCondition and failureCondition mean here what they mean there.
 */
#include "core/turn.h"

static cJSON *finished_job(const dz_end *end);
static bool add_condition(cJSON *status, const char *type, const char *reason, const char *message);

dozan_status dz_job_judge(const dz_experiment_spec *spec, const dz_end *end,
                          dz_job_verdict *verdict, dozan_error *err)
{
    bool failed = false;
    bool succeeded = false;
    cJSON *job = NULL;
    dozan_status status = DOZAN_OK;

    if (spec->lease_ms > 0) { /* there is no template: its worker says so itself */
        *verdict = end->kind == DZ_END_EXITED && end->code == 0 ? DZ_JOB_SUCCEEDED : DZ_JOB_FAILED;
        return DOZAN_OK;
    }
    job = finished_job(end);
    if (job == NULL) {
        return dz_out_of_memory(err);
    }
    if (spec->failure_condition != NULL) {
        status = dz_condition_holds(spec->failure_condition, job, &failed, err);
    }
    if (status == DOZAN_OK && !failed && spec->success_condition != NULL) {
        status = dz_condition_holds(spec->success_condition, job, &succeeded, err);
    }
    cJSON_Delete(job);
    if (status == DOZAN_OK) {
        *verdict = failed ? DZ_JOB_FAILED : succeeded ? DZ_JOB_SUCCEEDED : DZ_JOB_UNDECIDED;
    }
    return status;
}

static cJSON *finished_job(const dz_end *end)
{
    bool good = end->kind == DZ_END_EXITED && end->code == 0;
    cJSON *job = cJSON_CreateObject();
    cJSON *status = cJSON_AddObjectToObject(job, "status");
    bool ok = cJSON_AddStringToObject(status, "phase", good ? "Succeeded" : "Failed") != NULL &&
              cJSON_AddNumberToObject(status, good ? "succeeded" : "failed", 1) != NULL &&
              (good ? add_condition(status, "Complete", "CompletionsReached",
                                    "the process ended with exit code 0")
                    : add_condition(status, "Failed", "BackoffLimitExceeded",
                                    "the process did not end with exit code 0"));

    if (!ok) {
        cJSON_Delete(job);
        return NULL;
    }
    return job;
}

static bool add_condition(cJSON *status, const char *type, const char *reason, const char *message)
{
    cJSON *conditions = cJSON_AddArrayToObject(status, "conditions");
    cJSON *condition = cJSON_CreateObject();

    if (conditions == NULL || condition == NULL || !cJSON_AddItemToArray(conditions, condition)) {
        cJSON_Delete(condition);
        return false;
    }
    return cJSON_AddStringToObject(condition, "type", type) != NULL &&
           cJSON_AddStringToObject(condition, "status", "True") != NULL &&
           cJSON_AddStringToObject(condition, "reason", reason) != NULL &&
           cJSON_AddStringToObject(condition, "message", message) != NULL;
}
