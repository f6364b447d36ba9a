/*
 * The two notations of a trial template: ${trialParameters.NAME} in its text, and ${trialSpec.KEY}
 * in a reference.
 */
#ifndef DZ_SPEC_PLACEHOLDER_H
#define DZ_SPEC_PLACEHOLDER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dz_placeholder {
    const char *start; /* at the $ */
    const char *end;   /* behind the } */
    const char *name;
    size_t name_size;
} dz_placeholder;

/* The first placeholder in the text; false when there is none. */
bool dz_placeholder_find(const char *text, dz_placeholder *found);

typedef enum dz_meta_key {
    DZ_META_NONE, /* the reference is a search parameter's name */
    DZ_META_NAME,
    DZ_META_NAMESPACE,
    DZ_META_KIND,
    DZ_META_API_VERSION,
    DZ_META_ANNOTATION,
    DZ_META_LABEL,
    DZ_META_UNKNOWN /* ${trialSpec.X} with an X that Katib does not have */
} dz_meta_key;

/* What a reference means; for ANNOTATION and LABEL, *index (borrowing from it) is which one, empty
 * when it names none. */
dz_meta_key dz_meta_parse(const char *reference, const char **index, size_t *index_size);

#endif
