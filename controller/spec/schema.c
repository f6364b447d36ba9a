/*
 * The walker of the schema tables.
 */
#include "spec/schema.h"

#include <math.h>
#include <string.h>

enum { MAX_FIELDS = 64, MAX_OBJECTS = 4096 };

static void check_field(const dz_field *field, dz_node *node, dz_findings *findings);
static void check_unknown(const dz_schema *schema, const dz_node *node, dz_findings *findings);
static bool is_set(const dz_node *node);
static void check_scalar(dz_type type, dz_node *node, dz_findings *findings);
static void check_children(const dz_field *field, dz_node *node, dz_findings *findings);
static void check_integer(const dz_node *node, double least, double most, dz_findings *findings);
static const char *kind_name(const dz_node *node);

void dz_schema_check(const dz_schema *schema, dz_node *node, dz_findings *findings)
{
    if (node->kind != DZ_NODE_MAP) {
        dz_reject(findings, node, NULL, "must be a mapping of fields, not %s", kind_name(node));
        return;
    }
    for (dz_node *child = node->first; child != NULL; child = child->next) {
        const dz_field *field = NULL;
        for (size_t i = 0; i < schema->count && field == NULL; i++) {
            field = strcmp(schema->fields[i].name, child->key) == 0 ? &schema->fields[i] : NULL;
        }
        if (field == NULL) {
            check_unknown(schema, child, findings);
        } else if (!dz_node_is(child, DZ_SCALAR_NULL)) {
            check_field(field, child, findings);
        }
    }
}

static void check_unknown(const dz_schema *schema, const dz_node *node, dz_findings *findings)
{
    const char *names[MAX_FIELDS];
    size_t count = schema->count < MAX_FIELDS ? schema->count : MAX_FIELDS;
    const char *nearest = NULL;

    for (size_t i = 0; i < count; i++) {
        names[i] = schema->fields[i].name;
    }
    if (findings->count < DZ_MAX_FINDINGS) {
        nearest = dz_nearest(node->key, names, count);
    }
    if (schema->strict || is_set(node)) {
        dz_reject(findings, node, NULL, "unknown field%s%s%s", nearest ? "; did you mean " : "",
                  nearest ? nearest : "", nearest ? "?" : ": it does not belong here");
    } else {
        dz_warn(findings, node, NULL, "unknown field, ignored%s%s%s",
                nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    }
}

/* Whether --set gave it, or a part of it. What a file may hold that we do not know, for a later
 * Katib or another program, is a slip of the pen on the command line. */
static bool is_set(const dz_node *node)
{
    bool set = node->line == 0;

    for (const dz_node *child = node->first; child != NULL && !set; child = child->next) {
        set = is_set(child);
    }
    return set;
}

static void check_field(const dz_field *field, dz_node *node, dz_findings *findings)
{
    switch (field->type) {
    case DZ_TYPE_STRING:
    case DZ_TYPE_INT32:
    case DZ_TYPE_INT64:
    case DZ_TYPE_NUMBER:
    case DZ_TYPE_BOOL:
    case DZ_TYPE_SCALAR:
        check_scalar(field->type, node, findings);
        break;
    case DZ_TYPE_OBJECT:
        dz_schema_check(field->schema, node, findings);
        break;
    case DZ_TYPE_ANY:
        break;
    case DZ_TYPE_STRING_MAP:
    case DZ_TYPE_MAP:
    case DZ_TYPE_QUANTITIES:
        if (node->kind != DZ_NODE_MAP) {
            dz_reject(findings, node, NULL, "must be a mapping, not %s", kind_name(node));
        } else {
            check_children(field, node, findings);
        }
        break;
    case DZ_TYPE_STRING_LIST:
    case DZ_TYPE_INT32_LIST:
    case DZ_TYPE_OBJECT_LIST:
    case DZ_TYPE_LIST:
        if (node->kind != DZ_NODE_LIST) {
            dz_reject(findings, node, NULL, "must be a list, not %s: begin each entry with \"- \"",
                      kind_name(node));
        } else if (field->type == DZ_TYPE_OBJECT_LIST && node->count > MAX_OBJECTS) {
            dz_reject(findings, node, NULL, "has %u entries; %d are allowed", node->count,
                      MAX_OBJECTS);
            findings->too_large = true;
        } else {
            check_children(field, node, findings);
        }
        break;
    }
}

static void check_children(const dz_field *field, dz_node *node, dz_findings *findings)
{
    for (dz_node *child = node->first; child != NULL; child = child->next) {
        switch (field->type) {
        case DZ_TYPE_STRING_MAP:
        case DZ_TYPE_STRING_LIST:
            check_scalar(DZ_TYPE_STRING, child, findings);
            break;
        case DZ_TYPE_INT32_LIST:
            check_scalar(DZ_TYPE_INT32, child, findings);
            break;
        case DZ_TYPE_QUANTITIES:
            check_scalar(DZ_TYPE_SCALAR, child, findings);
            break;
        case DZ_TYPE_OBJECT_LIST:
            dz_schema_check(field->schema, child, findings);
            break;
        default:
            break;
        }
    }
}

/* Says that a string is wanted, and how to write it. */
static void reject_no_string(const dz_node *node, dz_findings *findings)
{
    if (node->kind == DZ_NODE_SCALAR && !dz_node_is(node, DZ_SCALAR_NULL)) {
        dz_reject(findings, node, NULL, "must be a string, not %s: write \"%.64s\" in quotes",
                  kind_name(node), node->text);
    } else {
        dz_reject(findings, node, NULL, "must be a string, not %s", kind_name(node));
    }
}

static void check_scalar(dz_type type, dz_node *node, dz_findings *findings)
{
    bool string = dz_node_is(node, DZ_SCALAR_STRING);
    const char *quoted = string ? ": write it without quotes" : "";

    if (node->line == 0 && type == DZ_TYPE_STRING && node->kind == DZ_NODE_SCALAR) {
        node->scalar.kind = DZ_SCALAR_STRING;
        return;
    }
    switch (type) {
    case DZ_TYPE_STRING:
        if (!string) {
            reject_no_string(node, findings);
        }
        break;
    case DZ_TYPE_BOOL:
        if (!dz_node_is(node, DZ_SCALAR_BOOL)) {
            dz_reject(findings, node, NULL, "must be true or false, not %s%s", kind_name(node),
                      quoted);
        }
        break;
    case DZ_TYPE_SCALAR:
        if (!string && !dz_node_is_number(node)) {
            dz_reject(findings, node, NULL, "must be a string or a number, not %s",
                      kind_name(node));
        }
        break;
    default:
        if (!dz_node_is_number(node)) {
            dz_reject(findings, node, NULL, "must be a number, not %s%s", kind_name(node), quoted);
        } else if (type == DZ_TYPE_INT32) {
            check_integer(node, INT32_MIN, INT32_MAX, findings);
        } else if (type == DZ_TYPE_INT64) {
            check_integer(node, -0x1p63, 0x1p63, findings);
        }
    }
}

static void check_integer(const dz_node *node, double least, double most, dz_findings *findings)
{
    double number = node->scalar.number;

    if (floor(number) < number) {
        dz_reject(findings, node, NULL, "must be a whole number, and %.64s is none", node->text);
    } else if (number < least || number > most) {
        dz_reject(findings, node, NULL, "%.64s is out of range: it may be %.0f to %.0f", node->text,
                  least, most);
    }
}

static const char *kind_name(const dz_node *node)
{
    switch (node->kind) {
    case DZ_NODE_LIST:
        return "a list";
    case DZ_NODE_MAP:
        return "a mapping";
    case DZ_NODE_SCALAR:
        break;
    }
    return dz_scalar_kind_name(node->scalar.kind);
}
