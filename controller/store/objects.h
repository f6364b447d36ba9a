/*
 * Small documents that users give names to and that nothing here looks into: the namespaces that
 * were made, ConfigMaps, claims. Written by whoever opens the store for writing, not by its owner
 * alone; each has a version of its own kind of counting, which no watch follows.
 */
#ifndef DZ_STORE_OBJECTS_H
#define DZ_STORE_OBJECTS_H

#include "store/store.h"

enum { DZ_OBJECT_MAX_BYTES = 1 << 20, DZ_OBJECTS_MAX = 10000 };

typedef struct dz_object {
    const char *kind, *namespace_, *name; /* namespace "" = it has none */
    const char *document;                 /* JSON */
    int64_t version, created_ms;
} dz_object;

typedef bool dz_object_visit(void *user, const dz_object *object);

/* Adds one, and sets its version. ALREADY_EXISTS; RESOURCE_EXHAUSTED: there are DZ_OBJECTS_MAX. */
DOZAN_MUST_USE dozan_status dz_store_object_add(dz_store *store, dz_object *object,
                                                dozan_error *err);

/* Another document for one. expected 0 = whatever its version is. NOT_FOUND; ABORTED. */
DOZAN_MUST_USE dozan_status dz_store_object_change(dz_store *store, dz_object *object,
                                                   int64_t expected, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_store_object_remove(dz_store *store, const char *kind,
                                                   const char *namespace_, const char *name,
                                                   dozan_error *err);

/* Those of a kind, of one namespace (NULL = all) and name (NULL = all), by namespace and name. */
DOZAN_MUST_USE dozan_status dz_store_objects(dz_store *store, const char *kind,
                                             const char *namespace_, const char *name,
                                             dz_object_visit *visit, void *user, dozan_error *err);

#endif
