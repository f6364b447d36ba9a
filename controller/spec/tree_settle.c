/*
 * What a mapping needs when its last member is read: merge keys applied, and no key given twice.
 * Sorting the members keeps this n log n, whatever a document does.
 */
#include "spec/tree_parse.h"

#include <stdlib.h>
#include <string.h>

static bool merge_members(dz_tree *tree, dz_node *map, size_t depth, bool *full);
static bool merge_from(dz_tree *tree, dz_node *map, const dz_node *source, size_t depth,
                       bool *full);
static dz_node *drop_repeated(dz_node **members, size_t count, dz_node **first);
static int by_key(const void *left, const void *right);
static void relink(dz_node *map);

bool dz_node_settle(dz_tree *tree, dz_node *map, size_t depth, dz_node **twice, dz_node **first,
                    bool *full)
{
    dz_node **members = NULL;
    size_t count = 0;

    *twice = NULL;
    *full = false;
    if (!merge_members(tree, map, depth, full)) {
        return false;
    }
    if (map->count < 2) {
        return true;
    }
    members = calloc(map->count, sizeof(dz_node *));
    if (members == NULL) {
        return false;
    }
    for (dz_node *child = map->first; child != NULL; child = child->next) {
        members[count++] = child;
    }
    qsort(members, count, sizeof(dz_node *), by_key);
    *twice = drop_repeated(members, count, first);
    free(members);
    relink(map);
    return true;
}

dz_node *dz_node_copy(dz_tree *tree, const dz_node *node, size_t depth, bool *full)
{
    dz_node *copy = NULL;

    if (depth > DZ_TREE_MAX_DEPTH) {
        *full = true;
        return NULL;
    }
    copy = dz_tree_node(tree, node->kind, full);
    if (copy == NULL) {
        return NULL;
    }
    copy->scalar = node->scalar;
    copy->text = node->text;
    copy->key = node->key;
    copy->line = node->line;
    copy->column = node->column;
    for (const dz_node *child = node->first; child != NULL; child = child->next) {
        dz_node *twin = dz_node_copy(tree, child, depth + 1, full);
        if (twin == NULL) {
            return NULL;
        }
        dz_node_append(copy, twin);
    }
    return copy;
}

/* Appends what the merge keys name, marked, and takes the merge keys out by marking them with no
 * key. */
static bool merge_members(dz_tree *tree, dz_node *map, size_t depth, bool *full)
{
    const dz_node *last = map->last;
    bool ok = true;

    for (dz_node *child = map->first; child != NULL && ok; child = child->next) {
        if (child->merge && child->kind == DZ_NODE_MAP) {
            ok = merge_from(tree, map, child, depth, full);
        }
        if (child->merge && child->kind == DZ_NODE_LIST) {
            for (dz_node *part = child->first; part != NULL && ok; part = part->next) {
                ok = merge_from(tree, map, part, depth, full);
            }
        }
        if (child == last) {
            break;
        }
    }
    relink(map);
    return ok;
}

static bool merge_from(dz_tree *tree, dz_node *map, const dz_node *source, size_t depth, bool *full)
{
    for (const dz_node *member = source->first; member != NULL; member = member->next) {
        dz_node *copy = dz_node_copy(tree, member, depth + 1, full);
        if (copy == NULL) {
            return false;
        }
        copy->merged = true;
        dz_node_append(map, copy);
    }
    return true;
}

/* Of members with one key, the first stays. A later one that was merged in is dropped (its key
 * taken away); one that was written is the answer. */
static dz_node *drop_repeated(dz_node **members, size_t count, dz_node **first)
{
    dz_node *kept = members[0];

    for (size_t i = 1; i < count; i++) {
        if (strcmp(members[i]->key, kept->key) != 0) {
            kept = members[i];
        } else if (!members[i]->merged) {
            *first = kept;
            return members[i];
        } else {
            members[i]->merge = true;
        }
    }
    return NULL;
}

static int by_key(const void *left, const void *right)
{
    const dz_node *a = *(dz_node *const *)left;
    const dz_node *b = *(dz_node *const *)right;
    int order = strcmp(a->key, b->key);

    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* Links the members anew without those that are marked as merge keys. */
static void relink(dz_node *map)
{
    dz_node *child = map->first;

    map->first = NULL;
    map->last = NULL;
    map->count = 0;
    while (child != NULL) {
        dz_node *next = child->next;
        if (!child->merge) {
            dz_node_append(map, child);
        }
        child = next;
    }
}
