/*
 * What a request's body says: its media type, its tree, its options.
 */
#include "api/kube_parts.h"

#include "spec/tree.h"
#include <string.h>
#include <strings.h>

enum { MAX_DEPTH = 64 };

static bool too_deep(const char *text, size_t size);
static dozan_status from_yaml(const dz_http_request *request, cJSON **tree, dozan_error *err);

kube_media kube_body_media(const dz_http_request *request)
{
    static const struct {
        const char *name;
        kube_media media;
    } known[] = {
        {"application/json", KUBE_JSON},
        {"application/yaml", KUBE_YAML},
        {"application/x-yaml", KUBE_YAML},
        {"application/merge-patch+json", KUBE_MERGE},
        {"application/json-patch+json", KUBE_JSON_PATCH},
        {KUBE_YAML_PATCH, KUBE_APPLY},
    };
    const char *type = dz_http_header(request, "Content-Type");
    if (type == NULL)
        return KUBE_JSON;
    size_t size = strcspn(type, "; \t");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i].name) == size && strncasecmp(type, known[i].name, size) == 0)
            return known[i].media;
    return KUBE_OTHER;
}

dozan_status kube_body(const dz_http_request *request, cJSON **tree, dozan_error *err)
{
    kube_media media = kube_body_media(request);
    if (media == KUBE_OTHER)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL,
                               "the body of the request was in an unknown format - accepted media "
                               "types include: application/json, application/yaml");
    if (media == KUBE_YAML || media == KUBE_APPLY)
        return from_yaml(request, tree, err);
    if (too_deep(request->body, request->body_size))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the body has more than %d levels", MAX_DEPTH);
    const char *end = NULL;
    cJSON *made = cJSON_ParseWithLengthOpts(request->body, request->body_size, &end, false);
    while (made != NULL && end < request->body + request->body_size &&
           strchr(" \t\r\n", *end) != NULL && *end != '\0')
        end++;
    if (made == NULL || end != request->body + request->body_size) {
        cJSON_Delete(made);
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "the body is no JSON document");
    }
    *tree = made;
    return DOZAN_OK;
}

dozan_status kube_dry_run(const dz_http_request *request, const cJSON *options, bool *dry,
                          dozan_error *err)
{
    const char *word = dz_http_query(request, "dryRun");
    const cJSON *list = kube_member(options, "dryRun");
    if (word == NULL && cJSON_GetArraySize(list) > 0)
        word = cJSON_GetStringValue(cJSON_GetArrayItem(list, 0));
    *dry = word != NULL;
    if (word != NULL && strcmp(word, "All") != 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "dryRun",
                               "Unsupported value: \"%.40s\": supported values: \"All\"", word);
    return DOZAN_OK;
}

const char *kube_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(kube_member(object, name));
}

cJSON *kube_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* cJSON itself allows a thousand levels, which our own walks through trees need not. */
static bool too_deep(const char *text, size_t size)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '[') && ++depth > MAX_DEPTH)
            return true;
        else if (!quoted && (text[i] == '}' || text[i] == ']'))
            depth--;
    }
    return false;
}

static dozan_status from_yaml(const dz_http_request *request, cJSON **tree, dozan_error *err)
{
    dz_tree *parsed = NULL;
    dozan_status status = dz_tree_parse(request->body, request->body_size, "request", &parsed, err);
    if (status != DOZAN_OK)
        return status;
    *tree = dz_node_json(dz_tree_root(parsed));
    dz_tree_destroy(parsed);
    return *tree != NULL ? DOZAN_OK
                         : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}
