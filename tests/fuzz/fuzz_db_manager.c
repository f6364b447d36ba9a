/*
 * Fuzzes the requests of Katib's DBManager: the first byte is the method, the rest a packed
 * message. What is read is whole, and what was reported comes back when it is read.
 */
#include <dozan/db_manager.h>

#include "api.pb-c.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_comes_back(const dozan_db_request *request)
{
    void *body = NULL;
    size_t size = 0;
    dozan_error err;
    if (dozan_db_reply_pack(DOZAN_DB_GET, request->logs, request->log_count, &body, &size, &err) !=
        DOZAN_OK)
        abort();
    Api__V1__Beta1__GetObservationLogReply *reply =
        api__v1__beta1__get_observation_log_reply__unpack(NULL, size, body);
    if (reply == NULL || reply->observation_log == NULL ||
        reply->observation_log->n_metric_logs != request->log_count)
        abort();
    for (size_t i = 0; i < request->log_count; i++) {
        const Api__V1__Beta1__MetricLog *log = reply->observation_log->metric_logs[i];
        if (strcmp(log->time_stamp, request->logs[i].time_stamp) != 0 ||
            strcmp(log->metric->name, request->logs[i].metric) != 0 ||
            strcmp(log->metric->value, request->logs[i].value) != 0 || log->metric->name[0] == '\0')
            abort();
    }
    api__v1__beta1__get_observation_log_reply__free_unpacked(reply, NULL);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {DOZAN_DB_REPORT, DOZAN_DB_GET, DOZAN_DB_DELETE,
                                          DOZAN_DB_HEALTH};
    dozan_db_request request;
    dozan_error err = {.code = DOZAN_OK};
    if (size == 0)
        return 0;
    const char *method = methods[data[0] % 4];
    dozan_status status = dozan_db_request_read(method, data + 1, size - 1, &request, &err);
    if ((status != DOZAN_OK) != (err.code != DOZAN_OK) || request.trial_name == NULL ||
        request.metric_name == NULL || request.start_time == NULL || request.end_time == NULL ||
        request.service == NULL || (request.logs == NULL && request.log_count > 0))
        abort();
    if (status == DOZAN_OK && strcmp(method, DOZAN_DB_HEALTH) != 0 && request.trial_name[0] == '\0')
        abort();
    if (status == DOZAN_OK && strcmp(method, DOZAN_DB_REPORT) == 0)
        check_comes_back(&request);
    dozan_db_request_fini(&request);
    return 0;
}
