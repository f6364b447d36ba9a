/*
 * Filters over PCRE2. Katib compiles them with Go's RE2; for the expressions that RE2 accepts, the
 * leftmost match of PCRE2 is the same one. Set to be as near as it goes: UTF-8 with invalid bytes
 * let through, `$` only at the very end, classes like \d and \w in ASCII.
 *
 * PCRE2 backtracks where RE2 does not, so every match has a limit of steps, memory and depth. A
 * filter that reaches it gives up on that line and says so; it never hangs the collector.
 */
#include "collectors/filter.h"

#include "collectors/collector.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_EXPRESSION_BYTES = 16 * 1024,
    MATCH_LIMIT = 1000 * 1000,
    DEPTH_LIMIT = 10 * 1000,
    HEAP_LIMIT_KIB = 16 * 1024,
    JIT_STACK_START = 32 * 1024,
    JIT_STACK_MAX = 1024 * 1024
};

/* Katib's `([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)`, with nan and inf as values. A name
 * is looked for only at its first character (\G: or where the last match ended): that finds the
 * same names, in linear time. */
static const char default_expression[] =
    "(?:\\G|(?<![\\w|-]))([\\w|-]++)\\s*+=\\s*+"
    "([+-]?(?:(?i:nan|infinity|inf)(?!\\w)|\\d*+(?:\\.\\d++)?(?:[Ee][+-]?\\d++)?))";

struct dz_filter {
    pcre2_code *code;
    pcre2_match_data *groups;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack; /* NULL where there is no JIT */
    bool numbers_only; /* the default filter: its value may be as little as a sign, which is none */
};

static dozan_status compile(const char *expression, pcre2_code **code, dozan_error *err);
static dozan_status check_groups(const pcre2_code *code, const char *expression, dozan_error *err);
static bool prepare(dz_filter *filter);
static void trimmed_group(const char *line, const size_t *offsets, size_t group, const char **text,
                          size_t *size);
static bool starts_a_number(const char *text, size_t size);
static size_t next_start(const char *line, size_t size, const size_t *offsets);

dozan_status dz_filter_check(const char *expression, dozan_error *err)
{
    pcre2_code *code = NULL;
    dozan_status status = compile(expression, &code, err);
    pcre2_code_free(code);
    return status;
}

dozan_status dz_filter_create(const char *expression, dz_filter **filter, dozan_error *err)
{
    dz_filter *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for a filter");
    dozan_status status =
        compile(expression != NULL ? expression : default_expression, &made->code, err);
    if (status == DOZAN_OK && !prepare(made))
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for a filter");
    made->numbers_only = expression == NULL;
    if (status == DOZAN_OK)
        *filter = made;
    else
        dz_filter_destroy(made);
    return status;
}

void dz_filter_destroy(dz_filter *filter)
{
    if (filter == NULL)
        return;
    pcre2_jit_stack_free(filter->stack);
    pcre2_match_context_free(filter->limits);
    pcre2_match_data_free(filter->groups);
    pcre2_code_free(filter->code);
    free(filter);
}

dozan_status dz_filter_run(dz_filter *filter, const char *line, size_t size, bool *gave_up,
                           dz_filter_sink *sink, void *user, dozan_error *err)
{
    const size_t *offsets = pcre2_get_ovector_pointer(filter->groups);
    size_t start = 0;
    while (start <= size) {
        int found = pcre2_match(filter->code, (PCRE2_SPTR)line, size, start, 0, filter->groups,
                                filter->limits);
        if (found == PCRE2_ERROR_NOMATCH)
            break;
        if (found < 0) {
            *gave_up = true;
            break;
        }
        dz_filter_match match;
        trimmed_group(line, offsets, 1, &match.name, &match.name_size);
        trimmed_group(line, offsets, 2, &match.value, &match.value_size);
        if (match.name_size > 0 && match.value_size > 0 &&
            (!filter->numbers_only || starts_a_number(match.value, match.value_size))) {
            dozan_status status = sink(user, &match, err);
            if (status != DOZAN_OK)
                return status;
        }
        start = next_start(line, size, offsets);
    }
    return DOZAN_OK;
}

static dozan_status compile(const char *expression, pcre2_code **code, dozan_error *err)
{
    size_t size = strlen(expression);
    if (size > MAX_EXPRESSION_BYTES)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "the regular expression has %zu bytes; at most %d are allowed", size,
                               (int)MAX_EXPRESSION_BYTES);
    int number = 0;
    size_t offset = 0;
    pcre2_code *made = pcre2_compile((PCRE2_SPTR)expression, size,
                                     PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
                                         PCRE2_NEVER_BACKSLASH_C,
                                     &number, &offset, NULL);
    if (made == NULL) {
        PCRE2_UCHAR text[160] = "unknown error";
        (void)pcre2_get_error_message(number, text, sizeof text);
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "\"%s\" is no regular expression: %s, at character %zu", expression,
                               (const char *)text, offset);
    }
    dozan_status status = check_groups(made, expression, err);
    if (status == DOZAN_OK)
        *code = made;
    else
        pcre2_code_free(made);
    return status;
}

static dozan_status check_groups(const pcre2_code *code, const char *expression, dozan_error *err)
{
    uint32_t groups = 0;
    (void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups >= 2)
        return DOZAN_OK;
    return dozan_error_set(
        err, DOZAN_INVALID_ARGUMENT, NULL,
        "\"%s\" has %u group%s in parentheses; it needs two: the first is the metric's name, the "
        "second its value, as in ([\\w-]+)=([0-9.]+)",
        expression, groups, groups == 1 ? "" : "s");
}

/* Without JIT the expression is interpreted: slower, with the same matches. */
static bool prepare(dz_filter *filter)
{
    filter->groups = pcre2_match_data_create_from_pattern(filter->code, NULL);
    filter->limits = pcre2_match_context_create(NULL);
    if (filter->groups == NULL || filter->limits == NULL)
        return false;
    (void)pcre2_set_match_limit(filter->limits, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(filter->limits, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(filter->limits, HEAP_LIMIT_KIB);
    if (pcre2_jit_compile(filter->code, PCRE2_JIT_COMPLETE) == 0) {
        filter->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
        if (filter->stack == NULL)
            return false;
        pcre2_jit_stack_assign(filter->limits, NULL, filter->stack);
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A group that took no part in the match is an empty text. */
static void trimmed_group(const char *line, const size_t *offsets, size_t group, const char **text,
                          size_t *size)
{
    size_t begin = offsets[2 * group];
    size_t end = offsets[2 * group + 1];
    if (begin == PCRE2_UNSET || end == PCRE2_UNSET || begin > end)
        begin = end = 0;
    while (begin < end && is_space(line[begin]))
        begin++;
    while (end > begin && is_space(line[end - 1]))
        end--;
    *text = line + begin;
    *size = end - begin;
}

/* Of what the default filter's second group can be ("", "-", "e5", "-.5", "1e3", "NaN"), those that
 * are a number. */
static bool starts_a_number(const char *text, size_t size)
{
    size_t at = text[0] == '+' || text[0] == '-' ? 1 : 0;
    return at < size && strchr(".0123456789nNiI", text[at]) != NULL;
}

/* Goes on where the match ended; after an empty one, a character further on. (\K can put the end
 * before the start.) */
static size_t next_start(const char *line, size_t size, const size_t *offsets)
{
    if (offsets[1] > offsets[0])
        return offsets[1];
    size_t next = (offsets[0] > offsets[1] ? offsets[0] : offsets[1]) + 1;
    while (next < size && ((unsigned char)line[next] & 0xC0u) == 0x80u)
        next++;
    return next;
}
