/*
 * Building JSON trees: a want of memory sticks in the builder, and one check at the end finds it.
 * What cannot be added is freed.
 */
#ifndef DZ_API_BUILD_H
#define DZ_API_BUILD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct dz_builder {
    bool failed;
} dz_builder;

/* New members of an object, and a new object at a list's end; NULL when there is no memory, which
 * the other functions take as a parent. Borrowed. */
cJSON *dz_build_object(dz_builder *build, cJSON *parent, const char *name);
cJSON *dz_build_array(dz_builder *build, cJSON *parent, const char *name);
cJSON *dz_build_item(dz_builder *build, cJSON *array);

/* Adds a member (taken; NULL is a want of memory). */
void dz_build_add(dz_builder *build, cJSON *parent, const char *name, cJSON *item);

/* As Go's omitempty: nothing for a NULL or empty text, a time of 0, or no original. */
void dz_build_text(dz_builder *build, cJSON *parent, const char *name, const char *text);
void dz_build_time(dz_builder *build, cJSON *parent, const char *name, int64_t time_ms);
void dz_build_copy(dz_builder *build, cJSON *parent, const char *name, const cJSON *original);

void dz_build_number(dz_builder *build, cJSON *parent, const char *name, int64_t number);

#endif
