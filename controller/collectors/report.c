/*
 * The lines that dozan-collector writes (see beside/beside.h):
 *   point METRIC TIME_MS VALUE [STEP]     the metric by its number; STEP is the trial's own count
 *   complaint TEXT                        what could not be used, for the user
 */
#include "collectors/collector_kind.h"

#include <dozan/space.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBER = 32 };

static dozan_status report_read(void *self, dz_collector *collector, const dz_line *line,
                                dozan_error *err);

const dz_collector_kind_ops dz_collector_report = {
    .complaint = "could not be read as a line of dozan-collector",
    .line = report_read,
};

static const char point_word[] = "point ", complaint_word[] = "complaint ";

static bool begins(const dz_line *line, const char *word);
static bool take_word(const char **at, const char *end, const char **word, size_t *size);
static bool take_number(const char **at, const char *end, int64_t *number);

static dozan_status report_read(void *self, dz_collector *collector, const dz_line *line,
                                dozan_error *err)
{
    (void)self;
    const char *end = line->text + line->size;
    const char *at = line->text + sizeof point_word - 1;
    int64_t metric, time_ms;
    const char *value;
    size_t size;
    if (begins(line, complaint_word)) {
        size = sizeof complaint_word - 1;
        dz_collector_remark(collector, line->text + size, line->size - size);
        return DOZAN_OK;
    }
    if (!begins(line, point_word) || !take_number(&at, end, &metric) ||
        !take_number(&at, end, &time_ms) || !take_word(&at, end, &value, &size) || metric < 0 ||
        (uint64_t)metric >= dz_collector_metric_count(collector)) {
        dz_collector_complain(collector, line);
        return DOZAN_OK;
    }
    return dz_collector_emit(collector, (size_t)metric, time_ms, value, size, err);
}

static bool begins(const dz_line *line, const char *word)
{
    size_t size = strlen(word);
    return line->size >= size && memcmp(line->text, word, size) == 0;
}

static bool take_word(const char **at, const char *end, const char **word, size_t *size)
{
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    *word = *at;
    *size = (size_t)((space != NULL ? space : end) - *at);
    *at = space != NULL ? space + 1 : end;
    return *size > 0;
}

static bool take_number(const char **at, const char *end, int64_t *number)
{
    char text[MAX_NUMBER];
    const char *word;
    char *rest;
    size_t size;
    if (!take_word(at, end, &word, &size) || size >= sizeof text)
        return false;
    memcpy(text, word, size);
    text[size] = '\0';
    errno = 0;
    *number = strtoll(text, &rest, 10);
    return errno == 0 && *rest == '\0' && strspn(text, "-0123456789") == size;
}
