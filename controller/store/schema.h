/*
 * The tables, and how a file of an earlier version becomes one of this.
 */
#ifndef DZ_STORE_SCHEMA_H
#define DZ_STORE_SCHEMA_H

#include "store/store.h"

enum { DZ_APPLICATION_ID = 0x445a414e }; /* "DZAN": how the file tells that it is ours */

/* What a file is, before anything of it is changed. */
typedef enum dz_file_kind {
    DZ_FILE_EMPTY,   /* nothing in it yet */
    DZ_FILE_CURRENT, /* ours, with this version's tables */
    DZ_FILE_OLDER    /* ours, to be migrated */
} dz_file_kind;

/* Looks at the opened file, and writes nothing. FAILED_PRECONDITION: not ours, or of a newer
 * version. */
DOZAN_MUST_USE dozan_status dz_schema_inspect(dz_store *store, dz_file_kind *kind,
                                              dozan_error *err);

/* Brings an empty or older file to this version, in one transaction. Two processes may try at the
 * same time: the second finds the work done. */
DOZAN_MUST_USE dozan_status dz_schema_migrate(dz_store *store, dozan_error *err);

#endif
