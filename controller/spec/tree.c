/*
 * The tree's memory and the ways to look into it.
 *
 * Nodes and texts come from one arena and go together, so that a checked specification can borrow
 * every text from its tree. Sibling lists keep the order of the document; an index is kept in each
 * node, for paths.
 */
#include "spec/tree.h"

#include "spec/tree_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cJSON *container_json(const dz_node *node);
static cJSON *scalar_json(const dz_node *node);

dozan_status dz_tree_parse(const char *text, size_t size, const char *name, dz_tree **tree,
                           dozan_error *err)
{
    dz_tree *made = calloc(1, sizeof *made);
    dozan_status status = DOZAN_OK;

    if (made == NULL) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, name, "no memory for the document");
    }
    status = dz_tree_parse_into(made, text, size, name, true, &made->root, err);
    if (status != DOZAN_OK) {
        dz_tree_destroy(made);
        return status;
    }
    *tree = made;
    return DOZAN_OK;
}

void dz_tree_destroy(dz_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    dz_arena_fini(&tree->arena);
    free(tree);
}

dz_node *dz_tree_root(dz_tree *tree)
{
    return tree->root;
}

void *dz_tree_alloc(dz_tree *tree, size_t size)
{
    return dz_arena_alloc(&tree->arena, size);
}

char *dz_tree_text(dz_tree *tree, const char *text, size_t size)
{
    char *copy = dz_tree_alloc(tree, size + 1);

    if (copy != NULL && size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

dozan_status dz_tree_parse_value(dz_tree *tree, const char *text, dz_node **value, dozan_error *err)
{
    return dz_tree_parse_into(tree, text, strlen(text), "--set", false, value, err);
}

dz_node *dz_tree_node(dz_tree *tree, dz_node_kind kind, bool *full)
{
    dz_node *node = NULL;

    *full = tree->node_count >= DZ_TREE_MAX_NODES;
    node = *full ? NULL : dz_tree_alloc(tree, sizeof *node);
    if (node != NULL) {
        node->kind = kind;
        tree->node_count++;
    }
    return node;
}

void dz_node_append(dz_node *parent, dz_node *child)
{
    child->parent = parent;
    child->index = parent->count++;
    child->next = NULL;
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
}

dz_node *dz_tree_add(dz_tree *tree, dz_node *parent, const char *key, dz_node_kind kind)
{
    bool full = false;
    dz_node *node = dz_tree_node(tree, kind, &full);

    if (node == NULL) {
        return NULL;
    }
    node->key = key == NULL ? NULL : dz_tree_text(tree, key, strlen(key));
    if (key != NULL && node->key == NULL) {
        return NULL;
    }
    node->line = parent->line;
    node->column = parent->column;
    node->defaulted = true;
    dz_node_append(parent, node);
    return node;
}

dz_node *dz_tree_add_text(dz_tree *tree, dz_node *parent, const char *key, const char *text)
{
    char *copy = dz_tree_text(tree, text, strlen(text));
    dz_node *node = copy == NULL ? NULL : dz_tree_add(tree, parent, key, DZ_NODE_SCALAR);

    if (node != NULL) {
        node->text = copy;
        node->scalar.kind = DZ_SCALAR_STRING;
    }
    return node;
}

dz_node *dz_tree_add_int(dz_tree *tree, dz_node *parent, const char *key, int32_t value)
{
    char text[16];
    dz_node *node = NULL;

    (void)snprintf(text, sizeof text, "%d", value);
    node = dz_tree_add_text(tree, parent, key, text);
    if (node != NULL) {
        node->scalar = dz_scalar_resolve(text);
    }
    return node;
}

dz_node *dz_node_get(const dz_node *map, const char *key)
{
    if (map == NULL || map->kind != DZ_NODE_MAP) {
        return NULL;
    }
    for (dz_node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return dz_node_is(child, DZ_SCALAR_NULL) ? NULL : child;
        }
    }
    return NULL;
}

const char *dz_node_string(const dz_node *map, const char *key)
{
    const dz_node *node = dz_node_get(map, key);

    return dz_node_is(node, DZ_SCALAR_STRING) && node->text[0] != '\0' ? node->text : NULL;
}

bool dz_node_is(const dz_node *node, dz_scalar_kind kind)
{
    return node != NULL && node->kind == DZ_NODE_SCALAR && node->scalar.kind == kind;
}

bool dz_node_is_number(const dz_node *node)
{
    return dz_node_is(node, DZ_SCALAR_INT) || dz_node_is(node, DZ_SCALAR_FLOAT);
}

bool dz_node_blank(const dz_node *node)
{
    return node == NULL || (dz_node_is(node, DZ_SCALAR_STRING) && node->text[0] == '\0');
}

cJSON *dz_node_json(const dz_node *node)
{
    return node->kind == DZ_NODE_SCALAR ? scalar_json(node) : container_json(node);
}

static cJSON *container_json(const dz_node *node)
{
    bool map = node->kind == DZ_NODE_MAP;
    cJSON *json = map ? cJSON_CreateObject() : cJSON_CreateArray();

    for (const dz_node *child = node->first; child != NULL && json != NULL; child = child->next) {
        cJSON *item = dz_node_json(child);
        bool added = item != NULL && (map ? cJSON_AddItemToObject(json, child->key, item)
                                          : cJSON_AddItemToArray(json, item));
        if (!added) {
            cJSON_Delete(item);
            cJSON_Delete(json);
            json = NULL;
        }
    }
    return json;
}

static cJSON *scalar_json(const dz_node *node)
{
    const uint64_t exact = (uint64_t)1 << 53;
    char digits[32];

    switch (node->scalar.kind) {
    case DZ_SCALAR_NULL:
        return cJSON_CreateNull();
    case DZ_SCALAR_BOOL:
        return cJSON_CreateBool(node->scalar.truth);
    case DZ_SCALAR_INT:
        if (node->scalar.magnitude > exact) {
            (void)snprintf(digits, sizeof digits, "%s%llu", node->scalar.negative ? "-" : "",
                           (unsigned long long)node->scalar.magnitude);
            return cJSON_CreateRaw(digits);
        }
        return cJSON_CreateNumber(node->scalar.number);
    case DZ_SCALAR_FLOAT:
        return cJSON_CreateNumber(node->scalar.number);
    case DZ_SCALAR_NOT_FINITE:
    case DZ_SCALAR_STRING:
        break;
    }
    return cJSON_CreateString(node->text);
}
