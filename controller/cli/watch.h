/*
 * What `dozan watch` and `submit --watch` print: a line for each thing that becomes of an
 * experiment, its trials and its best trial, as it comes.
 */
#ifndef DZ_CLI_WATCH_H
#define DZ_CLI_WATCH_H

#include "cli/follow.h"

/* Follows until it has ended or rests; returns the exit status that this means. `prints` false:
 * silently. until_ms as in dz_follow. */
int dz_watch_to_end(dz_cli *cli, dz_client *client, const dz_subject *subject, bool prints,
                    int interrupt, int64_t until_ms);

#endif
