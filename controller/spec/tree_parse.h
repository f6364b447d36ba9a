/*
 * Between the parts of the tree alone: its memory and its parser.
 */
#ifndef DZ_SPEC_TREE_PARSE_H
#define DZ_SPEC_TREE_PARSE_H

#include "arena.h"
#include "spec/tree.h"

struct dz_tree {
    dz_arena arena;
    dz_node *root;
    size_t node_count;
};

/* Parses text into nodes of `tree`. `place` begins every error's place; lines are counted when
 * `lines`, else all 0. */
DOZAN_MUST_USE dozan_status dz_tree_parse_into(dz_tree *tree, const char *text, size_t size,
                                               const char *place, bool lines, dz_node **root,
                                               dozan_error *err);

/* A new node, counted; NULL when there is no memory or the tree is full (*full). */
dz_node *dz_tree_node(dz_tree *tree, dz_node_kind kind, bool *full);

/* Appends a child to a list or mapping. */
void dz_node_append(dz_node *parent, dz_node *child);

/* Applies the merge keys of a mapping that has all its members, and finds a key given twice: its
 * second node, or NULL; *first is the node it repeats. False when there is no memory, or the tree
 * is full (*full). */
bool dz_node_settle(dz_tree *tree, dz_node *map, size_t depth, dz_node **twice, dz_node **first,
                    bool *full);

/* A deep copy, as aliases need it; the same failures. `depth` is that of the copy. */
dz_node *dz_node_copy(dz_tree *tree, const dz_node *node, size_t depth, bool *full);

#endif
