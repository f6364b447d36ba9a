/*
 * The process of a plugin: finding the program, starting it with little more than its address and
 * token, and the sentence for its end.
 */
#ifndef DZ_LOOP_PLUGIN_PROCESS_H
#define DZ_LOOP_PLUGIN_PROCESS_H

#include <dozan/status.h>
#include <signal.h>
#include <sys/types.h>

enum { DZ_TOKEN_TEXT = 48 };

/* Where a program of Dozan's own is: `given`, else beside this program, else in PATH. NOT_FOUND.
 * *path is owned. */
DOZAN_MUST_USE dozan_status dz_program_find(const char *given, const char *name, char **path,
                                            dozan_error *err);

/* 32 random hexadecimal characters and more. */
DOZAN_MUST_USE dozan_status dz_token_make(char token[DZ_TOKEN_TEXT], dozan_error *err);

/* Starts `program --listen url` in a process group of its own, with the token in
 * DOZAN_PLUGIN_TOKEN, its output appended to the file `output`, and a signal to end when we do.
 * NOT_FOUND, PERMISSION_DENIED with advice. */
DOZAN_MUST_USE dozan_status dz_plugin_spawn(const char *program, const char *url, const char *token,
                                            const char *output, pid_t *pid, dozan_error *err);

/* "plugin my-search was killed by signal 9; what it printed is in FILE" into *err, with code
 * UNAVAILABLE. */
void dz_plugin_end_text(const siginfo_t *info, const char *name, const char *output,
                        dozan_error *err);

#endif
