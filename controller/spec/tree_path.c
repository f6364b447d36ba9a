/*
 * Paths: where a node is, as a message says it, and the way back from such a path to the node.
 *
 *   spec.parameters[0].feasibleSpace.max     metadata.labels[app.kubernetes.io/name]
 */
#include "spec/tree_parse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One step of a path. */
typedef struct step {
    const char *name;
    size_t size;
    bool brackets;
    bool is_index;
    uint32_t index;
} step;

static bool is_plain_key(const char *key);
static bool next_step(const char **path, step *found);
static dz_node *child_of(const dz_node *parent, const step *wanted);
static dozan_status make_child(dz_tree *tree, dz_node *parent, const step *wanted, dz_node **child,
                               const char *path, dozan_error *err);
static void replace_value(dz_node *node, dz_node *value);

const dz_node *dz_node_find(const dz_node *root, const char *path, bool *whole)
{
    const dz_node *node = root;
    step wanted;

    *whole = false;
    while (*path != '\0') {
        const dz_node *child = next_step(&path, &wanted) ? child_of(node, &wanted) : NULL;
        if (child == NULL) {
            return node;
        }
        node = child;
    }
    *whole = true;
    return node;
}

void dz_node_path(const dz_node *node, dozan_buf *path)
{
    if (node == NULL || node->parent == NULL) {
        return;
    }
    dz_node_path(node->parent, path);
    if (node->parent->kind == DZ_NODE_LIST) {
        dozan_buf_printf(path, "[%u]", node->index);
    } else if (is_plain_key(node->key)) {
        dozan_buf_printf(path, "%s%.128s", path->size > 0 ? "." : "", node->key);
    } else {
        dozan_buf_printf(path, "[%.128s]", node->key);
    }
}

const char *dz_node_where(const dz_node *node, char text[DZ_WHERE_TEXT])
{
    if (node->line > 0) {
        (void)snprintf(text, DZ_WHERE_TEXT, "at line %u", node->line);
    } else {
        (void)snprintf(text, DZ_WHERE_TEXT, "by --set");
    }
    return text;
}

dozan_status dz_tree_set(dz_tree *tree, const char *path, const char *value, dozan_error *err)
{
    char place[sizeof err->place];
    const char *rest = path;
    dz_node *parsed = NULL;
    dz_node *node = tree->root;
    size_t depth = 1;
    dozan_status status = DOZAN_OK;
    step wanted;

    (void)snprintf(place, sizeof place, "--set %s", path);
    value = *value == '\0' ? "null" : value; /* takes the field away */
    status = dz_tree_parse_into(tree, value, strlen(value), place, false, &parsed, err);
    if (status == DOZAN_OK && *path == '\0') {
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                                 "no path: write --set spec.maxTrialCount=5");
    }
    while (status == DOZAN_OK && *rest != '\0') {
        if (!next_step(&rest, &wanted) || ++depth > DZ_TREE_MAX_DEPTH / 2) {
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                                   "is no path: write it as spec.parameters[0].feasibleSpace.max");
        }
        status = make_child(tree, node, &wanted, &node, place, err);
    }
    if (status == DOZAN_OK) {
        replace_value(node, parsed);
    }
    return status;
}

static bool is_plain_key(const char *key)
{
    if (*key == '\0') {
        return false;
    }
    for (; *key != '\0'; key++) {
        if (!isalnum((unsigned char)*key) && *key != '-' && *key != '_') {
            return false;
        }
    }
    return true;
}

/* Takes the first step off a path; false when it is malformed. */
static bool next_step(const char **path, step *found)
{
    const char *text = *path;
    size_t size = 0;
    char *end = NULL;

    *found = (step){.brackets = *text == '['};
    if (found->brackets) {
        text++;
        size = strcspn(text, "]");
        if (size == 0 || text[size] == '\0') {
            return false;
        }
        found->index = (uint32_t)strtoul(text, &end, 10);
        found->is_index = isdigit((unsigned char)*text) && end == text + size && size < 9;
        *path = text + size + 1;
    } else {
        size = strcspn(text, ".[");
        *path = text + size;
    }
    found->name = text;
    found->size = size;
    if (**path == '.') {
        (*path)++;
        return size > 0 && **path != '\0';
    }
    return size > 0 && (**path == '\0' || **path == '[');
}

static dz_node *child_of(const dz_node *parent, const step *wanted)
{
    for (dz_node *child = parent->first; child != NULL; child = child->next) {
        bool same = parent->kind == DZ_NODE_LIST
                        ? wanted->is_index && child->index == wanted->index
                        : strncmp(child->key, wanted->name, wanted->size) == 0 &&
                              child->key[wanted->size] == '\0';
        if (same) {
            return child;
        }
    }
    return NULL;
}

/* The child that a step names, made (as null) when it is missing. */
static dozan_status make_child(dz_tree *tree, dz_node *parent, const step *wanted, dz_node **child,
                               const char *path, dozan_error *err)
{
    bool fresh = dz_node_is(parent, DZ_SCALAR_NULL);
    bool list = wanted->is_index && (parent->kind == DZ_NODE_LIST || fresh);

    if (fresh) {
        parent->kind = list ? DZ_NODE_LIST : DZ_NODE_MAP;
    }
    if (parent->kind == DZ_NODE_SCALAR || (parent->kind == DZ_NODE_LIST && !list)) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, path, "\"%.*s\" is to be set in %s",
                               (int)wanted->size, wanted->name,
                               parent->kind == DZ_NODE_LIST ? "a list: give an index such as [0]"
                                                            : "a plain value, which has no fields");
    }
    *child = child_of(parent, wanted);
    if (*child == NULL && list && wanted->index != parent->count) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, path,
                               "the list has %u entries: the index may be %u at most, to append",
                               parent->count, parent->count);
    }
    if (*child == NULL) {
        char *key = list ? NULL : dz_tree_text(tree, wanted->name, wanted->size);
        *child = !list && key == NULL ? NULL : dz_tree_add(tree, parent, key, DZ_NODE_SCALAR);
        if (*child == NULL) {
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, path, "no memory for the value");
        }
        (*child)->text = "";
        (*child)->line = 0; /* a field of the file on the way keeps its line */
    }
    (*child)->defaulted = false;
    return DOZAN_OK;
}

/* Puts a parsed value in a node's place, which keeps its key and its siblings. */
static void replace_value(dz_node *node, dz_node *value)
{
    node->kind = value->kind;
    node->scalar = value->scalar;
    node->text = value->text;
    node->first = value->first;
    node->last = value->last;
    node->count = value->count;
    node->line = 0;
    node->defaulted = false;
    for (dz_node *child = node->first; child != NULL; child = child->next) {
        child->parent = node;
    }
}
