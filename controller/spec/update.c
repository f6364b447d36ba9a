/*
 * What may change in an experiment that is there already, what the kit is told of one, and what it
 * is called outside.
 */
#include "spec/experiment.h"

#include "spec/units.h"

#include <dozan/buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_BYTES = 160 };

static bool find_difference(const cJSON *a, const cJSON *b, dozan_buf *path);
static bool is_budget(const char *path);
static void join(const dz_experiment_spec *spec, char separator, char text[DZ_QUALIFIED_NAME]);

dozan_status dz_spec_check_update(const dz_experiment_spec *current, const dz_experiment_spec *next,
                                  dozan_error *err)
{
    dozan_buf path;
    dozan_status status = DOZAN_OK;
    const char *what = NULL;

    if (strcmp(current->name, next->name) != 0 ||
        strcmp(current->namespace_, next->namespace_) != 0) {
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, "metadata.name",
                               "%s/%s is another experiment than %s/%s", next->namespace_,
                               next->name, current->namespace_, current->name);
    }
    dozan_buf_init(&path, PATH_MAX_BYTES);
    dozan_buf_puts(&path, "spec");
    if (find_difference(cJSON_GetObjectItemCaseSensitive(current->document, "spec"),
                        cJSON_GetObjectItemCaseSensitive(next->document, "spec"), &path)) {
        what = path.data != NULL ? path.data : "spec";
        status = dozan_error_set(err, DOZAN_FAILED_PRECONDITION, what,
                                 "cannot change in an experiment that exists: only "
                                 "parallelTrialCount, maxTrialCount, maxFailedTrialCount, "
                                 "maxRuntime and resumePolicy can; give the experiment another "
                                 "name, or delete the old one");
    }
    dozan_buf_fini(&path);
    return status;
}

bool dz_spec_same_budget(const dz_experiment_spec *a, const dz_experiment_spec *b)
{
    return a->parallel_trial_count == b->parallel_trial_count &&
           a->max_trial_count == b->max_trial_count &&
           a->max_failed_trial_count == b->max_failed_trial_count &&
           a->max_runtime_ms == b->max_runtime_ms && a->resume_policy == b->resume_policy;
}

bool dz_spec_is_told(dz_collector_kind collector)
{
    return collector == DZ_COLLECTOR_PUSH || collector == DZ_COLLECTOR_MLFLOW;
}

void dz_spec_qualified(const dz_experiment_spec *spec, char text[DZ_QUALIFIED_NAME])
{
    join(spec, '/', text);
}

void dz_spec_folder(const dz_experiment_spec *spec, char text[DZ_QUALIFIED_NAME])
{
    join(spec, '@', text);
}

static void join(const dz_experiment_spec *spec, char separator, char text[DZ_QUALIFIED_NAME])
{
    if (strcmp(spec->namespace_, "default") == 0) {
        (void)snprintf(text, DZ_QUALIFIED_NAME, "%s", spec->name);
    } else {
        (void)snprintf(text, DZ_QUALIFIED_NAME, "%s%c%s", spec->namespace_, separator, spec->name);
    }
}

static void fill_goals(const dz_experiment_spec *spec, dozan_objective *others,
                       dozan_constraint *constraints)
{
    for (size_t i = 1; i < spec->objective_count; i++) {
        const dz_objective *from = &spec->objectives[i];
        others[i - 1] = (dozan_objective){spec->metrics[from->metric].name, from->maximize};
    }
    for (size_t i = 0; i < spec->constraint_count; i++) {
        const dz_constraint *from = &spec->constraints[i];
        constraints[i] = (dozan_constraint){
            .metric = spec->metrics[from->metric].name,
            .has_min = from->has_min,
            .has_max = from->has_max,
            .min = from->min,
            .max = from->max,
        };
    }
}

dozan_status dz_spec_kit(const dz_experiment_spec *spec, const char *uid,
                         dozan_experiment *experiment)
{
    const char **additional = calloc(spec->metric_count + 1, sizeof *additional);
    dozan_objective *others = calloc(spec->objective_count + 1, sizeof *others);
    dozan_constraint *constraints = calloc(spec->constraint_count + 1, sizeof *constraints);

    if (additional == NULL || others == NULL || constraints == NULL) {
        free(additional);
        free(others);
        free(constraints);
        return DOZAN_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 1; i < spec->metric_count; i++) {
        additional[i - 1] = spec->metrics[i].name;
    }
    fill_goals(spec, others, constraints);
    *experiment = (dozan_experiment){
        .uid = uid,
        .name = spec->name,
        .parameters = spec->parameters,
        .parameter_count = spec->parameter_count,
        .maximize = spec->maximize,
        .has_goal = spec->has_goal,
        .goal = spec->goal,
        .objective_metric = spec->metrics[0].name,
        .additional_metrics = additional,
        .additional_metric_count = spec->metric_count - 1,
        .other_objectives = others,
        .other_objective_count = spec->objective_count - 1,
        .constraints = constraints,
        .constraint_count = spec->constraint_count,
        .algorithm = spec->algorithm,
        .algorithm_settings = spec->algorithm_settings,
        .algorithm_setting_count = spec->algorithm_setting_count,
        .early_stopping = spec->early_stopping,
        .early_stopping_settings = spec->early_stopping_settings,
        .early_stopping_setting_count = spec->early_stopping_setting_count,
        .parallel_trials = spec->parallel_trial_count,
        .max_trials = spec->max_trial_count,
        .seed = spec->seed,
    };
    return DOZAN_OK;
}

void dz_spec_kit_fini(dozan_experiment *experiment)
{
    free((void *)(uintptr_t)experiment->additional_metrics);
    free((void *)(uintptr_t)experiment->other_objectives);
    free((void *)(uintptr_t)experiment->constraints);
    experiment->additional_metrics = NULL;
    experiment->additional_metric_count = 0;
    experiment->other_objectives = NULL;
    experiment->other_objective_count = 0;
    experiment->constraints = NULL;
    experiment->constraint_count = 0;
}

static bool is_budget(const char *path)
{
    static const char *const fields[] = {"spec.parallelTrialCount", "spec.maxTrialCount",
                                         "spec.maxFailedTrialCount", "spec.maxRuntime",
                                         "spec.resumePolicy"};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static void cut(dozan_buf *path, size_t size)
{
    path->size = size;
    path->failed = false;
    path->data[size] = '\0';
}

/* Whether a member of a differs from b's member of its name; the path then names it. With
 * `missing`, only those that b lacks are looked at: comparing both ways at each level would double
 * the work with each level. Members mostly have the same order, and are then found at once. */
static bool members_differ(const cJSON *a, const cJSON *b, bool missing, dozan_buf *path)
{
    const cJSON *child = NULL, *next = b->child;
    size_t size = path->size;

    cJSON_ArrayForEach(child, a)
    {
        const cJSON *other = next;
        if (next == NULL || strcmp(next->string, child->string) != 0) {
            other = cJSON_GetObjectItemCaseSensitive(b, child->string);
        }
        next = other != NULL ? other->next : next;
        if (missing && other != NULL) {
            continue;
        }
        dozan_buf_printf(path, ".%s", child->string);
        if (!is_budget(path->data) && find_difference(child, other, path)) {
            return true;
        }
        cut(path, size);
    }
    return false;
}

static bool elements_differ(const cJSON *a, const cJSON *b, dozan_buf *path)
{
    const cJSON *other = b->child;
    const cJSON *child = NULL;
    size_t size = path->size;
    size_t index = 0;

    cJSON_ArrayForEach(child, a)
    {
        dozan_buf_printf(path, "[%zu]", index++);
        if (find_difference(child, other, path)) {
            return true;
        }
        cut(path, size);
        other = other->next;
    }
    if (other != NULL) {
        dozan_buf_printf(path, "[%zu]", index);
    }
    return other != NULL;
}

/* Compares two documents; the path, which begins with that of a and b, is left at the first
 * difference. */
static bool find_difference(const cJSON *a, const cJSON *b, dozan_buf *path)
{
    if ((a == NULL || cJSON_IsNull(a)) && (b == NULL || cJSON_IsNull(b))) {
        return false; /* null is absent */
    }
    if (a == NULL || b == NULL || (a->type & 0xFF) != (b->type & 0xFF)) {
        return true;
    }
    if (cJSON_IsObject(a)) {
        return members_differ(a, b, false, path) || members_differ(b, a, true, path);
    }
    if (cJSON_IsArray(a)) {
        return elements_differ(a, b, path);
    }
    return !cJSON_Compare(a, b, true);
}
