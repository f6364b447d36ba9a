/*
 * Where the other programs of Dozan are.
 */
#ifndef DZ_RUNNERS_PROGRAMS_H
#define DZ_RUNNERS_PROGRAMS_H

#include <dozan/status.h>

/* The path of a program of that name: in the folder of the program `beside` when it is given, else
 * beside this program or where an install puts it. NOT_FOUND says where it was looked for. Owned
 * text. */
DOZAN_MUST_USE dozan_status dz_runner_program(const char *name, const char *beside, char **path,
                                              dozan_error *err);

#endif
