/*
 * `dozan stop`, `resume` and `delete` inside the service, for a client: the owner is a call away.
 */
#ifndef DZ_CLI_CONTROL_SERVED_H
#define DZ_CLI_CONTROL_SERVED_H

#include "cli/cli.h"

/* Each sets cli->pending while its effect is still to come, and may be run again until it has. */
int dz_served_stop(dz_cli *cli);
int dz_served_resume(dz_cli *cli);
int dz_served_delete(dz_cli *cli);

#endif
