#include "core/warm_start.h"

#include "core/turn.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Why a result is passed over; each with its sentence. */
#define REASONS(X)                                                                                 \
    X(NO_METRIC, "without a value of a metric")                                                    \
    X(NO_PARAMETER, "without a parameter")                                                         \
    X(OUTSIDE, "outside the space")                                                                \
    X(TOO_MANY, "more than maxTrials")

typedef enum reason {
#define REASON_ENUM(name, text) SKIPPED_##name,
    REASONS(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT
} reason;

static const char *const reason_texts[REASON_COUNT] = {
#define REASON_TEXT(name, text) text,
    REASONS(REASON_TEXT)
#undef REASON_TEXT
};

/* A result that fits. */
typedef struct result {
    dozan_pair *assignments;
    size_t assignment_count;
    double *values;   /* [metric_count]; NaN = none */
    double loss;      /* of the first objective; a NaN comes last */
    int64_t ended_ms; /* the newest are the largest */
    size_t order;     /* of the offers */
    bool chosen;
} result;

struct dz_warm_start {
    dz_experiment *experiment;
    result *results;
    size_t count, capacity;
    double *unit;                 /* [dimensions] */
    dz_observation *observations; /* [metric_count], borrowed from the trial that is looked at */
    int64_t skipped[REASON_COUNT];
    char example[REASON_COUNT][96]; /* the first name that a reason was about */
};

static bool read_values(dz_warm_start *warm, const dz_experiment_spec *source,
                        const dz_trial *trial, double *values);
static dozan_status read_assignments(dz_warm_start *warm, const dz_trial *trial, result *made,
                                     bool *fits, dozan_error *err);
static bool add_assignment(result *made, const char *name, const char *value);
static void skip(dz_warm_start *warm, reason why, const char *example);
static bool reserve(dz_warm_start *warm);
static void free_result(result *from);
static void choose(dz_warm_start *warm, size_t most);
static dozan_status log_result(const dz_warm_start *warm, dz_turn *turn, result *from,
                               int64_t number);
static void say(const dz_warm_start *warm, size_t taken);
static int by_loss(const void *left, const void *right);
static int by_age(const void *left, const void *right);
static int by_order(const void *left, const void *right);

dozan_status dz_warm_start_create(dz_experiment *experiment, dz_warm_start **warm, dozan_error *err)
{
    dz_warm_start *made = calloc(1, sizeof *made);

    if (made == NULL) {
        return dz_out_of_memory(err);
    }
    made->experiment = experiment;
    made->unit = calloc(dozan_space_dimensions(experiment->space) + 1, sizeof *made->unit);
    made->observations = calloc(experiment->spec->metric_count, sizeof *made->observations);
    if (made->unit == NULL || made->observations == NULL) {
        dz_warm_start_destroy(made);
        return dz_out_of_memory(err);
    }
    *warm = made;
    return DOZAN_OK;
}

void dz_warm_start_destroy(dz_warm_start *warm)
{
    if (warm == NULL) {
        return;
    }
    for (size_t i = 0; i < warm->count; i++) {
        free_result(&warm->results[i]);
    }
    free(warm->results);
    free(warm->unit);
    free(warm->observations);
    free(warm);
}

dozan_status dz_warm_start_offer(dz_warm_start *warm, const dz_experiment_spec *source,
                                 const dz_trial *trial, dozan_error *err)
{
    const dz_experiment_spec *spec = warm->experiment->spec;
    result made = {.ended_ms = trial->ended_ms, .order = warm->count};
    bool fits = false;
    dozan_status status;

    if (trial->state != DZ_TRIAL_SUCCEEDED) {
        return DOZAN_OK;
    }
    made.values = calloc(spec->metric_count, sizeof *made.values);
    made.assignments = calloc(spec->parameter_count + 1, sizeof *made.assignments);
    if (made.values == NULL || made.assignments == NULL || !reserve(warm)) {
        free_result(&made);
        return dz_out_of_memory(err);
    }
    status = DOZAN_OK;
    if (read_values(warm, source, trial, made.values)) {
        status = read_assignments(warm, trial, &made, &fits, err);
    }
    if (status != DOZAN_OK || !fits) {
        free_result(&made);
        return status;
    }
    made.loss = spec->maximize ? -made.values[0] : made.values[0];
    warm->results[warm->count++] = made;
    return DOZAN_OK;
}

dozan_status dz_warm_start_finish(dz_warm_start *warm, int64_t now_ms, dz_changes *changes,
                                  dozan_error *err)
{
    dz_turn turn = {
        .experiment = warm->experiment, .changes = changes, .now_ms = now_ms, .err = err};
    size_t taken = 0;
    dozan_status status = DOZAN_OK;

    choose(warm, (size_t)warm->experiment->spec->warm_max_trials);
    for (size_t i = 0; status == DOZAN_OK && i < warm->count; i++) {
        if (warm->results[i].chosen) {
            status = log_result(warm, &turn, &warm->results[i], -(int64_t)(++taken));
        }
    }
    if (status == DOZAN_OK) {
        say(warm, taken);
    }
    return status;
}

/* The trial's observations in the order of the new metrics, read by the new strategies. */
static bool read_values(dz_warm_start *warm, const dz_experiment_spec *source,
                        const dz_trial *trial, double *values)
{
    const dz_experiment_spec *spec = warm->experiment->spec;
    dz_trial view = {.observations = warm->observations, .metric_count = spec->metric_count};
    size_t missing;

    memset(warm->observations, 0, spec->metric_count * sizeof *warm->observations);
    for (size_t i = 0; i < spec->metric_count; i++) {
        for (size_t k = 0; k < source->metric_count && k < trial->metric_count; k++) {
            if (strcmp(spec->metrics[i].name, source->metrics[k].name) == 0) {
                view.observations[i] = trial->observations[k];
            }
        }
        if (!dz_trial_metric(&view, spec, i, &values[i])) {
            values[i] = (double)NAN;
        }
    }
    missing = dz_trial_missing(&view, spec);
    if (missing != SIZE_MAX) {
        skip(warm, SKIPPED_NO_METRIC, spec->metrics[missing].name);
    }
    return missing == SIZE_MAX;
}

static const char *find_value(const dz_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->assignment_count; i++) {
        if (strcmp(trial->assignments[i].name, name) == 0) {
            return trial->assignments[i].value;
        }
    }
    return NULL;
}

static dozan_status read_assignments(dz_warm_start *warm, const dz_trial *trial, result *made,
                                     bool *fits, dozan_error *err)
{
    const dozan_space *space = warm->experiment->space;
    size_t dimensions = dozan_space_dimensions(space);

    for (size_t i = 0; i < dimensions; i++) {
        const dozan_dimension *dimension = dozan_space_dimension(space, i);
        const char *value = find_value(trial, dimension->name);
        char text[DOZAN_VALUE_TEXT];
        dozan_error cause = {0};

        warm->unit[i] = 0.5; /* of an inactive parameter nobody asks more */
        if (!dozan_space_active(space, warm->unit, i)) {
            continue;
        }
        if (value == NULL) {
            skip(warm, SKIPPED_NO_PARAMETER, dimension->name);
            return DOZAN_OK;
        }
        if (dozan_space_parse(space, i, value, &warm->unit[i], &cause) != DOZAN_OK) {
            skip(warm, SKIPPED_OUTSIDE, dimension->name);
            return DOZAN_OK;
        }
        if (dimension->levels > 0) {
            value = dozan_space_text(space, i, warm->unit[i], text);
        }
        if (!add_assignment(made, dimension->name, value)) {
            return dz_out_of_memory(err);
        }
    }
    *fits = true;
    return DOZAN_OK;
}

static bool add_assignment(result *made, const char *name, const char *value)
{
    dozan_pair *pair = &made->assignments[made->assignment_count++];

    pair->name = strdup(name);
    pair->value = strdup(value);
    return pair->name != NULL && pair->value != NULL;
}

static void skip(dz_warm_start *warm, reason why, const char *example)
{
    if (warm->skipped[why]++ == 0) {
        (void)dz_text_set(warm->example[why], sizeof warm->example[why], "%s", example);
    }
}

static bool reserve(dz_warm_start *warm)
{
    size_t capacity = warm->capacity == 0 ? 64 : warm->capacity * 2;
    result *grown;

    if (warm->count < warm->capacity) {
        return true;
    }
    grown = realloc(warm->results, capacity * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    warm->results = grown;
    warm->capacity = capacity;
    return true;
}

static void free_result(result *from)
{
    dz_pairs_destroy(from->assignments, from->assignment_count);
    free(from->values);
}

/* Half of what may be taken are the best, and the rest the newest of the others. */
static void choose(dz_warm_start *warm, size_t most)
{
    size_t best = most / 2 + most % 2;

    if (warm->count <= most) {
        for (size_t i = 0; i < warm->count; i++) {
            warm->results[i].chosen = true;
        }
        return;
    }
    qsort(warm->results, warm->count, sizeof *warm->results, by_loss);
    for (size_t i = 0; i < best; i++) {
        warm->results[i].chosen = true;
    }
    qsort(warm->results + best, warm->count - best, sizeof *warm->results, by_age);
    for (size_t i = best; i < most; i++) {
        warm->results[i].chosen = true;
    }
    warm->skipped[SKIPPED_TOO_MANY] = (int64_t)(warm->count - most);
    qsort(warm->results, warm->count, sizeof *warm->results, by_order);
}

/* The entry takes what the result has. */
static dozan_status log_result(const dz_warm_start *warm, dz_turn *turn, result *from,
                               int64_t number)
{
    size_t others = warm->experiment->spec->metric_count - 1;
    const dz_trial trial = {.number = number};
    dz_log_entry *entry = NULL;
    dozan_status status = dz_turn_log(turn, DOZAN_EVENT_KNOWN, &trial, &entry);

    if (status != DOZAN_OK) {
        return status;
    }
    entry->has_value = true;
    entry->value = from->values[0];
    if (others > 0) {
        entry->others = calloc(others, sizeof *entry->others);
        if (entry->others == NULL) {
            return dz_out_of_memory(turn->err);
        }
        memcpy(entry->others, from->values + 1, others * sizeof *entry->others);
        entry->other_count = others;
    }
    entry->assignments = from->assignments;
    entry->assignment_count = from->assignment_count;
    from->assignments = NULL;
    from->assignment_count = 0;
    return DOZAN_OK;
}

/* "12 results of a, b; 3 passed over: 2 outside the space (lr), 1 without a parameter (units)". */
static void say(const dz_warm_start *warm, size_t taken)
{
    const dz_experiment_spec *spec = warm->experiment->spec;
    char names[160] = "";
    char reasons[256] = "";
    int64_t skipped = 0;

    for (size_t i = 0; i < spec->warm_experiment_count; i++) {
        char before[sizeof names];
        memcpy(before, names, sizeof names);
        (void)dz_text_set(names, sizeof names, "%s%s%s", before, i > 0 ? ", " : "",
                          spec->warm_experiments[i]);
    }
    for (int i = 0; i < REASON_COUNT; i++) {
        char before[sizeof reasons];
        bool named = warm->example[i][0] != '\0';
        if (warm->skipped[i] == 0) {
            continue;
        }
        memcpy(before, reasons, sizeof reasons);
        (void)dz_text_set(reasons, sizeof reasons, "%s%s%" PRId64 " %s%s%s%s", before,
                          skipped > 0 ? ", " : "", warm->skipped[i], reason_texts[i],
                          named ? " (" : "", warm->example[i], named ? ")" : "");
        skipped += warm->skipped[i];
    }
    (void)dz_text_set(warm->experiment->warm_start, sizeof warm->experiment->warm_start,
                      "%zu result%s of %s; %" PRId64 " passed over%s%s", taken,
                      taken == 1 ? "" : "s", names, skipped, skipped > 0 ? ": " : "", reasons);
}

static int compare(bool less, bool more, const result *a, const result *b)
{
    return less || more ? (int)more - (int)less : (a->order > b->order) - (a->order < b->order);
}

static int by_loss(const void *left, const void *right)
{
    const result *a = left;
    const result *b = right;

    if (isnan(a->loss) || isnan(b->loss)) {
        return compare(!isnan(a->loss), !isnan(b->loss), a, b);
    }
    return compare(a->loss<b->loss, a->loss> b->loss, a, b);
}

/* The newest first. */
static int by_age(const void *left, const void *right)
{
    const result *a = left;
    const result *b = right;

    return compare(a->ended_ms > b->ended_ms, a->ended_ms < b->ended_ms, a, b);
}

static int by_order(const void *left, const void *right)
{
    return compare(false, false, left, right);
}
