/*
 * An experiment's file, read and checked, with every finding printed.
 */
#ifndef DZ_CLI_DOCUMENT_H
#define DZ_CLI_DOCUMENT_H

#include "cli/cli.h"

typedef struct dz_document {
    const char *name; /* what messages call it */
    char *text;
    size_t size;
    dz_experiment_spec *spec;
} dz_document;

/* Reads the file named by the first argument, with the overrides of the command line. Prints one
 * line for each finding and returns the exit status. What cannot be run on this machine is an error
 * when it is `to_run`, and else a warning, for Katib takes it. */
int dz_document_read(dz_cli *cli, bool to_run, dz_document *document);
void dz_document_fini(dz_document *document);

/* Prints an error about the document that was found later, with its file and line. */
int dz_document_reject(dz_cli *cli, const dz_document *document, const dozan_error *err);

#endif
