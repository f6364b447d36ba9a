/*
 * From a cJSON tree to YAML, by libyaml's emitter. A string stays plain only where every reader,
 * this one and Kubernetes', takes it for a string.
 */
#include "spec/experiment.h"

#include "spec/scalar.h"
#include "spec/tree.h"

#include <dozan/buf.h>
#include <dozan/space.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { OUTPUT_MAX_BYTES = 256 << 20, WRITE_MAX_DEPTH = 128 };

typedef struct writer {
    yaml_emitter_t emitter;
    dozan_buf text;
} writer;

static bool write_stream(writer *w, const cJSON *tree);
static bool write_node(writer *w, const cJSON *node, int depth);
static bool write_container(writer *w, const cJSON *node, int depth);
static bool write_scalar(writer *w, const char *text, yaml_scalar_style_t style);
static bool write_string(writer *w, const char *text);
static bool write_number(writer *w, double number);
static int put_bytes(void *user, unsigned char *bytes, size_t size);

dozan_status dz_yaml_write(const cJSON *tree, char **text)
{
    writer w;
    dozan_status status = DOZAN_OK;

    if (yaml_emitter_initialize(&w.emitter) == 0) {
        return DOZAN_RESOURCE_EXHAUSTED;
    }
    dozan_buf_init(&w.text, OUTPUT_MAX_BYTES);
    yaml_emitter_set_output(&w.emitter, put_bytes, &w.text);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, -1);
    if (!write_stream(&w, tree)) {
        status = w.emitter.error == YAML_EMITTER_ERROR ? DOZAN_INVALID_ARGUMENT
                                                       : DOZAN_RESOURCE_EXHAUSTED;
    } else {
        *text = dozan_buf_take(&w.text);
        status = *text == NULL ? DOZAN_RESOURCE_EXHAUSTED : DOZAN_OK;
    }
    yaml_emitter_delete(&w.emitter);
    dozan_buf_fini(&w.text);
    return status;
}

static int put_bytes(void *user, unsigned char *bytes, size_t size)
{
    return dozan_buf_append(user, bytes, size) ? 1 : 0;
}

/* An event is the emitter's as soon as it is handed over, whatever comes of it. */
static bool emit(writer *w, yaml_event_t *event)
{
    return yaml_emitter_emit(&w->emitter, event) == 1;
}

static bool write_stream(writer *w, const cJSON *tree)
{
    yaml_event_t event;

    if (yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) == 0 || !emit(w, &event) ||
        yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) == 0 ||
        !emit(w, &event) || !write_node(w, tree, 0) ||
        yaml_document_end_event_initialize(&event, 1) == 0 || !emit(w, &event)) {
        return false;
    }
    return yaml_stream_end_event_initialize(&event) == 1 && emit(w, &event);
}

static bool write_node(writer *w, const cJSON *node, int depth)
{
    if (depth > WRITE_MAX_DEPTH) {
        return false;
    }
    if (cJSON_IsObject(node) || cJSON_IsArray(node)) {
        return write_container(w, node, depth);
    }
    if (cJSON_IsString(node)) {
        return write_string(w, node->valuestring);
    }
    if (cJSON_IsNumber(node)) {
        return write_number(w, node->valuedouble);
    }
    if (cJSON_IsRaw(node)) { /* a whole number with more digits than a double has */
        return write_scalar(w, node->valuestring, YAML_PLAIN_SCALAR_STYLE);
    }
    return write_scalar(w,
                        cJSON_IsTrue(node)    ? "true"
                        : cJSON_IsFalse(node) ? "false"
                                              : "null",
                        YAML_PLAIN_SCALAR_STYLE);
}

static bool write_container(writer *w, const cJSON *node, int depth)
{
    const cJSON *child = NULL;
    bool map = cJSON_IsObject(node);
    yaml_event_t event;
    int made =
        map ? yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)
            : yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                                   YAML_BLOCK_SEQUENCE_STYLE);

    if (made == 0 || !emit(w, &event)) {
        return false;
    }
    cJSON_ArrayForEach(child, node)
    {
        if ((map && !write_string(w, child->string)) || !write_node(w, child, depth + 1)) {
            return false;
        }
    }
    made = map ? yaml_mapping_end_event_initialize(&event)
               : yaml_sequence_end_event_initialize(&event);
    return made == 1 && emit(w, &event);
}

static bool write_scalar(writer *w, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    dozan_buf copy;
    bool ok = false;

    dozan_buf_init(&copy, OUTPUT_MAX_BYTES);
    if (dozan_buf_puts(&copy, text)) {
        ok = yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)copy.data,
                                          (int)copy.size, 1, 1, style) == 1 &&
             emit(w, &event);
    }
    dozan_buf_fini(&copy);
    return ok;
}

/* The bytes of the UTF-8 character at the start of a text; 0 when they are none (or a surrogate, or
 * too large). */
static size_t character_bytes(const unsigned char *text)
{
    size_t size = text[0] < 0x80   ? 1
                  : text[0] < 0xC2 ? 0
                  : text[0] < 0xE0 ? 2
                  : text[0] < 0xF0 ? 3
                                   : 4;

    if (text[0] > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
        (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F)) {
        return 0;
    }
    return size;
}

/* Copies a text with U+FFFD for what is no UTF-8: a trial's output may hold anything, and YAML must
 * not. */
static void clean_text(const char *text, dozan_buf *out)
{
    while (*text != '\0') {
        size_t size = character_bytes((const unsigned char *)text);
        if (size == 0) {
            dozan_buf_puts(out, "\xEF\xBF\xBD");
            size = 1;
        } else {
            dozan_buf_append(out, text, size);
        }
        text += size;
    }
}

static bool write_string(writer *w, const char *text)
{
    bool is_string = dz_scalar_resolve(text).kind == DZ_SCALAR_STRING && strcmp(text, "<<") != 0 &&
                     strcmp(text, "=") != 0;
    dozan_buf clean;
    bool ok = false;

    dozan_buf_init(&clean, OUTPUT_MAX_BYTES);
    clean_text(text, &clean);
    if (!clean.failed) {
        bool lines = strchr(text, '\n') != NULL;
        bool literal = lines && strstr(text, " \n") == NULL && text[0] != ' ' && text[0] != '\n';
        ok = write_scalar(w, clean.size > 0 ? clean.data : "",
                          literal               ? YAML_LITERAL_SCALAR_STYLE
                          : is_string && !lines ? YAML_PLAIN_SCALAR_STYLE
                                                : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
    }
    dozan_buf_fini(&clean);
    return ok;
}

/* A whole number without a point, another one with as many digits as it needs; JSON's null for what
 * is none. */
static bool write_number(writer *w, double number)
{
    char digits[DOZAN_VALUE_TEXT];
    char text[DOZAN_VALUE_TEXT + 2];

    if (!isfinite(number)) {
        return write_scalar(w, "null", YAML_PLAIN_SCALAR_STYLE);
    }
    if (floor(number) >= number && fabs(number) < 0x1p53) {
        (void)snprintf(text, sizeof text, "%.0f", number);
    } else {
        dozan_number_text(number, digits);
        /* a float stays one: as a whole number it would be read exactly */
        (void)snprintf(text, sizeof text, "%s%s", digits,
                       strpbrk(digits, ".e") == NULL ? ".0" : "");
    }
    return write_scalar(w, text, YAML_PLAIN_SCALAR_STYLE);
}
