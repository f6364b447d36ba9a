/*
 * The two rewritings that a container's texts go through before they are run: Kubernetes' $(NAME),
 * and the map of an image's paths to this machine's.
 */
#ifndef DZ_SPEC_EXPAND_H
#define DZ_SPEC_EXPAND_H

#include "spec/template.h"

#include <dozan/buf.h>

/* Replaces $(NAME) by the value of the last "NAME=value" in env[count]; an unknown name is left as
 * it is, and $$ gives $, as Kubernetes does. */
void dz_expand_variables(const char *text, char *const *env, size_t count, dozan_buf *out);

/* Replaces each `from` of the map that stands where a path begins (at the start, or behind a
 * character that separates words) and ends there or goes on with a slash. The longest match wins.
 */
void dz_expand_paths(const char *text, const dz_path_map *map, size_t map_count, dozan_buf *out);

#endif
