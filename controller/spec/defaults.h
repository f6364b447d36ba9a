/*
 * Katib's defaults, written into the document so that a user sees what applies.
 */
#ifndef DZ_SPEC_DEFAULTS_H
#define DZ_SPEC_DEFAULTS_H

#include "spec/tree.h"

enum { DZ_DEFAULT_PARALLEL_TRIALS = 3, DZ_MAX_METRICS = 256 };

/* Where the document names no algorithm. Katib refuses such a document. */
#define DZ_DEFAULT_ALGORITHM "auto"

/* Fills in what the document leaves out, in Katib's order. What has a wrong type is left alone.
 * False: no memory. */
bool dz_defaults_apply(dz_tree *tree);

/* The part of it that is about the range of hyperband's resource; `spec` is the tree's. */
DOZAN_MUST_USE bool dz_defaults_resource(dz_tree *tree, const dz_node *spec);

/* The metric that an entry of spec.objectives or spec.constraints names, or NULL. */
const dz_node *dz_metric_node(const dz_node *entry);

/* ---- for the files of the defaults; what has a wrong type is left alone */

/* spec.objective from spec.objectives, the metrics of both and of spec.constraints, and the
 * strategies of them all. False: no memory. */
bool dz_default_objectives(dz_tree *tree, dz_node *spec);

/* What spec.leases means for the fields beside it. False: no memory. */
bool dz_default_leases(dz_tree *tree, dz_node *spec);

/* Sets a member to a text where it is absent, null or empty. False: no memory. */
bool dz_default_text(dz_tree *tree, dz_node *map, const char *key, const char *text);

/* The member as a mapping, made where it is absent or null. NULL: no memory. */
dz_node *dz_default_map(dz_tree *tree, dz_node *map, const char *key);

/* The same with a list. */
dz_node *dz_default_list(dz_tree *tree, dz_node *map, const char *key);

#endif
