/*
 * GET /api/v1alpha1/namespaces/NAMESPACE/experiments/NAME/lineage: as JSON, and with ?format=mlmd
 * in ML Metadata's terms.
 */
#include "mlflow/mlmd.h"
#include "mlflow/parts.h"
#include "store/track_lineage.h"

#include <string.h>

enum { LINEAGE_MAX = 256 << 20 };

void mlflow_lineage(void *context, dz_http_request *request)
{
    const char *format = dz_http_query(request, "format");
    bool mlmd = format != NULL && strcmp(format, "mlmd") == 0;
    dz_track *track = NULL;
    dozan_error err = {0};
    dz_json out;
    cJSON *arguments = cJSON_CreateObject(), *tree = NULL;
    dozan_buf_init(&out.buf, LINEAGE_MAX);
    (void)cJSON_AddStringToObject(arguments, "namespace", dz_http_param(request, "namespace"));
    (void)cJSON_AddStringToObject(arguments, "name", dz_http_param(request, "name"));
    dozan_status status = mlflow_reader(context, request, &track, &err);
    dz_json_open(&out, NULL, '{');
    if (status == DOZAN_OK)
        status = dz_track_read(track, dz_track_lineage, arguments, &out, &err);
    dz_json_close(&out, '}');
    if (status == DOZAN_OK) {
        tree = cJSON_ParseWithLength(out.buf.data != NULL ? out.buf.data : "", out.buf.size);
        cJSON *other = mlmd && tree != NULL ? dz_mlmd(tree) : NULL;
        if (mlmd) {
            cJSON_Delete(tree);
            tree = other;
        }
    }
    cJSON_Delete(arguments);
    dozan_buf_fini(&out.buf);
    if (status == DOZAN_OK)
        dz_http_reply_json(request, 200, tree);
    else
        dz_http_fail(request, &err);
}
