/*
 * Settings: one value per row of the algorithm's table. A value's text is the user's or the row's
 * default; numbers are parsed once, here.
 */
#include "settings.h"

#include "arena.h"
#include "decimal.h"
#include "text.h"

#include <dozan/buf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct setting_value {
    const char *text; /* NULL: unset */
    bool given;
    double number; /* INT, DOUBLE */
    int64_t whole; /* INT; BOOL as 0 or 1 */
} setting_value;

struct dozan_settings {
    dz_arena arena;
    const dozan_setting *table;
    size_t count;
    setting_value *values;
};

enum { LONGEST_LIST = 400 };

static dozan_status take_pairs(dozan_settings *settings, const dozan_pair *pairs, size_t count,
                               dozan_error *err);
static dozan_status take_defaults(dozan_settings *settings, dozan_error *err);
static dozan_status read_value(const dozan_setting *row, const char *text, setting_value *value,
                               const char *place, dozan_error *err);
static dozan_status no_memory(dozan_error *err);

/* ---- making ---------------------------------------------------------------------------------- */

dozan_status dz_settings_create(const dozan_setting *table, size_t table_count,
                                const dozan_pair *pairs, size_t pair_count,
                                dozan_settings **settings, dozan_error *err)
{
    dozan_settings *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return no_memory(err);
    made->table = table;
    made->count = table_count;
    made->values = dz_arena_array(&made->arena, table_count, sizeof(*made->values));
    if (made->values == NULL) {
        dz_settings_destroy(made);
        return no_memory(err);
    }
    dozan_status status = take_pairs(made, pairs, pair_count, err);
    if (status == DOZAN_OK)
        status = take_defaults(made, err);
    if (status != DOZAN_OK) {
        dz_settings_destroy(made);
        return status;
    }
    *settings = made;
    return DOZAN_OK;
}

void dz_settings_destroy(dozan_settings *settings)
{
    if (settings == NULL)
        return;
    dz_arena_fini(&settings->arena);
    free(settings);
}

static size_t find_row(const dozan_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->table[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

bool dz_settings_given(const dozan_settings *settings, const char *name)
{
    size_t row = find_row(settings, name);
    return row != SIZE_MAX && settings->values[row].given;
}

/* ---- getters --------------------------------------------------------------------------------- */

/* A wrong name or type is a mistake in the algorithm's source, which no input can cause. */
static const setting_value *value_of(const dozan_settings *settings, const char *name,
                                     unsigned types)
{
    size_t row = find_row(settings, name);
    if (row == SIZE_MAX || (types >> settings->table[row].type & 1u) == 0) {
        (void)fprintf(stderr,
                      "dozan: bug: an algorithm asks for setting '%s', which its table %s\n", name,
                      row == SIZE_MAX ? "lacks" : "has with another type");
        abort();
    }
    return &settings->values[row];
}

#define TYPE(name) (1u << DOZAN_SETTING_##name)

bool dozan_setting_is_set(const dozan_settings *settings, const char *name)
{
    return value_of(settings, name, ~0u)->text != NULL;
}

double dozan_setting_double(const dozan_settings *settings, const char *name)
{
    const setting_value *value = value_of(settings, name, TYPE(DOUBLE) | TYPE(INT));
    return value->text != NULL ? value->number : (double)NAN;
}

int64_t dozan_setting_int(const dozan_settings *settings, const char *name)
{
    return value_of(settings, name, TYPE(INT))->whole;
}

bool dozan_setting_bool(const dozan_settings *settings, const char *name)
{
    return value_of(settings, name, TYPE(BOOL))->whole != 0;
}

const char *dozan_setting_text(const dozan_settings *settings, const char *name)
{
    return value_of(settings, name, ~0u)->text;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* "did you mean 'gamma'? The settings are gamma, prior_weight" */
static void describe_names(const char *wrong, const char *const *names, size_t count,
                           const char *intro, char text[LONGEST_LIST])
{
    dozan_buf buf;
    dozan_buf_init(&buf, LONGEST_LIST - 8);
    const char *nearest = dz_text_nearest(wrong, names, count);
    if (nearest != NULL)
        dozan_buf_printf(&buf, "did you mean '%s'? ", nearest);
    dozan_buf_puts(&buf, intro);
    for (size_t i = 0; i < count; i++)
        dozan_buf_printf(&buf, "%s%s", i > 0 ? ", " : " ", names[i]);
    (void)snprintf(text, LONGEST_LIST, "%s%s", buf.data != NULL ? buf.data : "",
                   buf.failed ? ", ..." : "");
    dozan_buf_fini(&buf);
}

static dozan_status unknown_setting(const dozan_settings *settings, const char *name,
                                    const char *place, dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    char known[LONGEST_LIST] = "this algorithm has no settings";
    if (settings->count > 0) {
        const char **names = malloc(settings->count * sizeof(*names));
        if (names == NULL)
            return no_memory(err);
        for (size_t i = 0; i < settings->count; i++)
            names[i] = settings->table[i].name;
        describe_names(name, names, settings->count, "The settings are", known);
        free(names);
    }
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "unknown setting '%s': %s",
                           dz_text_excerpt(name, excerpt), known);
}

static dozan_status take_pair(dozan_settings *settings, const dozan_pair *pair, const char *place,
                              dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    const char *name = pair->name != NULL ? pair->name : "";
    size_t row = find_row(settings, name);
    if (row == SIZE_MAX)
        return unknown_setting(settings, name, place, err);
    setting_value *value = &settings->values[row];
    if (value->given)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                               "setting '%s' is given twice: remove one",
                               dz_text_excerpt(name, excerpt));
    value->given = true;
    value->text = dz_arena_text(&settings->arena, pair->value);
    if (value->text == NULL)
        return no_memory(err);
    return read_value(&settings->table[row], value->text, value, place, err);
}

static dozan_status take_pairs(dozan_settings *settings, const dozan_pair *pairs, size_t count,
                               dozan_error *err)
{
    for (size_t i = 0; i < count; i++) {
        char place[64];
        (void)snprintf(place, sizeof(place), "algorithmSettings[%zu]", i);
        dozan_status status = take_pair(settings, &pairs[i], place, err);
        if (status != DOZAN_OK)
            return status;
    }
    return DOZAN_OK;
}

static dozan_status take_defaults(dozan_settings *settings, dozan_error *err)
{
    for (size_t i = 0; i < settings->count; i++) {
        const dozan_setting *row = &settings->table[i];
        setting_value *value = &settings->values[i];
        if (value->given)
            continue;
        if (row->required)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "algorithmSettings",
                                   "setting '%s' is required: %s", row->name,
                                   row->help != NULL ? row->help : "give it a value");
        if (row->default_text == NULL)
            continue;
        value->text = row->default_text;
        if (read_value(row, row->default_text, value, NULL, NULL) != DOZAN_OK)
            return dozan_error_set(err, DOZAN_INTERNAL, NULL,
                                   "the default '%s' of setting '%s' breaks its own row of the "
                                   "algorithm's table",
                                   row->default_text, row->name);
    }
    return DOZAN_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

static dozan_status bad_value(const dozan_setting *row, const char *text, const char *place,
                              const char *wanted, dozan_error *err)
{
    char excerpt[DZ_EXCERPT];
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                           "setting '%s' is '%s', but must be %s", row->name,
                           dz_text_excerpt(text, excerpt), wanted);
}

/* "above 0 and at most 1", after what it is of. */
static void describe_range(const dozan_setting *row, const char *what, char *text, size_t size)
{
    bool both = row->min != NULL && row->max != NULL;
    (void)snprintf(text, size, "%s%s%s%s%s%s", what,
                   row->min == NULL     ? ""
                   : row->min_exclusive ? " above "
                                        : " of at least ",
                   row->min != NULL ? row->min : "", both ? " and" : "",
                   row->max == NULL     ? ""
                   : row->max_exclusive ? " below "
                                        : " at most ",
                   row->max != NULL ? row->max : "");
}

/* The order of a number against a bound's text: below 0, 0 or above 0; whole numbers exactly. */
static int compare_bound(const dozan_setting *row, const setting_value *value, const char *bound)
{
    dz_decimal decimal = {0};
    int64_t whole = 0;
    double number = 0;
    if (row->type == DOZAN_SETTING_INT && dz_decimal_parse(bound, &decimal) &&
        dz_decimal_int64(decimal, &whole))
        return value->whole < whole ? -1 : value->whole > whole;
    (void)dozan_number_parse(bound, false, &number);
    return value->number < number ? -1 : value->number > number;
}

static bool in_range(const dozan_setting *row, const setting_value *value)
{
    if (row->min != NULL) {
        int order = compare_bound(row, value, row->min);
        if (order < 0 || (order == 0 && row->min_exclusive))
            return false;
    }
    if (row->max != NULL) {
        int order = compare_bound(row, value, row->max);
        if (order > 0 || (order == 0 && row->max_exclusive))
            return false;
    }
    return true;
}

static dozan_status read_number(const dozan_setting *row, const char *text, setting_value *value,
                                const char *place, dozan_error *err)
{
    char wanted[256];
    bool read = false;
    if (row->type == DOZAN_SETTING_INT) {
        dz_decimal decimal = {0};
        read = dz_decimal_parse(text, &decimal) && dz_decimal_int64(decimal, &value->whole);
        value->number = (double)value->whole;
    } else {
        read = dozan_number_parse(text, false, &value->number);
    }
    if (read && in_range(row, value))
        return DOZAN_OK;
    describe_range(row, row->type == DOZAN_SETTING_INT ? "a whole number" : "a number", wanted,
                   sizeof(wanted));
    return bad_value(row, text, place, wanted, err);
}

static dozan_status read_bool(const dozan_setting *row, const char *text, setting_value *value,
                              const char *place, dozan_error *err)
{
    static const char *const yes[] = {"true", "True", "TRUE"};
    static const char *const no[] = {"false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            value->whole = strcmp(text, yes[i]) == 0;
            return DOZAN_OK;
        }
    }
    return bad_value(row, text, place, "true or false", err);
}

static dozan_status read_choice(const dozan_setting *row, const char *text, const char *place,
                                dozan_error *err)
{
    size_t count = 0;
    for (; row->choices != NULL && row->choices[count] != NULL; count++)
        if (strcmp(row->choices[count], text) == 0)
            return DOZAN_OK;
    char excerpt[DZ_EXCERPT];
    char known[LONGEST_LIST];
    describe_names(text, row->choices, count, "The choices are", known);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place,
                           "setting '%s' is '%s', which is no choice: %s", row->name,
                           dz_text_excerpt(text, excerpt), known);
}

static dozan_status read_value(const dozan_setting *row, const char *text, setting_value *value,
                               const char *place, dozan_error *err)
{
    switch (row->type) {
    case DOZAN_SETTING_INT:
    case DOZAN_SETTING_DOUBLE:
        return read_number(row, text, value, place, err);
    case DOZAN_SETTING_BOOL:
        return read_bool(row, text, value, place, err);
    case DOZAN_SETTING_CHOICE:
        return read_choice(row, text, place, err);
    case DOZAN_SETTING_STRING:
    default:
        return DOZAN_OK;
    }
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for the settings");
}
