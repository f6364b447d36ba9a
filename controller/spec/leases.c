/*
 * spec.leases: the experiment's trials are run by workers, who ask for them and tell their results.
 * There is no trial template then, and metrics are pushed.
 *
 *   leases:
 *     duration: 60s      # a trial whose worker has not been heard of for so long is given to
 * another one
 */
#include "spec/defaults.h"
#include "spec/units.h"
#include "spec/validate.h"

#include <string.h>

enum { MIN_MS = 1000, MAX_MS = 24 * 3600 * 1000 };

bool dz_default_leases(dz_tree *tree, dz_node *spec)
{
    dz_node *leases = dz_node_get(spec, "leases"), *collector_spec, *collector;
    if (leases == NULL || leases->kind != DZ_NODE_MAP)
        return true;
    if (!dz_default_text(tree, leases, "duration", "60s"))
        return false;
    collector_spec = dz_default_map(tree, spec, "metricsCollectorSpec");
    if (collector_spec == NULL || collector_spec->kind != DZ_NODE_MAP)
        return collector_spec != NULL;
    collector = dz_default_map(tree, collector_spec, "collector");
    if (collector == NULL || collector->kind != DZ_NODE_MAP)
        return collector != NULL;
    return dz_default_text(tree, collector, "kind", "Push");
}

void dz_check_leases(const dz_check *check)
{
    const dz_node *leases = dz_node_get(check->spec, "leases");
    const dz_node *collector_spec = dz_node_get(check->spec, "metricsCollectorSpec");
    const dz_node *kind = dz_node_get(dz_node_get(collector_spec, "collector"), "kind");
    const dz_node *duration = dz_node_get(leases, "duration");
    const dz_node *trial_template = dz_node_get(check->spec, "trialTemplate");
    int64_t parsed = 0;
    if (leases == NULL || leases->kind != DZ_NODE_MAP)
        return;
    if (trial_template != NULL)
        dz_reject(check->findings, trial_template, NULL,
                  "with spec.leases the workers run the trials: leave out one of the two");
    if (dz_node_is(kind, DZ_SCALAR_STRING) && strcmp(kind->text, "Push") != 0)
        dz_reject(check->findings, kind, NULL,
                  "with spec.leases the workers tell the metrics: it has to be Push, or be left "
                  "out");
    if (duration != NULL && duration->kind == DZ_NODE_SCALAR &&
        (!dz_duration_parse(duration->text, &parsed) || parsed < MIN_MS || parsed > MAX_MS))
        dz_reject(check->findings, duration, NULL,
                  "\"%.64s\" is no duration from 1s to 24h: write 90s, 5m, 1h30m or a number of "
                  "seconds",
                  duration->text);
}
