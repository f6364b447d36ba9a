/*
 * The shape of a document as tables: which fields there are, and of what type. One walker checks
 * types as Kubernetes' JSON decoder does (a string is no number), and names fields that are not
 * known.
 */
#ifndef DZ_SPEC_SCHEMA_H
#define DZ_SPEC_SCHEMA_H

#include "spec/findings.h"

typedef enum dz_type {
    DZ_TYPE_STRING,
    DZ_TYPE_INT32,
    DZ_TYPE_INT64,
    DZ_TYPE_NUMBER,
    DZ_TYPE_BOOL,
    DZ_TYPE_OBJECT,     /* of the field's schema */
    DZ_TYPE_STRING_MAP, /* string to string */
    DZ_TYPE_MAP,        /* any values */
    DZ_TYPE_QUANTITIES, /* string to quantity: a string or a number */
    DZ_TYPE_STRING_LIST,
    DZ_TYPE_INT32_LIST,
    DZ_TYPE_OBJECT_LIST, /* of the field's schema */
    DZ_TYPE_LIST,        /* of anything */
    DZ_TYPE_SCALAR,      /* a string or a number */
    DZ_TYPE_ANY
} dz_type;

typedef struct dz_schema dz_schema;

typedef struct dz_field {
    const char *name;
    dz_type type;
    const dz_schema *schema;
} dz_field;

struct dz_schema {
    const dz_field *fields;
    size_t count;
    bool strict; /* an unknown field is an error, as it is to Katib */
};

/* Makes a schema of a static array of fields. */
#define DZ_SCHEMA(fields_, strict_)                                                                \
    {                                                                                              \
        .fields = (fields_), .count = sizeof(fields_) / sizeof((fields_)[0]), .strict = (strict_)  \
    }

extern const dz_schema dz_schema_experiment;
extern const dz_schema dz_schema_job; /* batch/v1 Job */
extern const dz_schema dz_schema_pod; /* v1 Pod */

/* Checks an object. A scalar of --set where a string is wanted becomes one: a shell's user need not
 * quote twice. */
void dz_schema_check(const dz_schema *schema, dz_node *node, dz_findings *findings);

#endif
