/*
 * Fuzzes Kubernetes' patches: the first line is a document, the rest a patch, a list (RFC 6902) or
 * an object (RFC 7386). No patch makes more of a document than its bounds allow, what comes out can
 * be written and read again, and a merge patch changes nothing the second time.
 */
#include "api/kube_parts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 64 << 20 };

/* Of two members of one name, which one is meant is anybody's guess: no property holds then. */
static bool has_doubles(const cJSON *tree)
{
    const cJSON *item, *other;
    cJSON_ArrayForEach(item, tree)
    {
        for (other = item->next; other != NULL && cJSON_IsObject(tree); other = other->next)
            if (strcmp(item->string, other->string) == 0)
                return true;
        if (has_doubles(item))
            return true;
    }
    return false;
}

/* The length of its text, which the order of members does not change. */
static size_t measure(const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);
    if (text == NULL)
        abort();
    size_t size = strlen(text);
    cJSON_free(text);
    return size;
}

static void check_reads_back(const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);
    if (text == NULL || strlen(text) > MOST_BYTES)
        abort();
    cJSON *again = cJSON_Parse(text);
    char *second = again != NULL ? cJSON_PrintUnformatted(again) : NULL;
    if (second == NULL || strcmp(text, second) != 0)
        abort();
    cJSON_Delete(again);
    cJSON_free(text);
    cJSON_free(second);
}

static void merge(cJSON *target, const cJSON *patch)
{
    if (!kube_merge_patch(target, patch))
        abort(); /* there is memory */
    check_reads_back(target);
    if (has_doubles(target) || has_doubles(patch))
        return;
    size_t size = measure(target);
    if (!kube_merge_patch(target, patch) || measure(target) != size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
    if (line == NULL)
        return 0;
    cJSON *target = cJSON_ParseWithLength(text, (size_t)(line - text));
    cJSON *patch = cJSON_ParseWithLength(line + 1, size - (size_t)(line - text) - 1);
    dozan_error err = {.code = DOZAN_OK};
    if (cJSON_IsObject(target) && cJSON_IsObject(patch)) {
        merge(target, patch);
    } else if (target != NULL && patch != NULL) {
        dozan_status status = kube_json_patch(&target, patch, &err);
        if ((status != DOZAN_OK) != (err.code != DOZAN_OK) || target == NULL)
            abort();
        if (status == DOZAN_OK)
            check_reads_back(target);
    }
    cJSON_Delete(target);
    cJSON_Delete(patch);
    return 0;
}
