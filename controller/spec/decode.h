/*
 * From a checked tree to the plain struct. Every text in it borrows from the tree, which the struct
 * keeps.
 */
#ifndef DZ_SPEC_DECODE_H
#define DZ_SPEC_DECODE_H

#include "spec/tree.h"

#include "spec/experiment.h"

/* Reads one entry of spec.parameters. What is missing or of a wrong type is left empty (type and
 * distribution 0); false only when there is no memory. */
bool dz_decode_parameter(dz_tree *tree, const dz_node *node, dozan_parameter *parameter);

/* Makes the specification of a tree without errors, and takes the tree, on success. NULL: no
 * memory. */
dz_experiment_spec *dz_decode_experiment(dz_tree *tree);

#endif
