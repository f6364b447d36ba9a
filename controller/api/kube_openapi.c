/*
 * The schemas: OpenAPI v2, also in the protobuf form that kubectl asks for (older ones take nothing
 * else), and v3.
 *
 * Each kind has the fields of every object of Kubernetes, described, and takes any other field, as
 * in Katib's own definitions. The v3 form says which options a write takes: kubectl looks there for
 * fieldValidation, and leaves the checks to the server when it finds it.
 */
#include "api/kube_parts.h"

#include <dozan/buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENT_MAX = 1 << 20, MAX_VARINT = 10 };

typedef struct schema_row {
    const char *kind, *plural, *group, *version, *what;
    bool writable;
} schema_row;

static const schema_row rows[] = {
    {"Experiment", "experiments", KUBE_GROUP, "v1beta1",
     "Experiment is a search for the hyperparameters that make an objective best: Katib's, "
     "kubeflow.org/v1beta1.",
     true},
    {"Trial", "trials", KUBE_GROUP, "v1beta1",
     "Trial is one run of an experiment's template with one choice of parameters.", false},
    {"Suggestion", "suggestions", KUBE_GROUP, "v1beta1",
     "Suggestion has the parameters that an experiment's algorithm has suggested.", false},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct {
    const char *name, *type, *what;
} fields[] = {
    {"apiVersion", "string", "The group and version of this object."},
    {"kind", "string", "The kind of this object."},
    {"metadata", "object", "Its name, namespace, labels and annotations."},
    {"spec", "object", "What is wanted."},
    {"status", "object", "What has become of it."},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static cJSON *schema(dz_builder *build, cJSON *parent, const schema_row *row, bool version_3);
static void reply_protobuf(dz_http_request *request);
static void put_document(dozan_buf *out);
static void put_path(dozan_buf *out, const schema_row *row);
static void put_schema(dozan_buf *out, const schema_row *row);
static void put_message(dozan_buf *out, unsigned field, dozan_buf *inside);
static void put_text(dozan_buf *out, unsigned field, const char *text);
static void put_varint(dozan_buf *out, uint64_t value);
static void add_paths(dz_builder *build, cJSON *document);
static void add_operation(dz_builder *build, cJSON *path, const char *method,
                          const schema_row *row);

void kube_openapi_v2(void *context, dz_http_request *request)
{
    const char *accept = dz_http_header(request, "Accept");
    dz_builder build = {false};
    (void)context;
    if (accept != NULL && strstr(accept, "openapi.spec.v2@v1.0+protobuf") != NULL) {
        reply_protobuf(request);
        return;
    }
    cJSON *document = cJSON_CreateObject();
    dz_build_text(&build, document, "swagger", "2.0");
    cJSON *info = dz_build_object(&build, document, "info");
    dz_build_text(&build, info, "title", "Dozan");
    dz_build_text(&build, info, "version", DOZAN_VERSION);
    (void)dz_build_object(&build, document, "paths");
    cJSON *definitions = dz_build_object(&build, document, "definitions");
    for (size_t i = 0; i < ROWS; i++)
        (void)schema(&build, definitions, &rows[i], false);
    dz_http_reply_json(request, 200, document);
}

void kube_openapi_v3(void *context, dz_http_request *request)
{
    (void)context;
    dz_http_reply_text(request, 200, "application/json",
                       "{\"paths\":{\"apis/kubeflow.org/v1beta1\":{\"serverRelativeURL\":"
                       "\"/openapi/v3/apis/kubeflow.org/v1beta1?hash=" DOZAN_VERSION "\"}}}");
}

void kube_openapi_v3_group(void *context, dz_http_request *request)
{
    const char *path = dz_http_param(request, "path");
    dz_builder build = {false};
    (void)context;
    if (strcmp(path, "apis/kubeflow.org/v1beta1") != 0) {
        dz_http_refusef(request, 404, "the server could not find the requested resource");
        return;
    }
    cJSON *document = cJSON_CreateObject();
    dz_build_text(&build, document, "openapi", "3.0.0");
    cJSON *info = dz_build_object(&build, document, "info");
    dz_build_text(&build, info, "title", "Dozan");
    dz_build_text(&build, info, "version", DOZAN_VERSION);
    add_paths(&build, document);
    cJSON *schemas =
        dz_build_object(&build, dz_build_object(&build, document, "components"), "schemas");
    for (size_t i = 0; i < ROWS; i++)
        (void)schema(&build, schemas, &rows[i], true);
    dz_http_reply_json(request, 200, document);
}

/* ---- JSON ---- */

static void add_kind(dz_builder *build, cJSON *parent, const schema_row *row)
{
    dz_build_text(build, parent, "group", row->group);
    dz_build_text(build, parent, "kind", row->kind);
    dz_build_text(build, parent, "version", row->version);
}

static cJSON *schema(dz_builder *build, cJSON *parent, const schema_row *row, bool version_3)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "org.kubeflow.%s.%s", row->version, row->kind);
    cJSON *made = dz_build_object(build, parent, name);
    dz_build_text(build, made, "description", row->what);
    dz_build_text(build, made, "type", "object");
    cJSON *properties = dz_build_object(build, made, "properties");
    for (size_t i = 0; i < FIELDS; i++) {
        cJSON *field = dz_build_object(build, properties, fields[i].name);
        dz_build_text(build, field, "description", fields[i].what);
        dz_build_text(build, field, "type", fields[i].type);
        if (version_3 && strcmp(fields[i].type, "object") == 0)
            dz_build_add(build, field, "x-kubernetes-preserve-unknown-fields", cJSON_CreateTrue());
    }
    dz_build_add(build, made, "x-kubernetes-preserve-unknown-fields", cJSON_CreateTrue());
    add_kind(build,
             dz_build_item(build, dz_build_array(build, made, "x-kubernetes-group-version-kind")),
             row);
    return made;
}

static void add_paths(dz_builder *build, cJSON *document)
{
    char path[160];
    cJSON *paths = dz_build_object(build, document, "paths");
    for (size_t i = 0; i < ROWS; i++) {
        (void)snprintf(path, sizeof(path), "/apis/kubeflow.org/v1beta1/namespaces/{namespace}/%s",
                       rows[i].plural);
        cJSON *all = dz_build_object(build, paths, path);
        add_operation(build, all, "get", &rows[i]);
        if (rows[i].writable)
            add_operation(build, all, "post", &rows[i]);
        (void)snprintf(path, sizeof(path),
                       "/apis/kubeflow.org/v1beta1/namespaces/{namespace}/%s/{name}",
                       rows[i].plural);
        cJSON *one = dz_build_object(build, paths, path);
        add_operation(build, one, "get", &rows[i]);
        /* kubectl looks at the patch of every kind, also of those that have none. */
        add_operation(build, one, "patch", &rows[i]);
        if (rows[i].writable) {
            add_operation(build, one, "put", &rows[i]);
            add_operation(build, one, "delete", &rows[i]);
        }
    }
}

static void add_operation(dz_builder *build, cJSON *path, const char *method, const schema_row *row)
{
    static const char *const options[] = {"dryRun", "fieldManager", "fieldValidation"};
    cJSON *operation = dz_build_object(build, path, method);
    dz_build_text(build, operation, "description", row->what);
    dz_build_text(build, operation, "x-kubernetes-action", method);
    add_kind(build, dz_build_object(build, operation, "x-kubernetes-group-version-kind"), row);
    cJSON *list = dz_build_array(build, operation, "parameters");
    for (size_t i = 0; strcmp(method, "get") != 0 && i < sizeof(options) / sizeof(options[0]);
         i++) {
        cJSON *item = dz_build_item(build, list);
        dz_build_text(build, item, "name", options[i]);
        dz_build_text(build, item, "in", "query");
        dz_build_text(build, dz_build_object(build, item, "schema"), "type", "string");
    }
    cJSON *answer = dz_build_object(build, dz_build_object(build, operation, "responses"), "200");
    dz_build_text(build, answer, "description", "OK");
}

/* ---- protobuf: gnostic's openapi.v2.Document (openapi_v2/OpenAPIv2.proto) ---- */

static void reply_protobuf(dz_http_request *request)
{
    dozan_buf out;
    dozan_buf_init(&out, DOCUMENT_MAX);
    put_document(&out);
    size_t size = out.size;
    char *bytes = dozan_buf_take(&out);
    dozan_buf_fini(&out);
    if (bytes == NULL) {
        dz_http_reply_json(request, 500, NULL);
        return;
    }
    dz_http_reply(request, &(dz_http_answer){
                               .type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
                               .body = bytes,
                               .size = size});
}

/* Document: swagger = 1, info = 2, paths = 8, definitions = 9. */
static void put_document(dozan_buf *out)
{
    dozan_buf info, paths, definitions;
    dozan_buf_init(&info, DOCUMENT_MAX);
    dozan_buf_init(&paths, DOCUMENT_MAX);
    dozan_buf_init(&definitions, DOCUMENT_MAX);
    put_text(out, 1, "2.0");
    put_text(&info, 1, "Dozan");
    put_text(&info, 2, DOZAN_VERSION);
    put_message(out, 2, &info);
    for (size_t i = 0; i < ROWS; i++)
        put_path(&paths, &rows[i]);
    put_message(out, 8, &paths);
    for (size_t i = 0; i < ROWS; i++) {
        char name[128];
        dozan_buf named, value;
        dozan_buf_init(&named, DOCUMENT_MAX);
        dozan_buf_init(&value, DOCUMENT_MAX);
        (void)snprintf(name, sizeof(name), "org.kubeflow.%s.%s", rows[i].version, rows[i].kind);
        put_text(&named, 1, name); /* NamedSchema: name = 1, value = 2 */
        put_schema(&value, &rows[i]);
        put_message(&named, 2, &value);
        put_message(&definitions, 1, &named);
        dozan_buf_fini(&named);
        dozan_buf_fini(&value);
    }
    put_message(out, 9, &definitions);
    dozan_buf_fini(&info);
    dozan_buf_fini(&paths);
    dozan_buf_fini(&definitions);
}

/* Paths: path = 2 (NamedPathItem: name = 1, value = 2; PathItem: patch = 8; Operation: parameters =
 * 8, vendor_extension = 13). A parameter is ParametersItem.parameter (1), Parameter.non_body (2),
 * NonBodyParameter.query (3): in = 2, name = 4. kubectl looks here for dryRun. */
static void put_path(dozan_buf *out, const schema_row *row)
{
    static const char *const options[] = {"dryRun", "fieldManager"};
    char text[256];
    dozan_buf inner, outer, operation, item;
    dozan_buf_init(&inner, DOCUMENT_MAX);
    dozan_buf_init(&outer, DOCUMENT_MAX);
    dozan_buf_init(&operation, DOCUMENT_MAX);
    dozan_buf_init(&item, DOCUMENT_MAX);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        put_text(&inner, 2, "query");
        put_text(&inner, 4, options[i]);
        put_message(&outer, 3, &inner);
        put_message(&inner, 2, &outer);
        put_message(&outer, 1, &inner);
        put_message(&operation, 8, &outer);
    }
    (void)snprintf(text, sizeof(text), "group: %s\nkind: %s\nversion: %s\n", row->group, row->kind,
                   row->version);
    put_text(&inner, 2, text);
    put_text(&outer, 1, "x-kubernetes-group-version-kind");
    put_message(&outer, 2, &inner);
    put_message(&operation, 13, &outer);
    put_message(&item, 8, &operation);
    (void)snprintf(text, sizeof(text), "/apis/%s/%s/namespaces/{namespace}/%s/{name}", row->group,
                   row->version, row->plural);
    put_text(&outer, 1, text);
    put_message(&outer, 2, &item);
    put_message(out, 2, &outer);
    dozan_buf_fini(&inner);
    dozan_buf_fini(&outer);
    dozan_buf_fini(&operation);
    dozan_buf_fini(&item);
}

/* Schema: description = 4, type = 22 (TypeItem: value = 1), properties = 25, vendor_extension = 31
 * (NamedAny: name = 1, value = 2; Any: yaml = 2). */
static void put_schema(dozan_buf *out, const schema_row *row)
{
    char yaml[256];
    dozan_buf type, properties, extension, any;
    dozan_buf_init(&type, DOCUMENT_MAX);
    dozan_buf_init(&properties, DOCUMENT_MAX);
    dozan_buf_init(&extension, DOCUMENT_MAX);
    dozan_buf_init(&any, DOCUMENT_MAX);
    put_text(out, 4, row->what);
    put_text(&type, 1, "object");
    put_message(out, 22, &type);
    for (size_t i = 0; i < FIELDS; i++) {
        dozan_buf named, value;
        dozan_buf_init(&named, DOCUMENT_MAX);
        dozan_buf_init(&value, DOCUMENT_MAX);
        put_text(&named, 1, fields[i].name);
        put_text(&value, 4, fields[i].what);
        put_text(&type, 1, fields[i].type);
        put_message(&value, 22, &type);
        put_message(&named, 2, &value);
        put_message(&properties, 1, &named);
        dozan_buf_fini(&named);
        dozan_buf_fini(&value);
    }
    put_message(out, 25, &properties);
    (void)snprintf(yaml, sizeof(yaml), "- group: %s\n  kind: %s\n  version: %s\n", row->group,
                   row->kind, row->version);
    put_text(&any, 2, yaml);
    put_text(&extension, 1, "x-kubernetes-group-version-kind");
    put_message(&extension, 2, &any);
    put_message(out, 31, &extension);
    put_text(&any, 2, "true\n");
    put_text(&extension, 1, "x-kubernetes-preserve-unknown-fields");
    put_message(&extension, 2, &any);
    put_message(out, 31, &extension);
    dozan_buf_fini(&type);
    dozan_buf_fini(&properties);
    dozan_buf_fini(&extension);
    dozan_buf_fini(&any);
}

/* Empties `inside`. */
static void put_message(dozan_buf *out, unsigned field, dozan_buf *inside)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, inside->size);
    dozan_buf_append(out, inside->data != NULL ? inside->data : "", inside->size);
    out->failed = out->failed || inside->failed;
    dozan_buf_clear(inside);
}

static void put_text(dozan_buf *out, unsigned field, const char *text)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, strlen(text));
    dozan_buf_puts(out, text);
}

static void put_varint(dozan_buf *out, uint64_t value)
{
    char bytes[MAX_VARINT];
    size_t size = 0;
    do {
        bytes[size] = (char)(value & 0x7f);
        value >>= 7;
        if (value != 0)
            bytes[size] = (char)(bytes[size] | 0x80);
        size++;
    } while (value != 0);
    dozan_buf_append(out, bytes, size);
}
