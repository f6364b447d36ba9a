/*
 * The fields of MLflow's requests, and the check of what was sent against them: types, what must be
 * there, lengths and names.
 */
#ifndef DZ_MLFLOW_FIELDS_H
#define DZ_MLFLOW_FIELDS_H

#include <cjson/cJSON.h>
#include <dozan/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum dz_field_type {
    DZ_FIELD_TEXT,
    DZ_FIELD_INT,
    DZ_FIELD_DOUBLE,
    DZ_FIELD_BOOL,
    DZ_FIELD_OBJECT,
    DZ_FIELD_OBJECTS, /* a list of them, each with `fields` */
    DZ_FIELD_TEXTS,
    DZ_FIELD_ANY /* texts or objects: orders */
} dz_field_type;

typedef enum dz_field_rule {
    DZ_FIELD_OPTIONAL = 0,
    DZ_FIELD_REQUIRED = 1,
    DZ_FIELD_ENTITY = 2, /* a name of a metric, param or tag */
    DZ_FIELD_CUT = 4,    /* what is longer than max is cut, not refused */
    DZ_FIELD_FILLED = 8, /* not empty */
    DZ_FIELD_MODEL = 16, /* a name of a registered model: without / and : */
    DZ_FIELD_ALIAS = 32,
    DZ_FIELD_RUN = 64, /* run_id, or run_uuid in its place */
    DZ_FIELD_STATUS = 128
} dz_field_rule;

/* A list of fields ends with one without a name. */
typedef struct dz_field {
    const char *name;
    dz_field_type type;
    unsigned rules;
    int64_t min, max; /* of a number; max: letters of a text, items of a list; 0 = none */
    const struct dz_field *fields;
} dz_field;

/* INVALID_ARGUMENT, with MLflow's message. Texts that may be cut are. `body` (may be NULL) is where
 * the tree was read from, for quoting. */
DOZAN_MUST_USE dozan_status dz_fields_check(const dz_field *fields, cJSON *arguments,
                                            const char *body, dozan_error *err);

/* A number that a double cannot hold exactly keeps its digits: such an item's valuestring has them.
 * `body` is what the tree was read from. False: no memory. */
bool dz_fields_keep_digits(cJSON *tree, const char *body, size_t size);

#endif
