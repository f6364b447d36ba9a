/*
 * The check of a plugin's reply: all of it, before anything of it is used. The plugin is somebody
 * else's program; whatever it says must not harm more than the plugin's own good name.
 */
#include "core/turn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER_TEXT = 128 };

typedef char number_text[DOZAN_VALUE_TEXT];

/* Where one suggestion's values go: a pair for each parameter (without a name while it has no
 * value), its coordinate, and room for a number's text. */
typedef struct dz_row {
    dozan_pair *pairs;
    double *unit;
    number_text *texts;
} dz_row;

static dozan_status check_count(const dz_experiment *experiment, const dozan_ask_reply *reply,
                                dozan_error *err);
static dozan_status check_suggestion(const dz_experiment *experiment,
                                     const dozan_suggestion *suggestion, int64_t trial,
                                     const dz_row *row, dozan_error *err);
static dozan_status check_active(const dz_experiment *experiment, int64_t trial, const dz_row *row,
                                 dozan_error *err);
static dozan_status check_labels(const dozan_suggestion *suggestion, int64_t trial,
                                 dozan_error *err);
static bool label_text_ok(const char *text);
static size_t find_parameter(const dz_experiment *experiment, size_t place, const char *name);
static dozan_status check_value(const dz_experiment *experiment, size_t index, const char *text,
                                const dz_row *row, dozan_error *err);

dozan_status dz_reply_check(const dz_experiment *experiment, const dozan_ask_reply *reply,
                            dozan_pair **assignments, dozan_error *err)
{
    size_t parameters = experiment->spec->parameter_count;
    size_t cells = reply->suggestion_count * parameters;
    dozan_pair *pairs = NULL;
    double *unit = NULL;
    number_text *texts = NULL;
    dozan_status status = check_count(experiment, reply, err);

    if (status != DOZAN_OK) {
        return status;
    }
    pairs = calloc(cells + 1, sizeof *pairs + sizeof *unit + sizeof *texts);
    if (pairs == NULL) {
        return dz_out_of_memory(err);
    }
    unit = (double *)(void *)(pairs + cells);
    texts = (number_text *)(void *)(unit + cells);
    for (size_t i = 0; status == DOZAN_OK && i < reply->suggestion_count; i++) {
        int64_t trial = experiment->trial_count + 1 + (int64_t)i;
        size_t first = i * parameters;
        dz_row row = {.pairs = &pairs[first], .unit = &unit[first], .texts = &texts[first]};

        status = check_suggestion(experiment, &reply->suggestions[i], trial, &row, err);
    }
    if (status != DOZAN_OK) {
        free(pairs);
        return status;
    }
    *assignments = pairs;
    return DOZAN_OK;
}

static dozan_status check_count(const dz_experiment *experiment, const dozan_ask_reply *reply,
                                dozan_error *err)
{
    if (reply->suggestion_count > experiment->asked_count) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the plugin answered %zu suggestions where %" PRIu32
                               " were asked for",
                               reply->suggestion_count, experiment->asked_count);
    }
    switch (reply->end) {
    case DOZAN_ASK_WAIT:
    case DOZAN_ASK_EXHAUSTED:
        return DOZAN_OK;
    case DOZAN_ASK_MORE:
        if (reply->suggestion_count == experiment->asked_count) {
            return DOZAN_OK;
        }
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the plugin answered only %zu of %" PRIu32
                               " suggestions, and says neither that it waits nor that it has no "
                               "more",
                               reply->suggestion_count, experiment->asked_count);
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "the plugin's answer ends with the unknown code %d", (int)reply->end);
}

static dozan_status check_suggestion(const dz_experiment *experiment,
                                     const dozan_suggestion *suggestion, int64_t trial,
                                     const dz_row *row, dozan_error *err)
{
    const dz_experiment_spec *spec = experiment->spec;
    dozan_status status = check_labels(suggestion, trial, err);

    for (size_t i = 0; status == DOZAN_OK && i < suggestion->assignment_count; i++) {
        const dozan_pair *pair = &suggestion->assignments[i];
        const char *name = pair->name == NULL ? "" : pair->name;
        size_t index = find_parameter(experiment, i, name);

        if (index == SIZE_MAX || row->pairs[index].name != NULL) {
            return dozan_error_set(
                err, DOZAN_INVALID_ARGUMENT, NULL,
                "the plugin's suggestion for trial %" PRId64 " %s: parameter \"%.64s\"", trial,
                index == SIZE_MAX ? "names what the space does not have" : "gives a value twice",
                name);
        }
        row->pairs[index].name = spec->parameters[index].name;
        status = check_value(experiment, index, pair->value, row, err);
        if (status != DOZAN_OK && status != DOZAN_RESOURCE_EXHAUSTED) {
            return dozan_error_wrap(err,
                                    "the plugin's suggestion for trial %" PRId64
                                    ", parameter \"%.64s\" = \"%.64s\"",
                                    trial, name, pair->value == NULL ? "" : pair->value);
        }
    }
    return status == DOZAN_OK ? check_active(experiment, trial, row, err) : status;
}

/* Each active parameter has a value, and no other one. A parameter comes after the one that its
 * condition is on, so that coordinate is there, or the error has been found. */
static dozan_status check_active(const dz_experiment *experiment, int64_t trial, const dz_row *row,
                                 dozan_error *err)
{
    for (size_t i = 0; i < experiment->spec->parameter_count; i++) {
        size_t parent = dozan_space_dimension(experiment->space, i)->parent;
        bool orphan = parent != SIZE_MAX && row->pairs[parent].name == NULL;
        bool active = !orphan && dozan_space_active(experiment->space, row->unit, i);

        if (active != (row->pairs[i].name != NULL)) {
            return dozan_error_set(
                err, DOZAN_INVALID_ARGUMENT, NULL,
                "the plugin's suggestion for trial %" PRId64 " has %s parameter \"%.64s\"%s", trial,
                active ? "no value for" : "a value for", experiment->spec->parameters[i].name,
                active ? "" : ", which is not active at that point");
        }
    }
    return DOZAN_OK;
}

static dozan_status check_labels(const dozan_suggestion *suggestion, int64_t trial,
                                 dozan_error *err)
{
    if (suggestion->label_count > DOZAN_MAX_LABELS) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the plugin's suggestion for trial %" PRId64
                               " has %zu labels; at most %d are allowed",
                               trial, suggestion->label_count, DOZAN_MAX_LABELS);
    }
    for (size_t i = 0; i < suggestion->label_count; i++) {
        const dozan_pair *label = &suggestion->labels[i];

        if (!label_text_ok(label->name) || !label_text_ok(label->value)) {
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "the plugin's suggestion for trial %" PRId64
                                   " has a label whose name or value is not a text of at most %d "
                                   "bytes",
                                   trial, DOZAN_LABEL_TEXT - 1);
        }
    }
    return DOZAN_OK;
}

static bool label_text_ok(const char *text)
{
    return text != NULL && strnlen(text, DOZAN_LABEL_TEXT) < DOZAN_LABEL_TEXT &&
           dz_text_valid(text);
}

/* A well-behaved plugin keeps the order of the parameters. */
static size_t find_parameter(const dz_experiment *experiment, size_t place, const char *name)
{
    const dz_experiment_spec *spec = experiment->spec;

    if (place < spec->parameter_count && strcmp(spec->parameters[place].name, name) == 0) {
        return place;
    }
    return dozan_space_find(experiment->space, name);
}

/* The value as trials get it: of a quantised parameter the space's own text ("64", where a plugin
 * wrote "64.0"); a continuous one stays as it was written. */
static dozan_status check_value(const dz_experiment *experiment, size_t index, const char *text,
                                const dz_row *row, dozan_error *err)
{
    const dozan_dimension *dimension = dozan_space_dimension(experiment->space, index);
    double *u = &row->unit[index];
    dozan_status status;

    if (text == NULL) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "there is no value");
    }
    if (dimension->levels == 0 && strnlen(text, MAX_NUMBER_TEXT) == MAX_NUMBER_TEXT) {
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "the text has more than %d bytes",
                               MAX_NUMBER_TEXT - 1);
    }
    status = dozan_space_parse(experiment->space, index, text, u, err);
    if (status != DOZAN_OK) {
        return status;
    }
    row->pairs[index].value =
        dimension->levels == 0 ? text
                               : dozan_space_text(experiment->space, index, *u, row->texts[index]);
    return DOZAN_OK;
}
