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

#endif
