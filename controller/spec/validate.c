/*
 * The verdicts on the experiment as a whole: its kind and name, its algorithm, its budget.
 */
#include "spec/validate.h"

#include "spec/defaults.h"
#include "spec/units.h"

#include <math.h>
#include <string.h>

enum { NAME_MAX_BYTES = 40, NAMESPACE_MAX_BYTES = 63, MAX_RETRIES = 100 };

const dz_word dz_resume_words[3] = {
    {"Never", DZ_RESUME_NEVER},
    {"LongRunning", DZ_RESUME_LONG_RUNNING},
    {"FromVolume", DZ_RESUME_FROM_VOLUME},
};

static void check_head(const dz_check *check);
static void check_name(const dz_check *check);
static void check_algorithm(const dz_check *check, const char *field);
static void check_nas(const dz_check *check);
static void check_count(const dz_check *check, const char *field, double least,
                        const char *complaint);
static void check_against_max(const dz_check *check, const char *field);
static void check_own_fields(const dz_check *check);
static void check_duration(const dz_check *check, const char *field);

void dz_check_experiment(const dz_check *check)
{
    check_head(check);
    check_name(check);
    dz_check_budget(check);
    dz_check_objective(check);
    dz_check_objectives(check);
    dz_check_constraints(check);
    dz_check_warm_start(check);
    check_algorithm(check, "algorithm");
    check_algorithm(check, "earlyStopping");
    check_nas(check);
    dz_check_parameters(check);
    dz_check_leases(check);
    dz_check_on_success(check);
    dz_check_template(check);
    dz_check_collector(check);
}

int dz_word_value(const dz_word *words, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].text, text) == 0) {
            return words[i].value;
        }
    }
    return -1;
}

void dz_check_budget(const dz_check *check)
{
    const dz_node *policy = dz_node_get(check->spec, "resumePolicy");

    check_count(check, "maxFailedTrialCount", 0.0, "should not be less than 0");
    check_count(check, "maxTrialCount", 1.0, "must be greater than 0");
    check_count(check, "parallelTrialCount", 1.0, "must be greater than 0");
    check_against_max(check, "maxFailedTrialCount");
    check_against_max(check, "parallelTrialCount");
    if (dz_node_is(policy, DZ_SCALAR_STRING) && DZ_WORD_VALUE(dz_resume_words, policy->text) < 0) {
        dz_reject(check->findings, policy, NULL,
                  "invalid ResumePolicyType \"%.64s\": it must be Never, LongRunning or FromVolume",
                  policy->text);
    }
    check_own_fields(check);
}

static void check_head(const dz_check *check)
{
    const dz_node *version = dz_node_get(check->root, "apiVersion");
    const dz_node *kind = dz_node_get(check->root, "kind");

    if (version == NULL) {
        dz_reject(check->findings, check->root, "apiVersion",
                  "must be specified: kubeflow.org/v1beta1");
    } else if (dz_node_is(version, DZ_SCALAR_STRING) &&
               strcmp(version->text, "kubeflow.org/v1beta1") != 0) {
        dz_reject(check->findings, version, NULL,
                  "\"%.64s\" is not read here: it must be kubeflow.org/v1beta1", version->text);
    }
    if (kind == NULL) {
        dz_reject(check->findings, check->root, "kind", "must be specified: Experiment");
    } else if (dz_node_is(kind, DZ_SCALAR_STRING) && strcmp(kind->text, "Experiment") != 0) {
        dz_reject(check->findings, kind, NULL, "\"%.64s\" is not read here: it must be Experiment",
                  kind->text);
    }
}

/* Whether a text is a DNS label: [a-z]([-a-z0-9]*[a-z0-9])?, where a digit may come first if
 * `digit_first`. */
static bool is_label(const char *text, size_t max, bool digit_first)
{
    size_t size = strlen(text);

    if (size == 0 || size > max || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != size) {
        return false;
    }
    return text[0] != '-' && text[size - 1] != '-' &&
           (digit_first || !(text[0] >= '0' && text[0] <= '9'));
}

static void check_name(const dz_check *check)
{
    const dz_node *metadata = dz_node_get(check->root, "metadata");
    const dz_node *name = dz_node_get(metadata, "name");
    const dz_node *space = dz_node_get(metadata, "namespace");
    const dz_node *at = metadata != NULL ? metadata : check->root;

    if (name == NULL && dz_node_get(metadata, "generateName") != NULL) {
        dz_reject(check->findings, metadata, "name",
                  "must be specified: a name is not generated here, so that a second run finds the "
                  "experiment of the first");
    } else if (name == NULL) {
        dz_reject(check->findings, at, metadata != NULL ? "name" : "metadata.name",
                  "must be specified");
    } else if (dz_node_is(name, DZ_SCALAR_STRING) && !is_label(name->text, NAME_MAX_BYTES, false)) {
        dz_reject(
            check->findings, name, NULL,
            "\"%.64s\": name must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character (e.g. "
            "'my-name', or 'abc-123') and may not be longer than 40 characters",
            name->text);
    }
    if (dz_node_is(space, DZ_SCALAR_STRING) && !is_label(space->text, NAMESPACE_MAX_BYTES, true)) {
        dz_reject(
            check->findings, space, NULL,
            "\"%.64s\": a namespace consists of at most 63 lower case alphanumeric characters "
            "or '-', and begins and ends with an alphanumeric character",
            space->text);
    }
}

static void check_settings(const dz_check *check, const dz_node *settings)
{
    for (const dz_node *entry = settings->first; entry != NULL; entry = entry->next) {
        const char *name = dz_node_string(entry, "name");
        char where[DZ_WHERE_TEXT];
        if (dz_node_blank(dz_node_get(entry, "name"))) {
            dz_reject(check->findings, entry, "name", "must be specified");
        }
        if (dz_node_get(entry, "value") == NULL) {
            dz_reject(check->findings, entry, "value", "must be specified");
        }
        for (const dz_node *other = settings->first; name != NULL && other != entry;
             other = other->next) {
            const char *other_name = dz_node_string(other, "name");
            if (other_name != NULL && strcmp(other_name, name) == 0) {
                dz_reject(check->findings, entry, "name",
                          "the setting %.64s is given twice, first %s: remove one", name,
                          dz_node_where(other, where));
                break;
            }
        }
    }
}

static void check_algorithm(const dz_check *check, const char *field)
{
    const dz_node *algorithm = dz_node_get(check->spec, field);
    const dz_node *name = dz_node_get(algorithm, "algorithmName");
    const dz_node *settings = dz_node_get(algorithm, "algorithmSettings");

    if (algorithm == NULL) {
        return;
    }
    if (algorithm->kind == DZ_NODE_MAP && dz_node_blank(name)) {
        dz_reject(check->findings, algorithm, "algorithmName", "must be specified");
    }
    if (settings != NULL && settings->kind == DZ_NODE_LIST) {
        check_settings(check, settings);
    }
}

static void check_nas(const dz_check *check)
{
    const dz_node *nas = dz_node_get(check->spec, "nasConfig");
    const dz_node *parameters = dz_node_get(check->spec, "parameters");
    bool some = parameters != NULL && (parameters->kind != DZ_NODE_LIST || parameters->count > 0);

    if (nas == NULL && !some) {
        dz_reject(check->findings, parameters != NULL ? parameters : check->spec,
                  parameters != NULL ? NULL : "parameters",
                  "spec.parameters or spec.nasConfig must be specified");
    }
    if (nas != NULL && some) {
        dz_reject(check->findings, nas, NULL,
                  "only one of spec.parameters and spec.nasConfig can be specified");
    }
    if (nas != NULL) {
        dz_reject(check->findings, nas, NULL,
                  "neural architecture search (enas, darts) is not offered yet: give "
                  "spec.parameters and another algorithm");
    }
}

static void check_count(const dz_check *check, const char *field, double least,
                        const char *complaint)
{
    const dz_node *count = dz_node_get(check->spec, field);

    if (dz_node_is_number(count) && count->scalar.number < least) {
        dz_reject(check->findings, count, NULL, "is %.64s, and %s", count->text, complaint);
    }
}

static bool is_whole(const dz_node *node)
{
    return dz_node_is_number(node) && floor(node->scalar.number) >= node->scalar.number;
}

/* A count may not exceed maxTrialCount; a default that does is Katib's trap, and is explained. */
static void check_against_max(const dz_check *check, const char *field)
{
    const dz_node *max = dz_node_get(check->spec, "maxTrialCount");
    const dz_node *count = dz_node_get(check->spec, field);

    if (!is_whole(max) || !is_whole(count) || max->scalar.number < 1.0 ||
        count->scalar.number <= max->scalar.number) {
        return;
    }
    if (count->defaulted) {
        dz_reject(check->findings, max, NULL,
                  "is %.32s, and %s, which is not given, is %d by default: it should be less than "
                  "or equal to spec.maxTrialCount; add %s: %.32s",
                  max->text, field, DZ_DEFAULT_PARALLEL_TRIALS, field, max->text);
    } else {
        dz_reject(check->findings, count, NULL,
                  "is %.32s, and should be less than or equal to spec.maxTrialCount, which is "
                  "%.32s",
                  count->text, max->text);
    }
}

static void check_own_fields(const dz_check *check)
{
    const dz_node *seed = dz_node_get(check->spec, "seed");
    const dz_node *retries = dz_node_get(check->spec, "retries");

    if (seed != NULL && seed->kind == DZ_NODE_SCALAR) {
        dz_scalar meaning = dz_scalar_resolve(seed->text);
        if (meaning.kind != DZ_SCALAR_INT || meaning.negative) {
            dz_reject(check->findings, seed, NULL,
                      "\"%.64s\" is no seed: it must be a whole number from 0 to %llu", seed->text,
                      (unsigned long long)UINT64_MAX);
        }
    }
    if (dz_node_is_number(retries) &&
        (retries->scalar.number < 0.0 || retries->scalar.number > MAX_RETRIES)) {
        dz_reject(check->findings, retries, NULL, "is %.32s, and must be from 0 to %d",
                  retries->text, MAX_RETRIES);
    }
    check_duration(check, "trialTimeout");
    check_duration(check, "maxRuntime");
}

static void check_duration(const dz_check *check, const char *field)
{
    const dz_node *duration = dz_node_get(check->spec, field);
    int64_t parsed = 0;

    if (duration != NULL && duration->kind == DZ_NODE_SCALAR &&
        !dz_duration_parse(duration->text, &parsed)) {
        dz_reject(check->findings, duration, NULL,
                  "\"%.64s\" is no duration: write 90s, 5m, 1h30m or a number of seconds, above 0 "
                  "and at most ten years",
                  duration->text);
    }
}
