/*
 * From text to nodes, by libyaml's events. JSON goes the same way: it is YAML but for the surrogate
 * pairs in its strings, which are joined before.
 */
#include "spec/tree_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_ANCHORS = 256 };

typedef struct anchor {
    char name[64];
    dz_node *node;
} anchor;

typedef struct builder {
    dz_tree *tree;
    const char *place;
    bool lines;
    yaml_parser_t parser;
    dz_node *open[DZ_TREE_MAX_DEPTH]; /* the lists and mappings begun and not ended */
    size_t depth;
    const char *key; /* read, and waiting for its value; NULL = none */
    bool merge_key;
    uint32_t key_line;
    uint32_t key_column;
    anchor *anchors;
    size_t anchor_count;
    dz_node *root;
    bool ended; /* a second document may only be empty */
    dozan_error *err;
} builder;

static dozan_status run_parser(builder *b);
static dozan_status take_event(builder *b, const yaml_event_t *event);
static dozan_status fail_parser(builder *b);
static dozan_status fail_at(builder *b, dozan_status code, const yaml_mark_t *mark,
                            const char *message, const char *detail);
static dozan_status take_scalar(builder *b, const yaml_event_t *event);
static dozan_status take_alias(builder *b, const yaml_event_t *event);
static dozan_status begin_container(builder *b, const yaml_event_t *event, dz_node_kind kind);
static dozan_status end_container(builder *b, const yaml_event_t *event);
static dozan_status attach(builder *b, dz_node *node, const yaml_event_t *event);
static dozan_status resolve_scalar(builder *b, const yaml_event_t *event, dz_node *node);
static char *join_surrogates(const char *text, size_t size);

dozan_status dz_tree_parse_into(dz_tree *tree, const char *text, size_t size, const char *place,
                                bool lines, dz_node **root, dozan_error *err)
{
    builder b = {.tree = tree, .place = place, .lines = lines, .err = err};
    char *joined = NULL;
    dozan_status status = DOZAN_OK;

    if (size > DZ_TREE_MAX_BYTES) {
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, place,
                               "the document is %zu bytes long; %d are allowed", size,
                               DZ_TREE_MAX_BYTES);
    }
    joined = join_surrogates(text, size);
    b.anchors = calloc(MAX_ANCHORS, sizeof *b.anchors);
    if (b.anchors == NULL || yaml_parser_initialize(&b.parser) == 0) {
        free(b.anchors);
        free(joined);
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, place, "no memory to parse");
    }
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)(joined ? joined : text), size);
    status = run_parser(&b);
    yaml_parser_delete(&b.parser);
    free(b.anchors);
    free(joined);
    if (status == DOZAN_OK && b.root == NULL) {
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, place, "the document is empty");
    }
    if (status == DOZAN_OK) {
        *root = b.root;
    }
    return status;
}

static dozan_status run_parser(builder *b)
{
    dozan_status status = DOZAN_OK;
    bool more = true;

    while (status == DOZAN_OK && more) {
        yaml_event_t event;
        if (yaml_parser_parse(&b->parser, &event) == 0) {
            return fail_parser(b);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        status = take_event(b, &event);
        yaml_event_delete(&event);
    }
    return status;
}

static dozan_status take_event(builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return take_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return begin_container(b, event, DZ_NODE_LIST);
    case YAML_MAPPING_START_EVENT:
        return begin_container(b, event, DZ_NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return end_container(b, event);
    case YAML_DOCUMENT_START_EVENT:
        b->anchor_count = 0;
        return DOZAN_OK;
    case YAML_DOCUMENT_END_EVENT:
        b->ended = b->root != NULL;
        return DOZAN_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
        break;
    }
    return DOZAN_OK;
}

/* What libyaml found wrong. */
static dozan_status fail_parser(builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem != NULL ? parser->problem : "it cannot be read";

    if (parser->error == YAML_MEMORY_ERROR) {
        return dozan_error_set(b->err, DOZAN_RESOURCE_EXHAUSTED, b->place, "no memory to parse");
    }
    if (parser->error == YAML_READER_ERROR) {
        return dozan_error_set(b->err, DOZAN_INVALID_ARGUMENT, b->place,
                               "is no text: %s (byte %zu)", problem, parser->problem_offset);
    }
    if (strstr(problem, "cannot start any token") != NULL || strstr(problem, " tab ") != NULL) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &mark, problem,
                       ": quote the value, and indent with spaces, not with tabs");
    }
    return fail_at(b, DOZAN_INVALID_ARGUMENT, &mark, "is no YAML: ", problem);
}

static dozan_status fail_at(builder *b, dozan_status code, const yaml_mark_t *mark,
                            const char *message, const char *detail)
{
    char place[sizeof b->err->place];

    if (!b->lines) {
        return dozan_error_set(b->err, code, b->place, "%s%s", message, detail);
    }
    (void)snprintf(place, sizeof place, "%s:%zu:%zu", b->place, mark->line + 1, mark->column + 1);
    return dozan_error_set(b->err, code, place, "%s%s", message, detail);
}

static dozan_status fail_full(builder *b, const yaml_event_t *event, bool full)
{
    char bounds[96];

    (void)snprintf(bounds, sizeof bounds, "%d nodes in %d levels", DZ_TREE_MAX_NODES,
                   DZ_TREE_MAX_DEPTH);
    return fail_at(b, DOZAN_RESOURCE_EXHAUSTED, &event->start_mark,
                   full ? "the document is too large here: it may have " : "no memory to parse",
                   full ? bounds : "");
}

/* Remembers a node by its anchor, if the event gives it one. */
static dozan_status remember_anchor(builder *b, const yaml_event_t *event, const yaml_char_t *name,
                                    dz_node *node)
{
    anchor *made = NULL;

    if (name == NULL) {
        return DOZAN_OK;
    }
    if (b->anchor_count == MAX_ANCHORS) {
        return fail_at(b, DOZAN_RESOURCE_EXHAUSTED, &event->start_mark, "more than 256 anchors",
                       "");
    }
    made = &b->anchors[b->anchor_count++];
    if (strlen((const char *)name) >= sizeof made->name) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                       "the anchor's name is longer than 63 characters", "");
    }
    (void)snprintf(made->name, sizeof made->name, "%s", (const char *)name);
    made->node = node;
    return DOZAN_OK;
}

/* A second document, and text with a character 0, are refused wherever they come from. */
static dozan_status check_scalar(builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    if (b->ended) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                       "a second document: give each Experiment its own file", "");
    }
    if (strlen(text) != event->data.scalar.length) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                       "the text holds a character 0", "");
    }
    return DOZAN_OK;
}

/* Whether a scalar is a document of its own with nothing in it, as after a trailing "---". */
static bool is_empty_document(const builder *b, const yaml_event_t *event)
{
    return b->depth == 0 && event->data.scalar.length == 0 && event->data.scalar.plain_implicit;
}

static dozan_status take_scalar(builder *b, const yaml_event_t *event)
{
    dz_node *node = NULL;
    char *text = NULL;
    bool full = false;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    dozan_status status = DOZAN_OK;

    if (is_empty_document(b, event) && (b->ended || b->lines)) {
        return DOZAN_OK;
    }
    status = check_scalar(b, event);
    if (status != DOZAN_OK) {
        return status;
    }
    text = dz_tree_text(b->tree, (const char *)event->data.scalar.value, event->data.scalar.length);
    if (text != NULL && b->depth > 0 && b->open[b->depth - 1]->kind == DZ_NODE_MAP &&
        b->key == NULL) {
        b->key = text;
        b->merge_key = plain && strcmp(text, "<<") == 0;
        b->key_line = b->lines ? (uint32_t)event->start_mark.line + 1 : 0;
        b->key_column = (uint32_t)event->start_mark.column + 1;
        return event->data.scalar.anchor == NULL
                   ? DOZAN_OK
                   : fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                             "a key cannot have an anchor", "");
    }
    node = text == NULL ? NULL : dz_tree_node(b->tree, DZ_NODE_SCALAR, &full);
    if (node == NULL) {
        return fail_full(b, event, full);
    }
    node->text = text;
    status = resolve_scalar(b, event, node);
    if (status == DOZAN_OK) {
        status = remember_anchor(b, event, event->data.scalar.anchor, node);
    }
    return status == DOZAN_OK ? attach(b, node, event) : status;
}

/* Gives a scalar its meaning: by its own look when plain, else a string; by its tag where it has
 * one. */
static dozan_status resolve_scalar(builder *b, const yaml_event_t *event, dz_node *node)
{
    const char *tag = (const char *)event->data.scalar.tag;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    const char *core = tag != NULL && strncmp(tag, "tag:yaml.org,2002:", 18) == 0 ? tag + 18 : "";
    dz_scalar meaning = dz_scalar_resolve(node->text);
    bool fits = true;

    node->scalar.kind = DZ_SCALAR_STRING;
    if (tag == NULL || strcmp(tag, "!") == 0) {
        node->scalar = plain && tag == NULL ? meaning : node->scalar;
    } else if (strcmp(core, "int") == 0) {
        fits = meaning.kind == DZ_SCALAR_INT;
        node->scalar = meaning;
    } else if (strcmp(core, "float") == 0) {
        fits = meaning.kind == DZ_SCALAR_INT || meaning.kind == DZ_SCALAR_FLOAT;
        node->scalar = meaning;
    } else if (strcmp(core, "bool") == 0) {
        fits = meaning.kind == DZ_SCALAR_BOOL;
        node->scalar = meaning;
    } else if (strcmp(core, "null") == 0) {
        node->scalar.kind = DZ_SCALAR_NULL;
    } else if (strcmp(core, "binary") == 0) {
        fits = false;
    }
    if (!fits) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                       "the value is not of the type that its tag says: ", core);
    }
    if (node->scalar.kind == DZ_SCALAR_NOT_FINITE) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark, node->text,
                       " is no number that an Experiment can hold: quote it to make it a string");
    }
    return DOZAN_OK;
}

static dozan_status take_alias(builder *b, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    dz_node *node = NULL;
    bool full = false;

    for (size_t i = b->anchor_count; i > 0; i--) {
        if (strcmp(b->anchors[i - 1].name, name) == 0) {
            node = b->anchors[i - 1].node;
            break;
        }
    }
    if (node == NULL) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark, "no such anchor: ", name);
    }
    for (size_t i = 0; i < b->depth; i++) {
        if (b->open[i] == node) {
            return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                           "the alias is inside of what it stands for: ", name);
        }
    }
    if (b->depth > 0 && b->open[b->depth - 1]->kind == DZ_NODE_MAP && b->key == NULL) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark, "a key cannot be an alias",
                       "");
    }
    node = dz_node_copy(b->tree, node, b->depth + 1, &full);
    return node == NULL ? fail_full(b, event, full) : attach(b, node, event);
}

static dozan_status begin_container(builder *b, const yaml_event_t *event, dz_node_kind kind)
{
    const yaml_char_t *name =
        kind == DZ_NODE_LIST ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    dz_node *node = NULL;
    bool full = b->depth == DZ_TREE_MAX_DEPTH;
    dozan_status status = DOZAN_OK;

    if (b->ended) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                       "a second document: give each Experiment its own file", "");
    }
    if (b->depth > 0 && b->open[b->depth - 1]->kind == DZ_NODE_MAP && b->key == NULL) {
        return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                       "a list or a mapping cannot be a key", "");
    }
    node = full ? NULL : dz_tree_node(b->tree, kind, &full);
    if (node == NULL) {
        return fail_full(b, event, full);
    }
    status = remember_anchor(b, event, name, node);
    if (status == DOZAN_OK) {
        status = attach(b, node, event);
    }
    if (status == DOZAN_OK) {
        b->open[b->depth++] = node;
    }
    return status;
}

static dozan_status end_container(builder *b, const yaml_event_t *event)
{
    dz_node *node = b->open[--b->depth];
    dz_node *twice = NULL;
    dz_node *first = NULL;
    yaml_mark_t mark = {0};
    char where[DZ_WHERE_TEXT];
    char detail[256];
    bool full = false;

    if (node->kind != DZ_NODE_MAP) {
        return DOZAN_OK;
    }
    if (!dz_node_settle(b->tree, node, b->depth + 1, &twice, &first, &full)) {
        return fail_full(b, event, full);
    }
    if (twice == NULL) {
        return DOZAN_OK;
    }
    (void)snprintf(detail, sizeof detail, "\"%.128s\", first %s: remove one", twice->key,
                   dz_node_where(first, where));
    mark.line = twice->line > 0 ? twice->line - 1 : 0;
    mark.column = twice->column > 0 ? twice->column - 1 : 0;
    return fail_at(b, DOZAN_INVALID_ARGUMENT, &mark, "a key is given twice: ", detail);
}

/* Whether a merge key's value is a mapping or a list of them (they are complete when an alias gives
 * them). */
static bool can_merge(const dz_node *node)
{
    const dz_node *part = node->kind == DZ_NODE_LIST ? node->first : NULL;

    for (; part != NULL; part = part->next) {
        if (part->kind != DZ_NODE_MAP) {
            return false;
        }
    }
    return node->kind != DZ_NODE_SCALAR;
}

/* Makes a node the child of the innermost open container, or the root. */
static dozan_status attach(builder *b, dz_node *node, const yaml_event_t *event)
{
    dz_node *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;

    node->line = b->lines ? (uint32_t)event->start_mark.line + 1 : 0;
    node->column = (uint32_t)event->start_mark.column + 1;
    if (parent == NULL) {
        b->root = node;
        return DOZAN_OK;
    }
    if (parent->kind == DZ_NODE_MAP) {
        node->key = b->key;
        node->line = b->key_line;
        node->column = b->key_column;
        node->merge = b->merge_key;
        b->key = NULL;
        if (node->merge && !can_merge(node)) {
            return fail_at(b, DOZAN_INVALID_ARGUMENT, &event->start_mark,
                           "a merge key (<<) needs a mapping or a list of mappings", "");
        }
    }
    dz_node_append(parent, node);
    return DOZAN_OK;
}

/* Reads four hexadecimal digits after "\u"; -1 when it is no such escape. */
static long read_escape(const char *text, size_t size)
{
    long value = 0;

    if (size < 6 || text[0] != '\\' || text[1] != 'u') {
        return -1;
    }
    for (size_t i = 2; i < 6; i++) {
        const char *hex = "0123456789abcdef0123456789ABCDEF";
        const char *digit = text[i] == '\0' ? NULL : strchr(hex, text[i]);
        if (digit == NULL) {
            return -1;
        }
        value = value * 16 + (digit - hex) % 16;
    }
    return value;
}

/* JSON writes a character beyond 16 bits as two escapes, "\ud83d\ude00", and YAML as one,
 * "\U0001F600". Gives a copy of the same size with the pairs of a JSON text joined (and blank space
 * put behind its end), or NULL when there is none. */
static char *join_surrogates(const char *text, size_t size)
{
    cJSON *json = NULL;
    char *copy = NULL;
    size_t out = 0;

    if (memmem(text, size, "\\ud", 3) == NULL && memmem(text, size, "\\uD", 3) == NULL) {
        return NULL;
    }
    json = cJSON_ParseWithLength(text, size);
    cJSON_Delete(json);
    copy = json == NULL ? NULL : malloc(size + 1);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t in = 0; in < size;) {
        long high = read_escape(text + in, size - in);
        long low = high >= 0xD800 && high < 0xDC00 ? read_escape(text + in + 6, size - in - 6) : -1;
        if (low >= 0xDC00 && low < 0xE000) {
            long point = 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00);
            (void)snprintf(copy + out, 11, "\\U%08lX", (unsigned long)point);
            out += 10;
            in += 12;
        } else {
            size_t width = text[in] == '\\' && in + 1 < size ? 2 : 1;
            memcpy(copy + out, text + in, width);
            out += width;
            in += width;
        }
    }
    memset(copy + out, ' ', size - out);
    return copy;
}
