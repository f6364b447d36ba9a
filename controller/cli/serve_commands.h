/*
 * The commands of the command line that the service runs for its clients: what prints a state, and
 * what asks for one change. The same rows, the same functions; what they print is the answer:
 *
 *   GET /api/v1alpha1/namespaces/NAMESPACE/commands/get?argument=trials&argument=bowl&output=wide
 *   {"text": "NAME ...", "notes": "", "status": 0, "pending": false}
 *
 * "status" is its exit status. "pending": what was asked for is under way; asked again, the command
 * says when it is so. Commands that change something are POST. An error is Kubernetes' Status
 * object.
 */
#ifndef DZ_CLI_SERVE_COMMANDS_H
#define DZ_CLI_SERVE_COMMANDS_H

#include "api/http.h"
#include "cli/cli.h"

/* What the commands are run with; borrowed by the routes. */
typedef struct dz_serve_commands {
    const dz_cli *server;
    dz_service *service;
} dz_serve_commands;

dz_http_route_set dz_serve_commands_routes(dz_serve_commands *commands);

#endif
