/*
 * Merge patches (RFC 7386) and JSON patches (RFC 6902) on trees.
 *
 * The sizes are those of a request's body and a stored document; only "copy" could make more of
 * them, so that what is put in is counted, and bounded in number, bytes and depth: trees are walked
 * recursively.
 */
#include "api/kube_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_OPERATIONS = 1000,
    MAX_POINTER = 64,
    POINTER_TEXT = 1024,
    MAX_NODES = 100000,
    MAX_BYTES = 16 << 20,
    MAX_DEPTH = 128 /* a body has at most 64 levels */
};

/* How much there is, the document and all that was put into it. */
typedef struct extent {
    size_t nodes, bytes;
} extent;

/* The place that a JSON pointer names: the parent, and the key in it. */
typedef struct place {
    cJSON *parent; /* NULL = the whole document */
    char key[POINTER_TEXT];
} place;

static dozan_status operate(cJSON **target, const cJSON *operation, extent *all, int index,
                            dozan_error *err);
static bool find_place(cJSON *root, const char *pointer, place *found);
static bool take_token(const char **pointer, char *token);
static cJSON *item_at(cJSON **root, const place *at);
static bool array_index(const cJSON *array, const char *key, bool end, int *index);
static bool put(cJSON **root, const place *at, cJSON *value, bool replace);
static bool drop(cJSON **root, const place *at);
static bool same(const cJSON *a, const cJSON *b);
static bool fits(extent *all, const cJSON *value, const char *path);
static bool measure(const cJSON *tree, size_t depth, extent *all);

bool kube_merge_patch(cJSON *target, const cJSON *patch)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, patch)
    {
        cJSON *present = cJSON_GetObjectItemCaseSensitive(target, item->string);
        if (cJSON_IsNull(item)) {
            cJSON_DeleteItemFromObjectCaseSensitive(target, item->string);
            continue;
        }
        if (cJSON_IsObject(item)) {
            if (!cJSON_IsObject(present)) {
                cJSON_DeleteItemFromObjectCaseSensitive(target, item->string);
                present = cJSON_AddObjectToObject(target, item->string);
            }
            if (present == NULL || !kube_merge_patch(present, item))
                return false;
            continue;
        }
        cJSON *copy = cJSON_Duplicate(item, true);
        cJSON_DeleteItemFromObjectCaseSensitive(target, item->string);
        if (copy == NULL || !cJSON_AddItemToObject(target, item->string, copy)) {
            cJSON_Delete(copy);
            return false;
        }
    }
    return true;
}

dozan_status kube_json_patch(cJSON **target, const cJSON *patch, dozan_error *err)
{
    int index = 0;
    const cJSON *operation;
    extent all = {0};
    if (!cJSON_IsArray(patch) || cJSON_GetArraySize(patch) > MAX_OPERATIONS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "a JSON patch is a list of at most %d operations", MAX_OPERATIONS);
    if (!fits(&all, *target, ""))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "the document is too large");
    cJSON_ArrayForEach(operation, patch)
    {
        dozan_status status = operate(target, operation, &all, index++, err);
        if (status != DOZAN_OK)
            return status;
    }
    return DOZAN_OK;
}

static dozan_status operate(cJSON **target, const cJSON *operation, extent *all, int index,
                            dozan_error *err)
{
    const char *word = kube_text(operation, "op"), *path = kube_text(operation, "path");
    const char *from = kube_text(operation, "from");
    const cJSON *value = kube_member(operation, "value");
    place to, source;
    bool good = false;
    if (word == NULL || path == NULL || !find_place(*target, path, &to))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "operation %d of the patch: its path is not there", index);
    if (strcmp(word, "remove") == 0) {
        good = drop(target, &to);
    } else if (strcmp(word, "test") == 0) {
        const cJSON *present = item_at(target, &to);
        if (value == NULL || present == NULL || !same(present, value))
            return dozan_error_set(err, DOZAN_ABORTED, NULL,
                                   "operation %d of the patch: the test of %s has failed", index,
                                   path);
        good = true;
    } else if (strcmp(word, "add") == 0 || strcmp(word, "replace") == 0) {
        bool replace = word[0] == 'r';
        if (value != NULL && (!replace || item_at(target, &to) != NULL) && fits(all, value, path))
            good = put(target, &to, cJSON_Duplicate(value, true), replace);
    } else if ((strcmp(word, "move") == 0 || strcmp(word, "copy") == 0) && from != NULL &&
               find_place(*target, from, &source)) {
        const cJSON *present = item_at(target, &source);
        size_t size = strlen(from);
        bool inside = strncmp(path, from, size) == 0 && path[size] == '/';
        bool move = word[0] == 'm';
        if (present != NULL && !(move && inside) && fits(all, present, path)) {
            cJSON *copy = cJSON_Duplicate(present, true);
            good =
                copy != NULL && (!move || drop(target, &source)) && find_place(*target, path, &to);
            if (good)
                good = put(target, &to, copy, false);
            else
                cJSON_Delete(copy);
        }
    }
    if (good)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "operation %d of the patch (%.20s %.200s) cannot be carried out", index,
                           word, path);
}

/* Walks to the last but one part; that one must be there. */
static bool find_place(cJSON *root, const char *pointer, place *found)
{
    cJSON *here = root;
    int depth = 0;
    *found = (place){0};
    if (*pointer == '\0')
        return true;
    while (take_token(&pointer, found->key)) {
        if (*pointer == '\0') {
            found->parent = here;
            return cJSON_IsObject(here) || cJSON_IsArray(here);
        }
        int index;
        if (cJSON_IsObject(here))
            here = cJSON_GetObjectItemCaseSensitive(here, found->key);
        else if (cJSON_IsArray(here) && array_index(here, found->key, false, &index))
            here = cJSON_GetArrayItem(here, index);
        else
            return false;
        if (here == NULL || ++depth > MAX_POINTER)
            return false;
    }
    return false;
}

/* "/a~1b" is the key "a/b", "~0" a "~". */
static bool take_token(const char **pointer, char *token)
{
    const char *at = *pointer;
    size_t size = 0;
    if (*at++ != '/')
        return false;
    for (; *at != '\0' && *at != '/'; at++) {
        char letter = *at;
        if (letter == '~') {
            at++;
            if (*at != '0' && *at != '1')
                return false;
            letter = *at == '0' ? '~' : '/';
        }
        if (size == POINTER_TEXT - 1)
            return false;
        token[size++] = letter;
    }
    token[size] = '\0';
    *pointer = at;
    return true;
}

static cJSON *item_at(cJSON **root, const place *at)
{
    int index;
    if (at->parent == NULL)
        return *root;
    if (cJSON_IsObject(at->parent))
        return cJSON_GetObjectItemCaseSensitive(at->parent, at->key);
    return array_index(at->parent, at->key, false, &index) ? cJSON_GetArrayItem(at->parent, index)
                                                           : NULL;
}

static bool array_index(const cJSON *array, const char *key, bool end, int *index)
{
    int size = cJSON_GetArraySize(array);
    char *rest = NULL;
    if (strcmp(key, "-") == 0) {
        *index = size;
        return end;
    }
    if (*key == '\0' || strspn(key, "0123456789") != strlen(key) || (*key == '0' && key[1] != '\0'))
        return false;
    errno = 0;
    long value = strtol(key, &rest, 10);
    if (errno != 0 || value > size || (value == size && !end))
        return false;
    *index = (int)value;
    return true;
}

/* Takes the value, in any case. */
static bool put(cJSON **root, const place *at, cJSON *value, bool replace)
{
    int index = 0;
    bool good = false;
    if (value == NULL)
        return false;
    if (at->parent == NULL) {
        cJSON_Delete(*root);
        *root = value;
        return true;
    }
    if (cJSON_IsObject(at->parent)) {
        cJSON_DeleteItemFromObjectCaseSensitive(at->parent, at->key);
        good = cJSON_AddItemToObject(at->parent, at->key, value);
    } else if (array_index(at->parent, at->key, !replace, &index)) {
        if (replace)
            good = cJSON_ReplaceItemInArray(at->parent, index, value);
        else if (index == cJSON_GetArraySize(at->parent))
            good = cJSON_AddItemToArray(at->parent, value);
        else
            good = cJSON_InsertItemInArray(at->parent, index, value);
    }
    if (!good)
        cJSON_Delete(value);
    return good;
}

static bool drop(cJSON **root, const place *at)
{
    cJSON *item = item_at(root, at);
    if (item == NULL || at->parent == NULL)
        return false;
    cJSON_Delete(cJSON_DetachItemViaPointer(at->parent, item));
    return true;
}

/* cJSON_Compare looks at each pair of members twice, and so takes 2^n steps for n levels. */
static bool same(const cJSON *a, const cJSON *b)
{
    if (!cJSON_IsObject(a) && !cJSON_IsArray(a))
        return cJSON_Compare(a, b, true);
    if ((a->type & 0xFF) != (b->type & 0xFF) || cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    const cJSON *item, *next = b->child;
    cJSON_ArrayForEach(item, a)
    {
        const cJSON *other = next;
        if (cJSON_IsObject(a) && strcmp(next->string, item->string) != 0)
            other = cJSON_GetObjectItemCaseSensitive(b, item->string);
        next = next->next;
        if (other == NULL || !same(item, other))
            return false;
    }
    return true;
}

/* Counts a value that is to come to that place. */
static bool fits(extent *all, const cJSON *value, const char *path)
{
    size_t depth = 0;
    for (const char *at = path; *at != '\0'; at++)
        depth += *at == '/' ? 1 : 0;
    return measure(value, depth, all);
}

static bool measure(const cJSON *tree, size_t depth, extent *all)
{
    const cJSON *item;
    all->nodes++;
    all->bytes += tree->string != NULL ? strlen(tree->string) : 0;
    all->bytes += tree->valuestring != NULL ? strlen(tree->valuestring) : 0;
    if (all->nodes > MAX_NODES || all->bytes > MAX_BYTES || depth > MAX_DEPTH)
        return false;
    cJSON_ArrayForEach(item, tree)
    {
        if (!measure(item, depth + 1, all))
            return false;
    }
    return true;
}
