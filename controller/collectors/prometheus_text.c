/*
 * A reader of Prometheus' text format, for values alone: HELP and TYPE lines are comments to it.
 * Every function takes the end of what it may look at; nothing is copied.
 */
#include "collectors/prometheus_text.h"

#include <dozan/space.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER = 64 };

typedef struct label {
    dz_prometheus_part name;
    dz_prometheus_part value; /* as it is written, with its backslashes */
} label;

static bool read_line(const char *at, const char *end, dz_prometheus_sample *sample);
static const char *skip_blanks(const char *at, const char *end);
static const char *read_name(const char *at, const char *end, dz_prometheus_part *name);
static const char *read_labels(const char *at, const char *end, dz_prometheus_part *labels);
static const char *read_label(const char *at, const char *end, label *out);
static const char *read_word(const char *at, const char *end, dz_prometheus_part *word);
static bool is_number(const dz_prometheus_part *word);
static bool read_time(const dz_prometheus_part *word, int64_t *time_ms);
static bool has_label(const dz_prometheus_part *labels, const label *wanted);

int64_t dz_prometheus_read(const char *text, size_t size, dz_prometheus_sink *sink, void *user)
{
    const char *end = text + size;
    int64_t bad = 0;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;
        const char *at = skip_blanks(text, stop);
        dz_prometheus_sample sample = {0};
        if (at < stop && *at != '#') {
            if (read_line(at, stop, &sample))
                sink(user, &sample);
            else
                bad++;
        }
        text = newline != NULL ? newline + 1 : end;
    }
    return bad;
}

bool dz_prometheus_is(const dz_prometheus_sample *sample, const char *wanted)
{
    const char *end = wanted + strlen(wanted);
    const char *brace = memchr(wanted, '{', (size_t)(end - wanted));
    size_t size = (size_t)((brace != NULL ? brace : end) - wanted);
    dz_prometheus_part labels;
    if (size != sample->name.size || memcmp(wanted, sample->name.text, size) != 0)
        return false;
    if (brace == NULL)
        return true;
    if (read_labels(brace, end, &labels) != end)
        return false;
    const char *at = labels.text;
    end = labels.text + labels.size;
    while ((at = skip_blanks(at, end)) < end) {
        label one;
        at = read_label(at, end, &one);
        if (at == NULL || !has_label(&sample->labels, &one))
            return false;
    }
    return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool read_line(const char *at, const char *end, dz_prometheus_sample *sample)
{
    dz_prometheus_part time;
    at = read_name(at, end, &sample->name);
    if (at == NULL)
        return false;
    at = skip_blanks(at, end);
    sample->labels = (dz_prometheus_part){at, 0};
    if (at < end && *at == '{')
        at = read_labels(at, end, &sample->labels);
    if (at == NULL)
        return false;
    at = read_word(skip_blanks(at, end), end, &sample->value);
    if (!is_number(&sample->value))
        return false;
    at = skip_blanks(at, end);
    if (at == end || *at == '#')
        return true;
    at = read_word(at, end, &time);
    sample->has_time = read_time(&time, &sample->time_ms);
    at = skip_blanks(at, end);
    return sample->has_time && (at == end || *at == '#');
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

/* Behind the name; NULL when there is none. */
static const char *read_name(const char *at, const char *end, dz_prometheus_part *name)
{
    const char *begin = at;
    while (at < end && (is_letter(*at) || (at > begin && *at >= '0' && *at <= '9')))
        at++;
    *name = (dz_prometheus_part){begin, (size_t)(at - begin)};
    return at > begin ? at : NULL;
}

/* Behind the closing brace; NULL when there is none, or what is between them is no list of labels.
 */
static const char *read_labels(const char *at, const char *end, dz_prometheus_part *labels)
{
    const char *begin = ++at;
    label one;
    for (;;) {
        at = skip_blanks(at, end);
        if (at < end && *at == '}') {
            *labels = (dz_prometheus_part){begin, (size_t)(at - begin)};
            return at + 1;
        }
        at = read_label(at, end, &one);
        if (at == NULL)
            return NULL;
    }
}

/* Behind the label and its comma; NULL when there is none. */
static const char *read_label(const char *at, const char *end, label *out)
{
    at = read_name(at, end, &out->name);
    if (at == NULL)
        return NULL;
    at = skip_blanks(at, end);
    if (at == end || *at != '=')
        return NULL;
    at = skip_blanks(at + 1, end);
    if (at == end || *at != '"')
        return NULL;
    const char *begin = ++at;
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    if (at >= end)
        return NULL;
    out->value = (dz_prometheus_part){begin, (size_t)(at - begin)};
    at = skip_blanks(at + 1, end);
    if (at == end || *at == '}')
        return at;
    return *at == ',' ? at + 1 : NULL;
}

static const char *read_word(const char *at, const char *end, dz_prometheus_part *word)
{
    const char *begin = at;
    while (at < end && *at != ' ' && *at != '\t' && *at != '\r')
        at++;
    *word = (dz_prometheus_part){begin, (size_t)(at - begin)};
    return at;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_number(const dz_prometheus_part *word)
{
    char text[MAX_NUMBER];
    double value;
    if (word->size == 0 || word->size >= sizeof text)
        return false;
    memcpy(text, word->text, word->size);
    text[word->size] = '\0';
    return strlen(text) == word->size && dozan_number_parse(text, true, &value);
}

static bool read_time(const dz_prometheus_part *word, int64_t *time_ms)
{
    char text[MAX_NUMBER];
    char *rest;
    if (word->size == 0 || word->size >= sizeof text)
        return false;
    memcpy(text, word->text, word->size);
    text[word->size] = '\0';
    errno = 0;
    *time_ms = strtoll(text, &rest, 10);
    return errno == 0 && *rest == '\0' && strspn(text, "-0123456789") == word->size;
}

static bool same(const dz_prometheus_part *a, const dz_prometheus_part *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

/* The labels have been read once, so that they are labels. */
static bool has_label(const dz_prometheus_part *labels, const label *wanted)
{
    const char *at = labels->text;
    const char *end = labels->text + labels->size;
    while (at != NULL && (at = skip_blanks(at, end)) < end) {
        label one;
        at = read_label(at, end, &one);
        if (at != NULL && same(&one.name, &wanted->name) && same(&one.value, &wanted->value))
            return true;
    }
    return false;
}
