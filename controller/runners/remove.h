/*
 * Removing a folder with all that is in it.
 */
#ifndef DZ_RUNNERS_REMOVE_H
#define DZ_RUNNERS_REMOVE_H

#include <dozan/status.h>

/* Removes `name` and everything below it from `directory`. Symbolic links are removed, never
 * followed, and nothing outside the directory is touched, whatever is moved or linked meanwhile;
 * other file systems mounted below are left alone. OK when there is no such folder.
 * INVALID_ARGUMENT: the name is no plain name. */
DOZAN_MUST_USE dozan_status dz_remove_below(const char *directory, const char *name,
                                            dozan_error *err);

#endif
