/*
 * The list of experiments.
 */
#include "api/views/shared.h"

#include "store/follow.h"
#include <string.h>
#include <strings.h>

enum { MAX_PAGE = 200, PAGE = 50 };

typedef struct listing {
    dz_builder build;
    cJSON *items;
} listing;

static dozan_status read_filter(const dz_view_request *request, dz_store_filter *filter,
                                dozan_error *err);
static bool visit(void *user, const dz_experiment *experiment);

dozan_status dz_view_experiments(const dz_view_request *request, cJSON **answer, dozan_error *err)
{
    listing list = {0};
    dz_store_filter filter;
    int64_t counts[DZ_EXPERIMENT_FAILED + 1], total = 0;
    dozan_status status = read_filter(request, &filter, err);
    if (status == DOZAN_OK)
        status = dz_store_count(request->store, &filter, counts, err);
    if (status != DOZAN_OK)
        return status;
    cJSON *tree = cJSON_CreateObject();
    list.items = dz_build_array(&list.build, tree, "items");
    cJSON *states = dz_build_object(&list.build, tree, "states");
    for (int i = 0; i <= DZ_EXPERIMENT_FAILED; i++) {
        if (filter.state < 0 || filter.state == i)
            total += counts[i];
        if (counts[i] > 0)
            dz_build_number(&list.build, states, dz_experiment_state_name((dz_experiment_state)i),
                            counts[i]);
    }
    dz_build_number(&list.build, tree, "total", total);
    dz_build_number(&list.build, tree, "offset", filter.offset);
    dz_build_number(&list.build, tree, "now", request->now_ms);
    status = dz_store_list(request->store, &filter, visit, &list, err);
    if (status == DOZAN_OK)
        return dz_build_done(&list.build, tree, answer, err);
    cJSON_Delete(tree);
    return status;
}

/* ---- helpers */

static dozan_status read_filter(const dz_view_request *request, dz_store_filter *filter,
                                dozan_error *err)
{
    const char *state = dz_query_text(request, "state");
    *filter = (dz_store_filter){
        .namespace_ = request->namespace_, .text = dz_query_text(request, "q"), .state = -1};
    for (int i = 0; state != NULL && i <= DZ_EXPERIMENT_FAILED; i++)
        if (strcasecmp(state, dz_experiment_state_name((dz_experiment_state)i)) == 0)
            filter->state = i;
    if (state != NULL && *state != '\0' && filter->state < 0)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "state",
                               "\"%.40s\" is no state of an experiment", state);
    dozan_status status = dz_query_number(request, "offset", 0, INT64_MAX, 0, &filter->offset, err);
    if (status == DOZAN_OK)
        status = dz_query_number(request, "limit", 1, MAX_PAGE, PAGE, &filter->limit, err);
    return status;
}

static bool visit(void *user, const dz_experiment *experiment)
{
    listing *list = user;
    dz_builder *build = &list->build;
    const dz_experiment_spec *spec = experiment->spec;
    const dz_condition *last = experiment->condition_count > 0
                                   ? &experiment->conditions[experiment->condition_count - 1]
                                   : NULL;
    cJSON *item = dz_build_item(build, list->items);
    dz_build_text(build, item, "namespace", spec->namespace_);
    dz_build_text(build, item, "name", spec->name);
    dz_build_text(build, item, "state", dz_experiment_state_name(experiment->state));
    dz_build_bool(build, item, "ended", dz_experiment_state_ended(experiment->state));
    dz_build_text(build, item, "reason", last != NULL ? last->reason : NULL);
    dz_build_text(build, item, "message", last != NULL ? last->message : NULL);
    dz_build_text(build, item, "algorithm", spec->algorithm);
    dz_build_number(build, item, "created", experiment->created_ms);
    dz_build_number(build, item, "started", experiment->started_ms);
    dz_build_number(build, item, "completed", experiment->completed_ms);
    dz_build_number(build, item, "trials", experiment->trial_count);
    dz_build_number(build, item, "maxTrials", spec->max_trial_count);
    dz_build_counts(build, item, experiment);
    dz_build_objectives(build, item, spec);
    dz_build_best(build, item, experiment);
    return !build->failed;
}
