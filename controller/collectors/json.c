/*
 * File with format JSON: one object per line. A wanted metric's value is a member of that name at
 * the top level, a string or a number, also NaN, Infinity and -Infinity, which Python's json module
 * prints. The member "timestamp" is the line's time: RFC 3339, or seconds since 1970, as a string
 * or a number. A line that is no object is counted and passed over (Katib's collector dies of it,
 * and takes numbers for nothing).
 *
 * A value is to be shown as it was printed, and cJSON keeps numbers as doubles and refuses NaN. So
 * the number tokens of a line are put between quotes before cJSON, which does all the parsing, sees
 * it: then every value is a text.
 */
#include "collectors/collector_kind.h"
#include "collectors/rfc3339.h"

#include <cjson/cJSON.h>
#include <dozan/buf.h>
#include <dozan/space.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The largest line holds fewer tokens than bytes, and a number of one digit grows to three bytes.
 */
enum { MAX_DEPTH = 64, MAX_VALUES = 64 * 1024, MAX_QUOTED_BYTES = 4 * 1024 * 1024 };

typedef struct json_state {
    dozan_buf quoted; /* the line as cJSON gets it */
} json_state;

static dozan_status json_create(const dz_experiment_spec *spec, void **self, dozan_error *err);
static void json_destroy(void *self);
static dozan_status json_read(void *self, dz_collector *collector, const dz_line *line,
                              dozan_error *err);

const dz_collector_kind_ops dz_collector_json = {
    .complaint = "could not be read as a JSON object",
    .create = json_create,
    .destroy = json_destroy,
    .line = json_read,
};

static bool quote_numbers(const dz_line *line, dozan_buf *out);
static size_t string_size(const char *text, size_t size);
static size_t number_size(const char *text, size_t size);
static bool is_blank(const dz_line *line);
static const cJSON *last_member(const cJSON *object, const char *name);
static int64_t line_time(const cJSON *object, int64_t now_ms);
static dozan_status emit_members(dz_collector *collector, const cJSON *object, int64_t now_ms,
                                 dozan_error *err);

static dozan_status json_create(const dz_experiment_spec *spec, void **self, dozan_error *err)
{
    (void)spec;
    json_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "out of memory for a collector");
    dozan_buf_init(&state->quoted, MAX_QUOTED_BYTES);
    *self = state;
    return DOZAN_OK;
}

static void json_destroy(void *self)
{
    json_state *state = self;
    if (state == NULL)
        return;
    dozan_buf_fini(&state->quoted);
    free(state);
}

static dozan_status json_read(void *self, dz_collector *collector, const dz_line *line,
                              dozan_error *err)
{
    json_state *state = self;
    if (is_blank(line))
        return DOZAN_OK;
    dozan_buf_clear(&state->quoted);
    cJSON *object = NULL;
    if (quote_numbers(line, &state->quoted)) {
        const char *end = NULL;
        object = cJSON_ParseWithLengthOpts(state->quoted.data, state->quoted.size + 1, &end, true);
    }
    dozan_status status = DOZAN_OK;
    if (cJSON_IsObject(object))
        status = emit_members(collector, object, line->now_ms, err);
    else
        dz_collector_complain(collector, line);
    cJSON_Delete(object);
    return status;
}

/* The line's text with quotes around its numbers. False when it is nested too deep, has too many
 * values, or does not fit. Anything else that is wrong with the line is left for the parser to
 * find. */
static bool quote_numbers(const dz_line *line, dozan_buf *out)
{
    int depth = 0;
    int values = 0;
    size_t at = 0;
    while (at < line->size) {
        const char *text = line->text + at;
        size_t size = line->size - at;
        size_t taken = string_size(text, size);
        size_t number = taken > 0 ? 0 : number_size(text, size);
        if (number > 0)
            taken = number;
        else if (taken == 0)
            taken = 1;
        depth += *text == '{' || *text == '[' ? 1 : *text == '}' || *text == ']' ? -1 : 0;
        values += *text == ',' ? 1 : 0;
        if (depth > MAX_DEPTH || values > MAX_VALUES)
            return false;
        (void)dozan_buf_append(out, "\"", number > 0 ? 1 : 0);
        (void)dozan_buf_append(out, text, taken);
        (void)dozan_buf_append(out, "\"", number > 0 ? 1 : 0);
        at += taken;
    }
    return !out->failed && out->size > 0;
}

/* The bytes of the string literal that text begins with, both quotes counted (all that is left, if
 * it does not end); 0 when it is none. */
static size_t string_size(const char *text, size_t size)
{
    if (text[0] != '"')
        return 0;
    for (size_t i = 1; i < size; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '"')
            return i + 1;
    }
    return size;
}

static size_t digits_size(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

/* The bytes of the number that text begins with (RFC 8259, section 6, or a name that Python
 * prints); 0 when it is none, or when it runs on into something else. */
static size_t number_size(const char *text, size_t size)
{
    static const char *const names[] = {"NaN", "Infinity", "-Infinity"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i]);
        if (size >= length && memcmp(text, names[i], length) == 0)
            at = length;
    }
    if (at == 0) {
        size_t sign = text[0] == '-' ? 1 : 0;
        size_t whole = digits_size(text + sign, size - sign);
        if (whole == 0 || (whole > 1 && text[sign] == '0'))
            return 0;
        at = sign + whole;
        size_t more = at < size && text[at] == '.' ? digits_size(text + at + 1, size - at - 1) : 0;
        at += more > 0 ? 1 + more : 0;
        if (at < size && (text[at] == 'e' || text[at] == 'E')) {
            sign = at + 1 < size && (text[at + 1] == '-' || text[at + 1] == '+') ? 1 : 0;
            more = digits_size(text + at + 1 + sign, size - at - 1 - sign);
            at += more > 0 ? 1 + sign + more : 0;
        }
    }
    return at == size || (text[at] != '\0' && strchr(",]} \t\r", text[at]) != NULL) ? at : 0;
}

static bool is_blank(const dz_line *line)
{
    for (size_t i = 0; i < line->size; i++) {
        if (line->text[i] != ' ' && line->text[i] != '\t' && line->text[i] != '\r')
            return false;
    }
    return true;
}

/* Go's decoder, and Python's, let the last of several members of one name count. */
static const cJSON *last_member(const cJSON *object, const char *name)
{
    const cJSON *found = NULL;
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        if (strcmp(member->string, name) == 0)
            found = member;
    }
    return found;
}

/* The time that "timestamp" tells; now_ms when it tells none between the years 0 and 9999. */
static int64_t line_time(const cJSON *object, int64_t now_ms)
{
    static const double first_second = -62167219200.0;
    static const double end_second = 253402300800.0;
    const cJSON *member = last_member(object, "timestamp");
    int64_t time_ms;
    double seconds;
    if (!cJSON_IsString(member))
        return now_ms;
    if (dz_rfc3339_parse(member->valuestring, strlen(member->valuestring), &time_ms))
        return time_ms;
    if (dozan_number_parse(member->valuestring, false, &seconds) && seconds >= first_second &&
        seconds < end_second)
        return (int64_t)floor(seconds * 1000.0 + 0.0005);
    return now_ms;
}

static dozan_status emit_members(dz_collector *collector, const cJSON *object, int64_t now_ms,
                                 dozan_error *err)
{
    int64_t time_ms = line_time(object, now_ms);
    dozan_status status = DOZAN_OK;
    for (size_t i = 0; i < dz_collector_metric_count(collector) && status == DOZAN_OK; i++) {
        const cJSON *member = last_member(object, dz_collector_metric_name(collector, i));
        if (cJSON_IsString(member))
            status = dz_collector_emit(collector, i, time_ms, member->valuestring,
                                       strlen(member->valuestring), err);
    }
    return status;
}
