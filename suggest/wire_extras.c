/*
 * What an experiment has beyond Katib's message: several objectives, constraints, and parameters'
 * conditions.
 */
#include "wire_parts.h"

#include <dozan/rng.h>

#include <stdio.h>
#include <string.h>

enum { OBJECTIVES_MAX = 64, CONSTRAINTS_MAX = 64 };

static dozan_status pack_objectives(const dozan_experiment *experiment, dz_arena *arena,
                                    Dozan__V1__Problem *problem, dozan_error *err);
static dozan_status pack_constraints(const dozan_experiment *experiment, dz_arena *arena,
                                     Dozan__V1__Problem *problem, dozan_error *err);
static dozan_status pack_conditions(const dozan_experiment *experiment, dz_arena *arena,
                                    Dozan__V1__Problem *problem, dozan_error *err);

dozan_status dz_wire_pack_extras(const dozan_experiment *experiment, dz_arena *arena,
                                 Dozan__V1__Problem *problem, dozan_error *err)
{
    dozan_status status = pack_objectives(experiment, arena, problem, err);
    if (status == DOZAN_OK)
        status = pack_constraints(experiment, arena, problem, err);
    return status == DOZAN_OK ? pack_conditions(experiment, arena, problem, err) : status;
}

static dozan_status pack_objectives(const dozan_experiment *experiment, dz_arena *arena,
                                    Dozan__V1__Problem *problem, dozan_error *err)
{
    size_t count = experiment->other_objective_count;
    problem->other_objectives = dz_wire_rows(arena, count, sizeof(**problem->other_objectives));
    if (count > 0 && problem->other_objectives == NULL)
        return dz_wire_no_memory(err);
    problem->n_other_objectives = count;
    for (size_t i = 0; i < count; i++) {
        dozan__v1__objective__init(problem->other_objectives[i]);
        problem->other_objectives[i]->metric = dz_wire_text(experiment->other_objectives[i].metric);
        problem->other_objectives[i]->maximize = experiment->other_objectives[i].maximize;
    }
    return DOZAN_OK;
}

static dozan_status pack_constraints(const dozan_experiment *experiment, dz_arena *arena,
                                     Dozan__V1__Problem *problem, dozan_error *err)
{
    size_t count = experiment->constraint_count;
    problem->constraints = dz_wire_rows(arena, count, sizeof(**problem->constraints));
    if (count > 0 && problem->constraints == NULL)
        return dz_wire_no_memory(err);
    problem->n_constraints = count;
    for (size_t i = 0; i < count; i++) {
        const dozan_constraint *from = &experiment->constraints[i];
        Dozan__V1__Constraint *to = problem->constraints[i];
        dozan__v1__constraint__init(to);
        to->metric = dz_wire_text(from->metric);
        to->has_min = from->has_min;
        to->has_max = from->has_max;
        to->min = from->has_min ? from->min : 0;
        to->max = from->has_max ? from->max : 0;
    }
    return DOZAN_OK;
}

static size_t count_conditions(const dozan_experiment *experiment)
{
    size_t count = 0;
    for (size_t i = 0; i < experiment->parameter_count; i++)
        count += experiment->parameters[i].when != NULL;
    return count;
}

static dozan_status pack_conditions(const dozan_experiment *experiment, dz_arena *arena,
                                    Dozan__V1__Problem *problem, dozan_error *err)
{
    size_t count = count_conditions(experiment);
    problem->conditions = dz_wire_rows(arena, count, sizeof(**problem->conditions));
    if (count > 0 && problem->conditions == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < experiment->parameter_count; i++) {
        const dozan_condition *from = experiment->parameters[i].when;
        if (from == NULL)
            continue;
        Dozan__V1__Condition *to = problem->conditions[problem->n_conditions++];
        dozan__v1__condition__init(to);
        to->parameter = (uint32_t)i;
        to->parent = dz_wire_text(from->parameter);
        to->n_values = from->value_count;
        to->values = (char **)(uintptr_t)from->values; /* only read */
        to->min = dz_wire_text(from->min);
        to->max = dz_wire_text(from->max);
    }
    return DOZAN_OK;
}

/* ---- unpacking ------------------------------------------------------------------------------- */

static dozan_status check_count(size_t count, size_t most, const char *place, dozan_error *err)
{
    if (count <= most)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "%zu entries are more than %zu",
                           count, most);
}

dozan_status dz_wire_unpack_extras(const Dozan__V1__Problem *problem, dz_arena *arena,
                                   dozan_experiment *experiment, dozan_error *err)
{
    size_t objectives = problem->n_other_objectives;
    size_t constraints = problem->n_constraints;
    dozan_status status = check_count(objectives, OBJECTIVES_MAX, "spec.objectives", err);
    if (status == DOZAN_OK)
        status = check_count(constraints, CONSTRAINTS_MAX, "spec.constraints", err);
    if (status != DOZAN_OK)
        return status;
    dozan_objective *others = dz_arena_array(arena, objectives, sizeof(*others));
    dozan_constraint *bounds = dz_arena_array(arena, constraints, sizeof(*bounds));
    if (others == NULL || bounds == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < objectives; i++)
        others[i] = (dozan_objective){.metric = problem->other_objectives[i]->metric,
                                      .maximize = problem->other_objectives[i]->maximize != 0};
    for (size_t i = 0; i < constraints; i++) {
        const Dozan__V1__Constraint *from = problem->constraints[i];
        bounds[i] = (dozan_constraint){.metric = from->metric,
                                       .has_min = from->has_min != 0,
                                       .has_max = from->has_max != 0,
                                       .min = from->min,
                                       .max = from->max};
    }
    experiment->other_objectives = others;
    experiment->other_objective_count = objectives;
    experiment->constraints = bounds;
    experiment->constraint_count = constraints;
    return DOZAN_OK;
}

dozan_status dz_wire_unpack_conditions(const Dozan__V1__Problem *problem, dz_arena *arena,
                                       dozan_parameter *parameters, size_t count, dozan_error *err)
{
    dozan_condition *conditions = dz_arena_array(arena, problem->n_conditions, sizeof(*conditions));
    if (conditions == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < problem->n_conditions; i++) {
        const Dozan__V1__Condition *from = problem->conditions[i];
        if (from->parameter >= count || parameters[from->parameter].when != NULL ||
            from->n_values > DOZAN_MAX_LIST) {
            dozan_status status = dozan_error_set(
                err, DOZAN_INVALID_ARGUMENT, NULL,
                "is about no parameter, or one that has a condition, or has too many values");
            if (err != NULL)
                (void)snprintf(err->place, sizeof(err->place), "problem.conditions[%zu]", i);
            return status;
        }
        conditions[i] = (dozan_condition){.parameter = from->parent,
                                          .values = (const char *const *)from->values,
                                          .value_count = from->n_values,
                                          .min = from->min,
                                          .max = from->max};
        parameters[from->parameter].when = &conditions[i];
    }
    return DOZAN_OK;
}

/* ---- the digest ------------------------------------------------------------------------------ */

static uint64_t digest_text(uint64_t digest, const char *text)
{
    return dozan_hash_words(digest, dozan_hash_text(text != NULL ? text : ""));
}

static uint64_t digest_number(uint64_t digest, bool there, double number)
{
    uint64_t bits = 0;
    if (there)
        memcpy(&bits, &number, sizeof(bits));
    return dozan_hash_words(dozan_hash_words(digest, there), bits);
}

static uint64_t digest_condition(uint64_t digest, size_t index, const dozan_condition *when)
{
    digest = digest_text(dozan_hash_words(digest, index), when->parameter);
    digest = dozan_hash_words(digest, when->value_count);
    for (size_t i = 0; i < when->value_count; i++)
        digest = digest_text(digest, when->values[i]);
    return digest_text(digest_text(digest, when->min), when->max);
}

uint64_t dz_wire_extras_digest(uint64_t digest, const dozan_experiment *e)
{
    digest = dozan_hash_words(digest, e->other_objective_count);
    for (size_t i = 0; i < e->other_objective_count; i++)
        digest = dozan_hash_words(digest_text(digest, e->other_objectives[i].metric),
                                  e->other_objectives[i].maximize);
    digest = dozan_hash_words(digest, e->constraint_count);
    for (size_t i = 0; i < e->constraint_count; i++) {
        const dozan_constraint *bound = &e->constraints[i];
        digest = digest_text(digest, bound->metric);
        digest = digest_number(digest, bound->has_min, bound->min);
        digest = digest_number(digest, bound->has_max, bound->max);
    }
    for (size_t i = 0; i < e->parameter_count; i++)
        if (e->parameters[i].when != NULL)
            digest = digest_condition(digest, i, e->parameters[i].when);
    return digest;
}
