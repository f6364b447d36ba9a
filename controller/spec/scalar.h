/*
 * What a plain YAML scalar means, as Kubernetes' YAML-to-JSON conversion reads it (YAML 1.1
 * booleans such as `yes`, 0x and 0b and octal integers, underscores in numbers; no base-60 numbers,
 * and dates stay strings).
 */
#ifndef DZ_SPEC_SCALAR_H
#define DZ_SPEC_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

typedef enum dz_scalar_kind {
    DZ_SCALAR_NULL,
    DZ_SCALAR_BOOL,
    DZ_SCALAR_INT,
    DZ_SCALAR_FLOAT,
    DZ_SCALAR_NOT_FINITE, /* .nan and .inf: YAML has them, JSON does not */
    DZ_SCALAR_STRING
} dz_scalar_kind;

typedef struct dz_scalar {
    dz_scalar_kind kind;
    bool truth;         /* BOOL */
    bool negative;      /* INT */
    uint64_t magnitude; /* INT */
    double number;      /* INT, FLOAT */
} dz_scalar;

/* The meaning of an unquoted scalar. */
dz_scalar dz_scalar_resolve(const char *text);

/* The kind's name for a message: "a string", "a whole number". */
const char *dz_scalar_kind_name(dz_scalar_kind kind);

#endif
