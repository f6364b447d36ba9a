/*
 * A YAML or JSON document as one tree of nodes, each with its line and column, so that every
 * finding about a document can say where. All memory of a tree is its own and goes in one piece.
 *
 * Bounds: DZ_TREE_MAX_BYTES of text, DZ_TREE_MAX_DEPTH levels, DZ_TREE_MAX_NODES nodes after the
 * expansion of aliases. A key that is given twice in one mapping is an error; merge keys (<<) are
 * applied.
 */
#ifndef DZ_SPEC_TREE_H
#define DZ_SPEC_TREE_H

#include "spec/scalar.h"
#include <cjson/cJSON.h>
#include <dozan/buf.h>
#include <dozan/status.h>

enum { DZ_TREE_MAX_BYTES = 4 << 20, DZ_TREE_MAX_DEPTH = 64, DZ_TREE_MAX_NODES = 100000 };

typedef enum dz_node_kind { DZ_NODE_SCALAR, DZ_NODE_LIST, DZ_NODE_MAP } dz_node_kind;

typedef struct dz_node dz_node;
struct dz_node {
    dz_node_kind kind;
    dz_scalar scalar; /* SCALAR: its meaning */
    const char *text; /* SCALAR: as written, without quotes */
    const char *key;  /* in a mapping: its name */
    uint32_t line;    /* from 1; in a mapping the key's; 0 = not from the file but from --set */
    uint32_t column;  /* from 1; of the same */
    uint32_t index;   /* among its parent's children */
    uint32_t count;   /* of children */
    bool defaulted;   /* not written by the user */
    bool merge;       /* the value of a merge key */
    bool merged;      /* came in by a merge key */
    dz_node *parent;
    dz_node *first;
    dz_node *last;
    dz_node *next;
};

typedef struct dz_tree dz_tree;

/* Parses one document; `name` is what to call it in messages. INVALID_ARGUMENT with err->place
 * "name:line" for what is no YAML, RESOURCE_EXHAUSTED past the bounds. */
DOZAN_MUST_USE dozan_status dz_tree_parse(const char *text, size_t size, const char *name,
                                          dz_tree **tree, dozan_error *err);
void dz_tree_destroy(dz_tree *tree);
dz_node *dz_tree_root(dz_tree *tree);

/* Memory that lives as long as the tree, zeroed; NULL when there is none. */
void *dz_tree_alloc(dz_tree *tree, size_t size);
char *dz_tree_text(dz_tree *tree, const char *text, size_t size);

/* Parses a value (of --set) into this tree; its nodes have line 0. */
DOZAN_MUST_USE dozan_status dz_tree_parse_value(dz_tree *tree, const char *text, dz_node **value,
                                                dozan_error *err);

/* Adds to the end of a list (key NULL) or mapping a new node that no user wrote, at its parent's
 * line. NULL: no memory. */
dz_node *dz_tree_add(dz_tree *tree, dz_node *parent, const char *key, dz_node_kind kind);
dz_node *dz_tree_add_text(dz_tree *tree, dz_node *parent, const char *key, const char *text);
dz_node *dz_tree_add_int(dz_tree *tree, dz_node *parent, const char *key, int32_t value);

/* Sets the value at a path ("spec.parameters[0].feasibleSpace.max"), making mappings on the way and
 * appending to a list at its end. INVALID_ARGUMENT with err->place "--set path". */
DOZAN_MUST_USE dozan_status dz_tree_set(dz_tree *tree, const char *path, const char *value,
                                        dozan_error *err);

/* A mapping's member, or NULL when it is absent, null, or `map` is NULL or no mapping (null means
 * absent in Kubernetes). */
dz_node *dz_node_get(const dz_node *map, const char *key);

/* The text of a member that is a string, else NULL (also for ""). */
const char *dz_node_string(const dz_node *map, const char *key);

bool dz_node_is(const dz_node *node, dz_scalar_kind kind); /* a scalar of that kind */
bool dz_node_is_number(const dz_node *node);
bool dz_node_blank(const dz_node *node); /* NULL, or an empty string */

/* The node of a path, or the nearest ancestor that is there; *whole tells which. */
const dz_node *dz_node_find(const dz_node *root, const char *path, bool *whole);

/* Writes a node's path ("spec.parameters[2].feasibleSpace") into a buffer; nothing for the root. */
void dz_node_path(const dz_node *node, dozan_buf *path);

/* Writes where a node is, to say so inside a message: "at line 7", or "by --set". */
enum { DZ_WHERE_TEXT = 24 };
const char *dz_node_where(const dz_node *node, char text[DZ_WHERE_TEXT]);

/* The node as a cJSON tree, owned by the caller; NULL when there is no memory. A whole number that
 * a double cannot hold becomes a raw item, so that no digit is lost. */
cJSON *dz_node_json(const dz_node *node);

#endif
