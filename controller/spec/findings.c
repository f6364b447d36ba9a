/*
 * The findings about a document, and the guess at what a misspelt word was meant to be.
 */
#include "spec/findings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024, PATH_BYTES = 1024, NAME_MAX_COMPARED = 48, NAMES_MAX_COMPARED = 256 };

typedef enum severity { SEVERITY_WARNING, SEVERITY_NOT_HERE, SEVERITY_ERROR } severity;

static void add(dz_findings *findings, severity how, const dz_node *node, const char *below,
                const char *format, va_list values) DOZAN_PRINTF(5, 0);
static void keep(dz_findings *findings, const dz_finding *finding);
static char *place_of(const dz_findings *findings, const dz_node *node, const char *below);
static int by_line(const void *left, const void *right);
static size_t distance(const char *a, const char *b);

bool dz_findings_init(dz_findings *findings, const char *file)
{
    *findings = (dz_findings){.file = file};
    findings->items = calloc(DZ_MAX_FINDINGS + 1, sizeof *findings->items);
    return findings->items != NULL;
}

void dz_findings_fini(dz_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].place);
        free(findings->items[i].message);
    }
    free(findings->items);
    *findings = (dz_findings){0};
}

void dz_reject(dz_findings *findings, const dz_node *node, const char *below, const char *format,
               ...)
{
    va_list values;

    va_start(values, format);
    add(findings, SEVERITY_ERROR, node, below, format, values);
    va_end(values);
}

void dz_warn(dz_findings *findings, const dz_node *node, const char *below, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    add(findings, SEVERITY_WARNING, node, below, format, values);
    va_end(values);
}

void dz_warn_not_here(dz_findings *findings, const dz_node *node, const char *below,
                      const char *format, ...)
{
    va_list values;

    va_start(values, format);
    add(findings, SEVERITY_NOT_HERE, node, below, format, values);
    va_end(values);
}

void dz_reject_error(dz_findings *findings, const dozan_error *err)
{
    findings->fatal = true;
    if (findings->count >= DZ_MAX_FINDINGS) {
        findings->dropped++;
        return;
    }
    keep(findings, &(dz_finding){.place = strdup(err->place), .message = strdup(err->message)});
}

bool dz_findings_publish(dz_findings *findings, dz_problems *problems)
{
    if (findings->dropped > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "%zu more findings are not shown", findings->dropped);
        findings->dropped = 0;
        keep(findings, &(dz_finding){.line = UINT32_MAX,
                                     .place = strdup(findings->file),
                                     .message = strdup(text)});
    }
    if (findings->no_memory) {
        return false;
    }
    problems->warnings_only = !findings->fatal;
    problems->items = calloc(findings->count + 1, sizeof *problems->items);
    if (problems->items == NULL) {
        return false;
    }
    qsort(findings->items, findings->count, sizeof *findings->items, by_line);
    for (size_t i = 0; i < findings->count; i++) {
        problems->items[i].place = findings->items[i].place;
        problems->items[i].message = findings->items[i].message;
        problems->items[i].not_here = findings->items[i].not_here;
    }
    problems->count = findings->count;
    findings->count = 0;
    return true;
}

const char *dz_nearest(const char *text, const char *const *names, size_t count)
{
    size_t length = strlen(text);
    size_t least = length < 4 ? 2 : length < 8 ? 3 : 4; /* first distance that is too far */
    const char *nearest = NULL;

    count = count < NAMES_MAX_COMPARED ? count : NAMES_MAX_COMPARED;
    for (size_t i = 0; i < count && length <= NAME_MAX_COMPARED; i++) {
        size_t far = strlen(names[i]) > NAME_MAX_COMPARED ? least : distance(text, names[i]);
        if (far < least) {
            least = far;
            nearest = names[i];
        }
    }
    return nearest;
}

void dz_problems_fini(dz_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].place);
        free(problems->items[i].message);
    }
    free(problems->items);
    *problems = (dz_problems){0};
}

static void add(dz_findings *findings, severity how, const dz_node *node, const char *below,
                const char *format, va_list values)
{
    bool error = how == SEVERITY_ERROR;
    const char *mark = error ? "" : "warning: ";
    char message[MESSAGE_BYTES];
    size_t used = (size_t)snprintf(message, sizeof message, "%s", mark);

    findings->fatal = findings->fatal || error;
    /* warnings leave room for the errors that may follow */
    if (findings->count >= (size_t)(error ? DZ_MAX_FINDINGS : DZ_MAX_FINDINGS / 2)) {
        findings->dropped++;
        return;
    }
    (void)vsnprintf(message + used, sizeof message - used, format, values);
    keep(findings, &(dz_finding){.line = node->line,
                                 .place = place_of(findings, node, below),
                                 .message = strdup(message),
                                 .not_here = how == SEVERITY_NOT_HERE});
}

/* Takes the finding's texts. */
static void keep(dz_findings *findings, const dz_finding *finding)
{
    if (finding->place == NULL || finding->message == NULL) {
        free(finding->place);
        free(finding->message);
        findings->no_memory = true;
        return;
    }
    findings->items[findings->count] = *finding;
    findings->items[findings->count].order = (uint32_t)findings->count;
    findings->count++;
}

static char *place_of(const dz_findings *findings, const dz_node *node, const char *below)
{
    dozan_buf place;
    dozan_buf path;
    const char *dot = NULL;

    dozan_buf_init(&path, PATH_BYTES);
    dozan_buf_init(&place, PATH_BYTES + strlen(findings->file) + 32);
    dz_node_path(node, &path);
    if (node->line > 0) {
        dozan_buf_printf(&place, "%s:%u", findings->file, node->line);
    } else {
        dozan_buf_puts(&place, "--set");
    }
    dot = path.size > 0 && below != NULL && below[0] != '[' ? "." : "";
    if (path.size > 0 || below != NULL) {
        dozan_buf_printf(&place, "%s%s%s%s", node->line > 0 ? ": " : " ",
                         path.size > 0 ? path.data : "", dot, below != NULL ? below : "");
    }
    dozan_buf_fini(&path);
    return dozan_buf_take(&place);
}

static int by_line(const void *left, const void *right)
{
    const dz_finding *a = left;
    const dz_finding *b = right;

    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return (a->order > b->order) - (a->order < b->order);
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The number of letters to insert, delete, replace or swap with the next one, that turns a into b;
 * case does not count. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_COMPARED + 1];
    size_t length = strlen(b);
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];

    for (size_t j = 0; j <= length; j++) {
        above[j] = j;
        before[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t *oldest = before;
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = above[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
            best = least_of(best, least_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1])) {
                best = least_of(best, before[j - 2] + 1);
            }
            row[j] = best;
        }
        before = above;
        above = row;
        row = oldest;
    }
    return above[length];
}
