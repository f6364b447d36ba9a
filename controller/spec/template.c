/*
 * Rendering: a copy of the template's object with every placeholder replaced.
 *
 * The text of each string and key is replaced on its own and in one pass, so that no value,
 * whatever it holds, can be taken for a placeholder or break the object: quotes and backslashes are
 * escaped where the object is written as JSON.
 */
#include "spec/template.h"

#include "spec/placeholder.h"

#include <dozan/buf.h>
#include <stdlib.h>
#include <string.h>

enum { RENDERED_MAX_BYTES = 16 << 20 };

typedef struct rendering {
    const dz_experiment_spec *spec;
    const char *trial_name;
    const dozan_pair *assignments;
    size_t assignment_count;
    size_t bytes; /* of text made so far */
    dozan_error *err;
} rendering;

static dozan_status render_item(rendering *r, cJSON *item);
static dozan_status render_text(rendering *r, char **text);
static dozan_status find_value(const rendering *r, const char *name, size_t size,
                               const char **value);
static dozan_status find_meta(const rendering *r, const dz_trial_parameter *parameter,
                              const char **value);
static dozan_status set_name(cJSON *object, const dz_experiment_spec *spec, const char *trial_name,
                             dozan_error *err);

dozan_status dz_template_render(const dz_experiment_spec *spec, const char *trial_name,
                                const dozan_pair *assignments, size_t assignment_count,
                                cJSON **object, dozan_error *err)
{
    rendering r = {.spec = spec,
                   .trial_name = trial_name,
                   .assignments = assignments,
                   .assignment_count = assignment_count,
                   .err = err};
    cJSON *made = cJSON_Duplicate(spec->trial_spec, true);
    dozan_status status = DOZAN_OK;

    if (made == NULL) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the trial");
    }
    status = render_item(&r, made);
    if (status == DOZAN_OK) {
        status = set_name(made, spec, trial_name, err);
    }
    if (status != DOZAN_OK) {
        cJSON_Delete(made);
        return status;
    }
    *object = made;
    return DOZAN_OK;
}

/* Replaces in an item, its key and its children. The depth is the document's, which is bounded. */
static dozan_status render_item(rendering *r, cJSON *item)
{
    dozan_status status = DOZAN_OK;
    cJSON *child = NULL;

    if (item->string != NULL) {
        status = render_text(r, &item->string);
    }
    if (status == DOZAN_OK && cJSON_IsString(item)) {
        status = render_text(r, &item->valuestring);
    }
    cJSON_ArrayForEach(child, item)
    {
        if (status == DOZAN_OK) {
            status = render_item(r, child);
        }
    }
    return status;
}

/* Replaces in one text, which cJSON allocated and will free. */
static dozan_status render_text(rendering *r, char **text)
{
    dozan_status status = DOZAN_OK;
    const char *rest = *text;
    dz_placeholder found;
    dozan_buf made;
    char *copy = NULL;

    if (!dz_placeholder_find(rest, &found)) {
        return DOZAN_OK;
    }
    dozan_buf_init(&made, RENDERED_MAX_BYTES - r->bytes);
    while (status == DOZAN_OK && dz_placeholder_find(rest, &found)) {
        const char *value = NULL;
        status = find_value(r, found.name, found.name_size, &value);
        if (status == DOZAN_OK) {
            dozan_buf_append(&made, rest, (size_t)(found.start - rest));
            dozan_buf_puts(&made, value);
        }
        rest = found.end;
    }
    if (status == DOZAN_OK) {
        dozan_buf_puts(&made, rest);
        r->bytes += made.size;
        copy = made.failed ? NULL : cJSON_malloc(made.size + 1);
        if (copy == NULL) {
            status = dozan_error_set(r->err, DOZAN_RESOURCE_EXHAUSTED, "spec.trialTemplate",
                                     "the rendered template is larger than %d bytes, or there is "
                                     "no memory for it",
                                     RENDERED_MAX_BYTES);
        } else {
            memcpy(copy, made.data, made.size + 1);
            cJSON_free(*text);
            *text = copy;
        }
    }
    dozan_buf_fini(&made);
    return status;
}

static dozan_status find_value(const rendering *r, const char *name, size_t size,
                               const char **value)
{
    for (size_t i = 0; i < r->spec->trial_parameter_count; i++) {
        const dz_trial_parameter *parameter = &r->spec->trial_parameters[i];
        if (strncmp(parameter->name, name, size) == 0 && parameter->name[size] == '\0') {
            return find_meta(r, parameter, value);
        }
    }
    return dozan_error_set(r->err, DOZAN_INVALID_ARGUMENT, "spec.trialTemplate",
                           "${trialParameters.%.*s} is not among the trialParameters",
                           (int)(size < 128 ? size : 128), name);
}

/* The trial's value, or what an inactive parameter becomes. */
static dozan_status find_assignment(const rendering *r, const dz_trial_parameter *parameter,
                                    const char **value)
{
    for (size_t i = 0; i < r->assignment_count; i++) {
        if (strcmp(r->assignments[i].name, parameter->reference) == 0) {
            *value = r->assignments[i].value;
            return DOZAN_OK;
        }
    }
    for (size_t i = 0; i < r->spec->parameter_count; i++) {
        if (r->spec->parameters[i].when != NULL &&
            strcmp(r->spec->parameters[i].name, parameter->reference) == 0) {
            *value = r->spec->otherwise[i] == NULL ? "" : r->spec->otherwise[i];
            return DOZAN_OK;
        }
    }
    return dozan_error_set(r->err, DOZAN_INVALID_ARGUMENT, "spec.trialTemplate.trialParameters",
                           "the trial has no value for the parameter \"%s\"", parameter->reference);
}

static const char *text_at(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* The label or annotation of the template's own object. */
static dozan_status find_indexed(const rendering *r, const dz_trial_parameter *parameter,
                                 const char *field, const char *index, size_t size,
                                 const char **value)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(r->spec->trial_spec, "metadata");
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(metadata, field);
    const cJSON *entry = NULL;

    cJSON_ArrayForEach(entry, entries)
    {
        if (entry->string != NULL && cJSON_IsString(entry) &&
            strncmp(entry->string, index, size) == 0 && entry->string[size] == '\0') {
            *value = entry->valuestring;
            return DOZAN_OK;
        }
    }
    return dozan_error_set(r->err, DOZAN_INVALID_ARGUMENT, "spec.trialTemplate.trialParameters",
                           "illegal reference of trial metadata: %s: the template has no such "
                           "entry in metadata.%s",
                           parameter->reference, field);
}

static dozan_status find_meta(const rendering *r, const dz_trial_parameter *parameter,
                              const char **value)
{
    const char *index = NULL;
    size_t size = 0;

    switch (dz_meta_parse(parameter->reference, &index, &size)) {
    case DZ_META_NAME:
        *value = r->trial_name;
        return DOZAN_OK;
    case DZ_META_NAMESPACE:
        *value = r->spec->namespace_;
        return DOZAN_OK;
    case DZ_META_KIND:
        *value = text_at(r->spec->trial_spec, "kind");
        break;
    case DZ_META_API_VERSION:
        *value = text_at(r->spec->trial_spec, "apiVersion");
        break;
    case DZ_META_ANNOTATION:
        return find_indexed(r, parameter, "annotations", index, size, value);
    case DZ_META_LABEL:
        return find_indexed(r, parameter, "labels", index, size, value);
    case DZ_META_NONE:
    case DZ_META_UNKNOWN:
        return find_assignment(r, parameter, value);
    }
    if (*value == NULL) {
        return dozan_error_set(r->err, DOZAN_INVALID_ARGUMENT, "spec.trialTemplate.trialParameters",
                               "illegal reference of trial metadata: %s: the template does not "
                               "say",
                               parameter->reference);
    }
    return DOZAN_OK;
}

/* Puts a string into an object in place of what it has under that key. */
static bool put_text(cJSON *object, const char *key, const char *text)
{
    cJSON *made = cJSON_CreateString(text);

    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    if (made == NULL || !cJSON_AddItemToObject(object, key, made)) {
        cJSON_Delete(made);
        return false;
    }
    return true;
}

static dozan_status set_name(cJSON *object, const dz_experiment_spec *spec, const char *trial_name,
                             dozan_error *err)
{
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");

    if (!cJSON_IsObject(metadata)) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, "metadata");
        metadata = cJSON_AddObjectToObject(object, "metadata");
    }
    if (metadata == NULL || !put_text(metadata, "name", trial_name) ||
        !put_text(metadata, "namespace", spec->namespace_)) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for the trial");
    }
    return DOZAN_OK;
}
