/*
 * What comes of a service's words: suggestions for the log, and verdicts by its rules.
 */
#include "grpc_bridge_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static dozan_status convert(dz_bridge_log *log, const dz_katib_suggestion *from, dz_arena *arena,
                            dozan_suggestion *to, dozan_error *err);
static dozan_status convert_value(const dz_bridge_log *log, size_t index, const char *text,
                                  dz_arena *arena, dozan_suggestion *to, dozan_error *err);
static dozan_status put_settings(dz_bridge_log *log, const dz_katib_answer *answer, dz_arena *arena,
                                 const dozan_ask_reply *reply, dozan_error *err);
static bool add_label(dozan_suggestion *to, dz_arena *arena, const char *prefix, const char *name,
                      const char *value);
static bool any_runs(const dz_bridge_log *log);
static bool satisfied(const dz_bridge_log *log, const dz_bridge_trial *trial,
                      const dz_katib_rule *rule, double *value, size_t *steps);

dozan_status dz_bridge_log_answer(dz_bridge_log *log, const dz_katib_answer *answer,
                                  uint32_t wanted, dz_arena *arena, dozan_ask_reply *reply,
                                  dozan_error *err)
{
    size_t count = answer->suggestion_count;
    if (count > wanted)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL,
                               "the service answers %zu suggestions where %u were asked for", count,
                               wanted);
    *reply = (dozan_ask_reply){.applied_seq = log->cursor, .message = ""};
    reply->suggestions = dz_arena_array(arena, count, sizeof(*reply->suggestions));
    if (reply->suggestions == NULL)
        return dz_bridge_no_memory(err);
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; i < count && status == DOZAN_OK; i++)
        status = convert(log, &answer->suggestions[i], arena, &reply->suggestions[i], err);
    if (status != DOZAN_OK)
        return status;
    reply->suggestion_count = count;
    if (count < wanted) {
        bool wait = count > 0 || any_runs(log);
        reply->end = wait ? DOZAN_ASK_WAIT : DOZAN_ASK_EXHAUSTED;
        reply->message = wait ? "the service has no more suggestions until a trial ends"
                              : "the service has no more suggestions";
    }
    return put_settings(log, answer, arena, reply, err);
}

/* ---- suggestions ---------------------------------------------------------------------------- */

static dozan_status convert(dz_bridge_log *log, const dz_katib_suggestion *from, dz_arena *arena,
                            dozan_suggestion *to, dozan_error *err)
{
    size_t dimensions = dozan_space_dimensions(log->space);
    to->assignments = dz_arena_array(arena, dimensions, sizeof(*to->assignments));
    to->labels = dz_arena_array(arena, DOZAN_MAX_LABELS, sizeof(*to->labels));
    if (to->assignments == NULL || to->labels == NULL)
        return dz_bridge_no_memory(err);
    if (from->assignment_count != dimensions)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL,
                               "the service suggests %zu values for %zu parameters",
                               from->assignment_count, dimensions);
    bool good = from->trial_name[0] == '\0' ||
                add_label(to, arena, DZ_BRIDGE_NAME_LABEL, "", from->trial_name);
    for (size_t i = 0; i < dimensions && good; i++) {
        const char *name = dozan_space_dimension(log->space, i)->name;
        size_t k = 0;
        while (k < dimensions && strcmp(from->assignments[k].name, name) != 0)
            k++;
        if (k == dimensions)
            return dozan_error_set(err, DOZAN_INTERNAL, NULL,
                                   "the service suggests no value for %.100s", name);
        dozan_status status = convert_value(log, i, from->assignments[k].value, arena, to, err);
        if (status != DOZAN_OK)
            return status;
    }
    for (size_t i = 0; i < from->label_count && good; i++)
        good = add_label(to, arena, "", from->labels[i].name, from->labels[i].value);
    return good ? DOZAN_OK : dz_bridge_no_memory(err);
}

/* Katib's own services round to steps from zero, and write integers as "64.0": a number is brought
 * to the nearest one of the space. What the service wrote is kept, as some know their trials again
 * by these texts alone. */
static dozan_status convert_value(const dz_bridge_log *log, size_t index, const char *text,
                                  dz_arena *arena, dozan_suggestion *to, dozan_error *err)
{
    double u = 0;
    double value = 0;
    char number[DOZAN_VALUE_TEXT];
    const dozan_dimension *dimension = dozan_space_dimension(log->space, index);
    const char *written = text;
    bool inside = dozan_space_parse(log->space, index, text, &u, NULL) == DOZAN_OK;
    if (!inside &&
        (dimension->type == DOZAN_CATEGORICAL || !dozan_number_parse(text, false, &value)))
        return dozan_error_set(
            err, DOZAN_INTERNAL, NULL,
            "the service suggests %.100s = \"%.100s\", which is not in its space", dimension->name,
            text);
    if (!inside)
        u = dozan_space_coordinate(log->space, index, value);
    if (!inside || dimension->levels > 0)
        written = dozan_space_text(log->space, index, u, number);
    if (written == number)
        written = dz_arena_text(arena, number);
    bool good = written != NULL;
    if (good && strcmp(written, text) != 0)
        good = add_label(to, arena, DZ_BRIDGE_VALUE_LABEL, dimension->name, text);
    to->assignments[to->assignment_count++] =
        (dozan_pair){.name = dimension->name, .value = written};
    return good ? DOZAN_OK : dz_bridge_no_memory(err);
}

/* What a service sets in its answer is to come back with the next request. It is remembered here,
 * and goes into the log with the suggestions as far as there is room. */
static dozan_status put_settings(dz_bridge_log *log, const dz_katib_answer *answer, dz_arena *arena,
                                 const dozan_ask_reply *reply, dozan_error *err)
{
    size_t at = 0;
    for (size_t i = 0; i < answer->setting_count; i++) {
        const dozan_pair *setting = &answer->settings[i];
        while (at < reply->suggestion_count &&
               reply->suggestions[at].label_count == DOZAN_MAX_LABELS)
            at++;
        bool good = dz_bridge_set(log, setting->name, setting->value);
        if (good && at < reply->suggestion_count)
            good = add_label(&reply->suggestions[at], arena, DZ_BRIDGE_SETTING_LABEL, setting->name,
                             setting->value);
        if (!good)
            return dz_bridge_no_memory(err);
    }
    return DOZAN_OK;
}

/* One that is too long, or one too many, is left out. False: no memory. */
static bool add_label(dozan_suggestion *to, dz_arena *arena, const char *prefix, const char *name,
                      const char *value)
{
    char whole[DOZAN_LABEL_TEXT];
    int size = snprintf(whole, sizeof(whole), "%s%s", prefix, name);
    if (size < 0 || (size_t)size >= sizeof(whole) || strlen(value) >= DOZAN_LABEL_TEXT ||
        to->label_count == DOZAN_MAX_LABELS)
        return true;
    dozan_pair label = {.name = dz_arena_text(arena, whole), .value = dz_arena_text(arena, value)};
    if (label.name == NULL || label.value == NULL)
        return false;
    to->labels[to->label_count++] = label;
    return true;
}

static bool any_runs(const dz_bridge_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        if (log->trials[i].ended == 0)
            return true;
    }
    return false;
}

/* ---- rules ---------------------------------------------------------------------------------- */

bool dz_bridge_log_has_rules(const dz_bridge_log *log)
{
    return log->has_rules && log->rules_after == log->succeeded;
}

dozan_status dz_bridge_log_set_rules(dz_bridge_log *log, const dz_katib_rule *rules, size_t count,
                                     dozan_error *err)
{
    dz_arena_fini(&log->rules_arena);
    log->has_rules = false;
    log->rules = dz_arena_array(&log->rules_arena, count, sizeof(*log->rules));
    bool good = log->rules != NULL;
    for (size_t i = 0; i < count && good; i++) {
        log->rules[i] = rules[i];
        log->rules[i].metric = dz_arena_text(&log->rules_arena, rules[i].metric);
        log->rules[i].value = dz_arena_text(&log->rules_arena, rules[i].value);
        good = log->rules[i].metric != NULL && log->rules[i].value != NULL;
    }
    if (!good)
        return dz_bridge_no_memory(err);
    log->rule_count = count;
    log->rules_after = log->succeeded;
    log->has_rules = true;
    return DOZAN_OK;
}

bool dz_bridge_log_judge(const dz_bridge_log *log, int64_t number, dz_arena *arena,
                         dozan_trial_verdict *verdict, const char **name)
{
    static const char *const words[] = {"", "is", "is less than", "is greater than"};
    const dz_bridge_trial *trial = dz_bridge_find(log, number);
    if (trial == NULL || trial->ended > 0)
        return false;
    char text[DOZAN_ANSWER_MESSAGE] = "";
    bool stop = log->rule_count > 0;
    for (size_t i = 0; i < log->rule_count && stop; i++) {
        const dz_katib_rule *rule = &log->rules[i];
        double value = (double)NAN;
        size_t steps = 0;
        stop = satisfied(log, trial, rule, &value, &steps);
        (void)snprintf(text, sizeof(text), "%.60s %.6g, after %zu reports, %s %.30s", rule->metric,
                       value, steps, words[rule->comparison], rule->value);
    }
    *verdict = (dozan_trial_verdict){.trial = number, .stop = stop, .message = ""};
    if (stop)
        verdict->message = dz_arena_text(arena, text);
    *name = trial->name;
    return verdict->message != NULL;
}

/* The objective by its best so far, another metric by its last value, from the rule's step on. */
static bool satisfied(const dz_bridge_log *log, const dz_bridge_trial *trial,
                      const dz_katib_rule *rule, double *value, size_t *steps)
{
    const dozan_experiment *e = log->experiment;
    uint32_t metric = 0;
    double bound = 0;
    bool objective = strcmp(rule->metric, e->objective_metric) == 0;
    for (size_t i = 0; !objective && i < e->additional_metric_count && metric == 0; i++) {
        if (strcmp(e->additional_metrics[i], rule->metric) == 0)
            metric = (uint32_t)i + 1;
    }
    if ((!objective && metric == 0) || !dozan_number_parse(rule->value, true, &bound))
        return false;
    for (size_t i = 0; i < trial->report_count; i++) {
        double given = trial->reports[i].value;
        if (trial->reports[i].metric != metric)
            continue;
        ++*steps;
        bool better = e->maximize ? given > *value : given < *value;
        if (!objective || isnan(*value) || better)
            *value = given;
    }
    if (*steps == 0 || (rule->start_step > 0 && *steps < (size_t)rule->start_step))
        return false;
    switch (rule->comparison) {
    case DZ_KATIB_LESS:
        return *value < bound;
    case DZ_KATIB_GREATER:
        return *value > bound;
    case DZ_KATIB_EQUAL:
    default:
        return *value >= bound && *value <= bound;
    }
}
