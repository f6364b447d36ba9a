/*
 * A service on a database of its own, with the programs of the build, for tests.
 */
#ifndef TESTS_INTEGRATION_SUPPORT_SERVICE_H
#define TESTS_INTEGRATION_SUPPORT_SERVICE_H

#include "loop/service.h"
#include "store/changes.h"

#include <stdatomic.h>

typedef struct service_kit {
    char folder[64], path[128], jobs[128], go[128], shim[512], suggest[512];
    char until_go[256]; /* a shell's command that waits for the file `go` */
    dz_run_config config;
    dz_service_observer observer;
    dz_service *service;
    dz_store *reader;
    atomic_llong version; /* of the last commit that was told */
} service_kit;

service_kit *service_kit_create(void);  /* with a service that runs */
service_kit *service_kit_prepare(void); /* without one: a process that forks must not have begun */
void service_kit_destroy(service_kit *kit);

/* Starts, and stops, the service; the database stays. */
void service_kit_start(service_kit *kit);
void service_kit_stop(service_kit *kit);

/* A submission of the text. */
dz_submission service_text(const char *namespace_, const char *text);

/* The document of a small experiment: `command` is a shell's. Owned. */
char *service_document(const char *name, const char *extra, const char *command);

/* Submits it, and fails the test when it is refused. Returns its number. */
int64_t service_submit(service_kit *kit, const char *namespace_, const char *document);

/* Lets the trials go on that wait with until_go. */
void service_go(service_kit *kit);

/* Reads an experiment from the database; fails the test when it is not there. */
dz_experiment *service_load(service_kit *kit, const char *namespace_, const char *name);

/* Waits until the experiment is in that state (or is gone: NULL). Fails the test after a minute. */
typedef bool service_condition(const dz_experiment *experiment);
void service_wait(service_kit *kit, const char *namespace_, const char *name,
                  service_condition *holds);

bool service_succeeded(const dz_experiment *experiment);
bool service_suspended(const dz_experiment *experiment); /* and at rest */
bool service_two_run(const dz_experiment *experiment);
bool service_runs_one(const dz_experiment *experiment);

#endif
