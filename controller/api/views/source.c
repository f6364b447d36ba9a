/*
 * The text that an experiment was read from, as it was sent.
 */
#include "api/views/shared.h"

#include <stdlib.h>

dozan_status dz_view_source(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    dz_experiment *experiment = NULL;
    dz_builder build = {0};
    char *name = NULL, *text = NULL;
    dozan_status status = dz_request_load(request, &experiment, err);
    if (status == DOZAN_OK)
        status = dz_store_source(request->store, experiment->id, &name, &text, err);
    if (status == DOZAN_OK) {
        cJSON *tree = cJSON_CreateObject();
        dz_build_text(&build, tree, "name", name);
        dz_build_text(&build, tree, "text", text);
        status = dz_build_done(&build, tree, answer, err);
    }
    dz_experiment_destroy(experiment);
    free(name);
    free(text);
    return status;
}
