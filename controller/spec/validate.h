/*
 * The verdicts on a document whose types are checked and whose defaults are filled in: Katib's, in
 * words close to Katib's, and the stricter ones on what Katib lets through and then hangs on.
 *
 * Every check goes on after a finding. A field of a wrong type was reported by the schema and is
 * passed over here.
 */
#ifndef DZ_SPEC_VALIDATE_H
#define DZ_SPEC_VALIDATE_H

#include "spec/findings.h"
#include <dozan/space.h>

typedef struct dz_check {
    dz_tree *tree;
    dz_findings *findings;
    const dz_node *root;
    const dz_node *spec; /* a mapping */
} dz_check;

/* The whole of it; calls the others. */
void dz_check_experiment(const dz_check *check);

void dz_check_budget(const dz_check *check);     /* counts, resumePolicy, Dozan's own fields */
void dz_check_objective(const dz_check *check);  /* objective, metrics, strategies */
void dz_check_objectives(const dz_check *check); /* objectives */
void dz_check_constraints(const dz_check *check);
void dz_check_warm_start(const dz_check *check);
void dz_check_parameters(const dz_check *check); /* parameters, one by one */
/* Conditions and initialPoints, for parameters that are sound by themselves. */
void dz_check_space(const dz_check *check, const dozan_parameter *parameters, size_t count);
void dz_check_collector(const dz_check *check);  /* metricsCollectorSpec */
void dz_check_template(const dz_check *check);   /* trialTemplate but for its object */
void dz_check_leases(const dz_check *check);     /* leases */
void dz_check_on_success(const dz_check *check); /* onSuccess */
void dz_check_trial_object(const dz_check *check, dz_node *object); /* trialTemplate.trialSpec */

/* A word of a closed set and what it means. */
typedef struct dz_word {
    const char *text;
    int value;
} dz_word;

/* The value of a word, or -1. */
int dz_word_value(const dz_word *words, size_t count, const char *text);
#define DZ_WORD_VALUE(words, text) dz_word_value((words), sizeof(words) / sizeof((words)[0]), text)

extern const dz_word dz_strategy_words[3];
extern const dz_word dz_resume_words[3];
extern const dz_word dz_collector_words[7];
extern const dz_word dz_type_words[4];
extern const dz_word dz_distribution_words[4];

#endif
