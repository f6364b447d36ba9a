/*
 * Before a run, or without one: what plugins say of their algorithms, and of an experiment.
 */
#include "loop/loop.h"

#include <stdio.h>
#include <string.h>

enum { VALIDATE_LIMIT_MS = 10000, WAIT_SLICE_MS = 200 };

static dozan_status wait_for_plugin(dz_loop *loop, size_t plugin, dozan_error *err);
static dozan_status validate_one(dz_loop *loop, const dozan_experiment *kit, const char *algorithm,
                                 dozan_algorithm_kind kind, const char *place, dozan_error *err);
static void unknown_algorithm(dz_loop *loop, const char *algorithm, dozan_algorithm_kind kind,
                              const char *place, dozan_error *err);

dozan_status dz_loop_validate(dz_loop *loop, const dz_experiment_spec *spec, dozan_error *err)
{
    dozan_experiment kit = {0};
    dozan_status status = dz_spec_kit(spec, "validate", &kit);
    if (status)
        return dozan_error_set(err, status, NULL, "out of memory");
    status = validate_one(loop, &kit, spec->algorithm, DOZAN_KIND_SEARCH,
                          "spec.algorithm.algorithmName", err);
    if (!status && spec->early_stopping)
        status = validate_one(loop, &kit, spec->early_stopping, DOZAN_KIND_EARLY_STOPPING,
                              "spec.earlyStopping.algorithmName", err);
    dz_spec_kit_fini(&kit);
    return status;
}

dozan_status dz_loop_describe(dz_loop *loop, const char *name, dz_description_visit *visit,
                              void *user, dozan_error *err)
{
    bool found = false;
    for (size_t i = 0; i < dz_plugins_count(loop->plugins); i++) {
        if (name && dz_plugins_index(loop->plugins, name) != i)
            continue;
        dozan_status status = wait_for_plugin(loop, i, err);
        if (status)
            return status;
        const dozan_describe_reply *all = dz_plugin_all(loop->plugins, i);
        for (size_t k = 0; k < all->algorithm_count; k++) {
            if (name && strcmp(all->algorithms[k].name, name) != 0)
                continue;
            found = true;
            if (!visit(user, dz_plugin_name(loop->plugins, i), &all->algorithms[k]))
                return DOZAN_OK;
        }
    }
    if (name && !found) {
        unknown_algorithm(loop, name, DOZAN_KIND_SEARCH, NULL, err);
        return DOZAN_NOT_FOUND;
    }
    return DOZAN_OK;
}

static dozan_status validate_one(dz_loop *loop, const dozan_experiment *kit, const char *algorithm,
                                 dozan_algorithm_kind kind, const char *place, dozan_error *err)
{
    size_t plugin = dz_plugins_index(loop->plugins, algorithm);
    dozan_status status = wait_for_plugin(loop, plugin, err);
    if (status)
        return status;
    const dozan_description *d = dz_plugin_description(loop->plugins, plugin, algorithm);
    if (!d || d->kind != kind) {
        unknown_algorithm(loop, algorithm, kind, place, err);
        return DOZAN_INVALID_ARGUMENT;
    }
    uint32_t given = loop->config->plugin_timeout_ms;
    return dozan_client_validate(dz_plugin_client(loop->plugins, plugin), kit, kind,
                                 given ? given : VALIDATE_LIMIT_MS, err);
}

static void unknown_algorithm(dz_loop *loop, const char *algorithm, dozan_algorithm_kind kind,
                              const char *place, dozan_error *err)
{
    char known[384] = "";
    size_t used = 0;
    const dozan_describe_reply *all =
        dz_plugin_all(loop->plugins, dz_plugins_index(loop->plugins, algorithm));
    for (size_t i = 0; all && i < all->algorithm_count && used < sizeof known; i++) {
        if (place && all->algorithms[i].kind != kind)
            continue;
        int n = snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                         all->algorithms[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
    (void)dozan_error_set(
        err, DOZAN_INVALID_ARGUMENT, place,
        "there is no %s \"%s\"; there are: %s; another one is named by --plugin %s=PATH",
        kind == DOZAN_KIND_SEARCH ? "algorithm" : "early stopper", algorithm, known, algorithm);
}

/* Starts a plugin and takes messages until it is ready, or its time to come up is over; there is no
 * run yet that others could be about. */
static dozan_status wait_for_plugin(dz_loop *loop, size_t plugin, dozan_error *err)
{
    dozan_status status = dz_plugin_start(loop->plugins, plugin, err);
    while (!status && !dz_plugin_client(loop->plugins, plugin)) {
        if (atomic_load(&loop->interrupts))
            return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL,
                                   "interrupted while plugin %s was coming up",
                                   dz_plugin_name(loop->plugins, plugin));
        dz_mailbox_wait(loop->mailbox, WAIT_SLICE_MS); /* its watcher tells when its time is over */
        dz_message *message = dz_mailbox_take(loop->mailbox, 1);
        if (message && dz_plugins_take(loop->plugins, message) && message->plugin == plugin &&
            message->kind == DZ_MESSAGE_PLUGIN_EXITED) {
            if (err)
                *err = message->error;
            status = message->error.code ? message->error.code : DOZAN_UNAVAILABLE;
        }
        dz_message_destroy(message);
    }
    return status;
}
