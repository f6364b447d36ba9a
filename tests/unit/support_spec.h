/*
 * For the tests of specifications: one small Experiment, and ways to change it.
 */
#ifndef TESTS_UNIT_SUPPORT_SPEC_H
#define TESTS_UNIT_SUPPORT_SPEC_H

#include "spec/experiment.h"

/* A valid Experiment: lr (double) and layers (int), a Job, the StdOut collector. Its lines are
 * numbered in messages. */
extern const char spec_base[];

/* The text with the first `from` replaced by `to`; fails the test when there is no `from`. Owned.
 */
char *spec_replace(const char *text, const char *from, const char *to);

/* Reads a text named "e.yaml". */
dozan_status spec_read(const char *text, dz_experiment_spec **spec, dz_problems *problems);

/* Reads a text that must have no findings. */
dz_experiment_spec *spec_must_read(const char *text);

/* All findings, one a line: "place: message\n". Owned. */
char *spec_findings(const dz_problems *problems);

/* The text of a file below DOZAN_SOURCE. Owned. */
char *spec_file(const char *path);

#endif
