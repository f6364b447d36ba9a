/*
 * The plugins: which one serves an algorithm, its process, and its client.
 *
 * A plugin is started when it is first needed, with the address to listen on and a token of its
 * own; a thread per start asks it to describe itself (PLUGIN_READY) and then waits for its end
 * (PLUGIN_EXITED). It is not started again by itself: the core asks again after its back-off, and
 * that starts it. A plugin given by URL has no process, and is only described. All functions are
 * the loop's; the mailbox must outlive the plugins.
 */
#ifndef DZ_LOOP_PLUGINS_H
#define DZ_LOOP_PLUGINS_H

#include "loop/mailbox.h"
#include "loop/run.h"
#include <dozan/client.h>

typedef struct dz_plugins dz_plugins;

/* `inquires`: it only asks what plugins say, maybe beside a process that runs the same ones. */
DOZAN_MUST_USE dozan_status dz_plugins_create(const dz_run_config *config, bool inquires,
                                              dz_mailbox *mailbox, dz_plugins **plugins,
                                              dozan_error *err);

/* Kills the processes, cancels the calls, joins the threads. */
void dz_plugins_destroy(dz_plugins *plugins);

/* The plugin for an algorithm: the configured one of that name, else the built-in one (index 0). */
size_t dz_plugins_index(const dz_plugins *plugins, const char *algorithm);
size_t dz_plugins_count(const dz_plugins *plugins);
const char *dz_plugin_name(const dz_plugins *plugins, size_t index); /* "built-in" for 0 */

/* Starts it unless it is starting or ready. An error says why it could not be started. */
DOZAN_MUST_USE dozan_status dz_plugin_start(dz_plugins *plugins, size_t index, dozan_error *err);

/* Its client, once PLUGIN_READY has been taken; NULL before. */
dozan_client *dz_plugin_client(const dz_plugins *plugins, size_t index);

/* What it says of an algorithm; NULL when it is not ready or has none of that name. A plugin with a
 * single algorithm of that kind serves it under whatever name it is configured. */
const dozan_description *dz_plugin_description(const dz_plugins *plugins, size_t index,
                                               const char *algorithm);
const dozan_describe_reply *dz_plugin_all(const dz_plugins *plugins, size_t index);

/* Takes a PLUGIN_READY or PLUGIN_EXITED message in. False when it is about an earlier start. */
bool dz_plugins_take(dz_plugins *plugins, dz_message *message);

/* Which start of it this is: another number after each. */
uint64_t dz_plugin_generation(const dz_plugins *plugins, size_t index);

/* Kills its process, if any, and cancels its calls; the next dz_plugin_start starts it anew. */
void dz_plugin_stop(dz_plugins *plugins, size_t index);

/* The file that holds what it printed, or NULL. Borrowed. */
const char *dz_plugin_output(const dz_plugins *plugins, size_t index);

#endif
