/*
 * What is found wrong with a document, each with its place, collected so that a user sees all of it
 * at once.
 */
#ifndef DZ_SPEC_FINDINGS_H
#define DZ_SPEC_FINDINGS_H

#include "spec/experiment.h"
#include "spec/tree.h"

enum { DZ_MAX_FINDINGS = 200 }; /* further ones are counted, not kept */

typedef struct dz_finding {
    uint32_t line;
    uint32_t order;
    char *place;
    char *message;
    bool not_here;
} dz_finding;

typedef struct dz_findings {
    const char *file;
    dz_finding *items; /* [count], of DZ_MAX_FINDINGS */
    size_t count;
    size_t dropped;
    bool fatal;     /* one of them forbids the experiment */
    bool too_large; /* a list is longer than the checks that follow are made for */
    bool no_memory; /* one was lost */
} dz_findings;

bool dz_findings_init(dz_findings *findings, const char *file);
void dz_findings_fini(dz_findings *findings);

/* Records an error (dz_reject) or a warning (dz_warn) about a node, or about what is missing below
 * it: `below` is a path from the node ("objective.type"), or NULL. */
void dz_reject(dz_findings *findings, const dz_node *node, const char *below, const char *format,
               ...) DOZAN_PRINTF(4, 5);
void dz_warn(dz_findings *findings, const dz_node *node, const char *below, const char *format, ...)
    DOZAN_PRINTF(4, 5);

/* Records a warning that is an error to who runs the experiment on this machine: Katib takes the
 * document, and a cluster could run it. */
void dz_warn_not_here(dz_findings *findings, const dz_node *node, const char *below,
                      const char *format, ...) DOZAN_PRINTF(4, 5);

/* Records an error whose place is known as text. */
void dz_reject_error(dz_findings *findings, const dozan_error *err);

/* Hands them out in the order of their lines. False when there is no memory. */
bool dz_findings_publish(dz_findings *findings, dz_problems *problems);

/* The name of the list that `text` was probably meant to be, or NULL when none is near. */
const char *dz_nearest(const char *text, const char *const *names, size_t count);

#endif
