#include "api/views/column.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static dozan_status read_term(const dz_held *held, const char *word, size_t size, dz_term *term,
                              dozan_error *err);
static dozan_status read_value(const dz_held *held, dz_term *term, const char *text,
                               dozan_error *err);
static dozan_status read_states(const dz_held *held, dz_filter *filter, dozan_error *err);
static int state_of(const char *text, size_t size);

static const char *const plain[] = {"number",   "state",    "created", "started",
                                    "finished", "duration", "attempt"};

static bool is_word(const char *name, size_t size, const char *word)
{
    return strlen(word) == size && strncmp(name, word, size) == 0;
}

static bool find_parameter(const dz_held *held, const char *name, size_t size, dz_column *column)
{
    for (size_t d = 0; d < held->frame->dims; d++) {
        if (!is_word(name, size, dozan_space_dimension(held->experiment->space, d)->name))
            continue;
        *column = (dz_column){.kind = DZ_COLUMN_PARAMETER, .index = d};
        return true;
    }
    return false;
}

static bool find_metric(const dz_held *held, const char *name, size_t size, dz_column *column)
{
    for (size_t i = 0; i < held->frame->metrics; i++) {
        if (!is_word(name, size, held->experiment->spec->metrics[i].name))
            continue;
        *column = (dz_column){.kind = DZ_COLUMN_METRIC, .index = i};
        return true;
    }
    return false;
}

dozan_status dz_column_find(const dz_held *held, const char *name, size_t size, dz_column *column,
                            dozan_error *err)
{
    static const char parameter[] = "parameter:", metric[] = "metric:";
    size_t skip = sizeof parameter - 1, skip_metric = sizeof metric - 1;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (!is_word(name, size, plain[i]))
            continue;
        *column = (dz_column){.kind = (dz_column_kind)i};
        return DOZAN_OK;
    }
    if (size > skip && strncmp(name, parameter, skip) == 0 &&
        find_parameter(held, name + skip, size - skip, column))
        return DOZAN_OK;
    if (size > skip_metric && strncmp(name, metric, skip_metric) == 0 &&
        find_metric(held, name + skip_metric, size - skip_metric, column))
        return DOZAN_OK;
    if (find_parameter(held, name, size, column) || find_metric(held, name, size, column))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "column",
                           "there is no column \"%.*s\"; there are number, state, created, "
                           "started, finished, duration, attempt, and each parameter and metric",
                           (int)(size < 100 ? size : 100), name);
}

double dz_column_key(const dz_held *held, const dz_column *column, size_t row)
{
    const dz_frame *frame = held->frame;
    int64_t time_ms = 0;
    switch (column->kind) {
    case DZ_COLUMN_NUMBER:
        return (double)frame->numbers[row];
    case DZ_COLUMN_STATE:
        return frame->states[row];
    case DZ_COLUMN_CREATED:
        time_ms = frame->created_ms[row];
        break;
    case DZ_COLUMN_STARTED:
        time_ms = frame->started_ms[row];
        break;
    case DZ_COLUMN_ENDED:
        time_ms = frame->ended_ms[row];
        break;
    case DZ_COLUMN_DURATION:
        time_ms = frame->ended_ms[row] > 0 ? frame->ended_ms[row] : held->request.now_ms;
        time_ms = frame->started_ms[row] > 0 ? time_ms - frame->started_ms[row] : 0;
        break;
    case DZ_COLUMN_ATTEMPT:
        return frame->attempts[row];
    case DZ_COLUMN_PARAMETER:
        return frame->units[row * frame->dims + column->index];
    case DZ_COLUMN_METRIC:
        return frame->values[row * frame->metrics + column->index];
    }
    return time_ms > 0 ? (double)time_ms : (double)NAN;
}

double dz_column_value(const dz_held *held, const dz_column *column, size_t row)
{
    double key = dz_column_key(held, column, row);
    if (column->kind != DZ_COLUMN_PARAMETER || isnan(key))
        return key;
    return dozan_space_value(held->experiment->space, column->index, key);
}

/* ---- filters */

dozan_status dz_filter_read(const dz_held *held, dz_filter *filter, dozan_error *err)
{
    const char *at = dz_query_text(&held->request, "q");
    *filter = (dz_filter){0};
    dozan_status status = read_states(held, filter, err);
    while (status == DOZAN_OK && at != NULL && *at != '\0') {
        size_t size = strcspn(at, " \t\n");
        if (size > 0 && filter->count == DZ_MAX_TERMS)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "q",
                                   "there are more than %d conditions", (int)DZ_MAX_TERMS);
        if (size > 0)
            status = read_term(held, at, size, &filter->terms[filter->count++], err);
        at += size;
        at += strspn(at, " \t\n");
    }
    return status;
}

static bool compare(dz_comparison comparison, double a, double b)
{
    switch (comparison) {
    case DZ_LESS:
        return a < b;
    case DZ_LESS_EQUAL:
        return a <= b;
    case DZ_GREATER:
        return a > b;
    case DZ_GREATER_EQUAL:
        return a >= b;
    case DZ_EQUAL:
        return !(a < b) && !(a > b) && !isnan(a);
    case DZ_NOT_EQUAL:
        return a < b || a > b;
    case DZ_NAME_HAS:
        break;
    }
    return false;
}

bool dz_filter_holds(const dz_held *held, const dz_filter *filter, size_t row)
{
    char name[512];
    if ((filter->states >> held->frame->states[row] & 1U) == 0)
        return false;
    for (size_t i = 0; i < filter->count; i++) {
        const dz_term *term = &filter->terms[i];
        if (term->comparison == DZ_NAME_HAS) {
            dz_trial_name(held->experiment, held->frame->numbers[row], name, sizeof name);
            if (strcasestr(name, term->text) == NULL)
                return false;
        } else if (!compare(term->comparison, dz_column_value(held, &term->column, row),
                            term->value)) {
            return false;
        }
    }
    return true;
}

/* ---- helpers */

static dozan_status read_term(const dz_held *held, const char *word, size_t size, dz_term *term,
                              dozan_error *err)
{
    char text[256];
    size_t name = 0;
    *term = (dz_term){0};
    if (size >= sizeof text)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "q", "\"%.40s...\" is too long", word);
    memcpy(text, word, size);
    text[size] = '\0';
    name = strcspn(text, "<>=!");
    if (name == size) {
        bool number = dozan_number_parse(text, false, &term->value);
        term->column = (dz_column){.kind = DZ_COLUMN_NUMBER};
        term->comparison = number ? DZ_EQUAL : DZ_NAME_HAS;
        memcpy(term->text, text, size < sizeof term->text ? size : sizeof term->text - 1);
        return DOZAN_OK;
    }
    const char *value = text + name + 1;
    bool equal = *value == '=';
    value += equal;
    switch (text[name]) {
    case '<':
        term->comparison = equal ? DZ_LESS_EQUAL : DZ_LESS;
        break;
    case '>':
        term->comparison = equal ? DZ_GREATER_EQUAL : DZ_GREATER;
        break;
    case '!':
        term->comparison = DZ_NOT_EQUAL;
        break;
    default:
        term->comparison = DZ_EQUAL;
        break;
    }
    dozan_status status = dz_column_find(held, text, name, &term->column, err);
    return status == DOZAN_OK ? read_value(held, term, value, err) : status;
}

static dozan_status read_value(const dz_held *held, dz_term *term, const char *text,
                               dozan_error *err)
{
    const dozan_space *space = held->experiment->space;
    size_t index = term->column.index;
    double unit = 0;
    int state = -1;
    if (term->column.kind == DZ_COLUMN_PARAMETER &&
        dozan_space_parse(space, index, text, &unit, NULL) == DOZAN_OK) {
        term->value = dozan_space_value(space, index, unit);
        return DOZAN_OK;
    }
    if (term->column.kind == DZ_COLUMN_STATE) {
        state = state_of(text, strlen(text));
        term->value = state;
        if (state >= 0)
            return DOZAN_OK;
    }
    bool words =
        term->column.kind == DZ_COLUMN_PARAMETER && !dozan_space_dimension(space, index)->ordered;
    if (!words && state < 0 && dozan_number_parse(text, true, &term->value))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "q",
                           "\"%.60s\" is no value to compare with", text);
}

static int state_of(const char *text, size_t size)
{
    for (int i = 0; i < DZ_TRIAL_STATE_COUNT; i++) {
        const char *name = dz_trial_state_name((dz_trial_state)i);
        if (strlen(name) == size && strncasecmp(text, name, size) == 0)
            return i;
    }
    return -1;
}

static dozan_status read_states(const dz_held *held, dz_filter *filter, dozan_error *err)
{
    const char *at = dz_query_text(&held->request, "state");
    filter->states = at == NULL || *at == '\0' ? ~0U : 0;
    while (at != NULL && *at != '\0') {
        size_t size = strcspn(at, ",");
        int state = state_of(at, size);
        if (state < 0)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "state",
                                   "\"%.*s\" is no state of a trial", (int)(size < 40 ? size : 40),
                                   at);
        filter->states |= 1U << state;
        at += size;
        at += *at == ',';
    }
    return DOZAN_OK;
}
