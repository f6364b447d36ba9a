/*
 * Searches: what can be searched for, and the one query that every search becomes.
 */
#include "store/track_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_MAX = 1 << 18, IDS_FIRST = 256 };

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const track_attribute run_attributes[] = {
    {"run_id", "t.uuid", false, true},         {"run_name", "t.name", false, false},
    {"run name", "t.name", false, false},      {"status", "t.status", false, false},
    {"user_id", "t.user_id", false, false},    {"artifact_uri", "t.location", false, false},
    {"start_time", "t.start_ms", true, false}, {"created", "t.start_ms", true, false},
    {"end_time", "t.end_ms", true, false},
};
static const track_attribute experiment_attributes[] = {
    {"name", "t.name", false, false},
    {"experiment_id", "CAST(t.id AS TEXT)", false, true},
    {"creation_time", "t.created_ms", true, false},
    {"last_update_time", "t.updated_ms", true, false},
};
static const track_attribute model_attributes[] = {
    {"name", "t.name", false, false},
    {"model_id", "t.uuid", false, true},
    {"model_type", "t.model_type", false, false},
    {"status", "t.status", false, false},
    {"source_run_id", "t.source_run", false, true},
    {"creation_timestamp", "t.created_ms", true, false},
    {"creation_time", "t.created_ms", true, false},
    {"last_updated_timestamp", "t.updated_ms", true, false},
};
static const track_attribute registered_attributes[] = {
    {"name", "t.name", false, false},
    {"creation_timestamp", "t.created_ms", true, false},
    {"last_updated_timestamp", "t.updated_ms", true, false},
    {"timestamp", "t.updated_ms", true, false},
};
static const track_attribute version_attributes[] = {
    {"name", "g.name", false, false},
    {"run_id", "t.run", false, true},
    {"version_number", "t.version", true, false},
    {"source_path", "t.source", false, false},
    {"creation_timestamp", "t.created_ms", true, false},
    {"last_updated_timestamp", "t.updated_ms", true, false},
    {"timestamp", "t.updated_ms", true, false},
};

static const track_domain runs = {
    "track_runs t", run_attributes, COUNT(run_attributes),     TRACK_RUN_TAG, TRACK_RUN_PARAM,
    TRACK_OF_RUN,   true,           "t.start_ms DESC, t.uuid", NULL,          "runs"};
static const track_domain experiments = {"track_experiments t",
                                         experiment_attributes,
                                         COUNT(experiment_attributes),
                                         TRACK_EXPERIMENT_TAG,
                                         -1,
                                         -1,
                                         false,
                                         "t.created_ms DESC, t.id DESC",
                                         NULL,
                                         "experiments"};
static const track_domain models = {"track_models t",
                                    model_attributes,
                                    COUNT(model_attributes),
                                    TRACK_MODEL_TAG,
                                    TRACK_MODEL_PARAM,
                                    TRACK_OF_MODEL,
                                    false,
                                    "t.created_ms DESC, t.uuid",
                                    NULL,
                                    "logged models"};
static const track_domain registered = {"track_registered t",
                                        registered_attributes,
                                        COUNT(registered_attributes),
                                        TRACK_REGISTERED_TAG,
                                        -1,
                                        -1,
                                        false,
                                        "t.name",
                                        NULL,
                                        "registered models"};
static const track_domain versions = {"track_versions t JOIN track_registered g ON g.id = t.model",
                                      version_attributes,
                                      COUNT(version_attributes),
                                      TRACK_VERSION_TAG,
                                      -1,
                                      -1,
                                      false,
                                      "t.updated_ms DESC, g.name, t.version DESC",
                                      "g.name, t.version DESC",
                                      "model versions"};

static dozan_status build(track_filter *filter, const track_search *search, dozan_error *err);
static dozan_status read_ids(dz_track *track, const track_filter *filter,
                             const track_search *search, int64_t offset, int64_t **ids,
                             int64_t *count, dozan_error *err);
static const char *view_of(const cJSON *arguments, const char *name);

dozan_status track_search_run(dz_track *track, const track_search *search, const cJSON *arguments,
                              dz_json *out, dozan_error *err)
{
    int64_t offset = 0, count = 0, *ids = NULL;
    track_filter *filter = calloc(1, sizeof(*filter));
    if (filter == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    filter->domain = search->domain;
    dozan_buf_init(&filter->sql, SQL_MAX);
    dozan_status status = track_read_token(arguments, &offset, err);
    if (status == DOZAN_OK)
        status = build(filter, search, err);
    if (status == DOZAN_OK)
        status = read_ids(track, filter, search, offset, &ids, &count, err);
    bool more = count > search->limit;
    if (status == DOZAN_OK && count > 0) {
        dz_json_open(out, search->name, '[');
        for (int64_t i = 0; status == DOZAN_OK && i < count - more; i++)
            status = search->write(track, ids[i], NULL, out, err);
        dz_json_close(out, ']');
        if (more)
            track_write_token(out, offset + search->limit);
    }
    free(ids);
    free(filter->memory);
    dozan_buf_fini(&filter->sql);
    free(filter);
    return status;
}

static dozan_status build(track_filter *filter, const track_search *search, dozan_error *err)
{
    size_t bytes = search->filter != NULL ? strlen(search->filter) : 0, texts = 1;
    const cJSON *order;
    cJSON_ArrayForEach(order, search->order)
    {
        const char *field = track_arg(order, "field_name");
        bytes += cJSON_IsString(order) ? strlen(order->valuestring)
                 : field != NULL       ? strlen(field)
                                       : 0;
        texts++;
    }
    if (bytes > FILTER_LENGTH || texts > FILTER_ORDERS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid filter: filter and order_by together are longer than %d "
                               "bytes, or there are more than %d orders",
                               FILTER_LENGTH, FILTER_ORDERS);
    dozan_status status = track_filter_memory(filter, bytes, texts, err);
    (void)dozan_buf_printf(&filter->sql, "SELECT t.id FROM %s WHERE %s", filter->domain->from,
                           search->where != NULL ? search->where : "1");
    if (status == DOZAN_OK)
        status = track_filter_where(filter, search->filter, err);
    (void)dozan_buf_puts(&filter->sql, " ORDER BY ");
    cJSON_ArrayForEach(order, search->order)
    {
        if (status == DOZAN_OK)
            status = track_filter_order(filter, order, err);
    }
    bool ordered = cJSON_GetArraySize(search->order) > 0 && filter->domain->ties != NULL;
    (void)dozan_buf_printf(&filter->sql, "%s LIMIT ?%zu OFFSET ?%zu",
                           ordered ? filter->domain->ties : filter->domain->order,
                           filter->value_count + 2, filter->value_count + 3);
    if (status == DOZAN_OK && filter->sql.failed)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return status;
}

/* One more than the limit, where there is one. */
static dozan_status read_ids(dz_track *track, const track_filter *filter,
                             const track_search *search, int64_t offset, int64_t **ids,
                             int64_t *count, dozan_error *err)
{
    int64_t room = 0;
    bool memory = true;
    track_query query = track_ask_once(track, filter->sql.data);
    int at = 2;
    if (query.code == SQLITE_OK && search->bound != NULL)
        query.code = sqlite3_bind_text(query.stmt, 1, search->bound, -1, SQLITE_STATIC);
    for (size_t i = 0; i < filter->value_count && query.code == SQLITE_OK; i++, at++)
        query.code =
            filter->values[i].text != NULL
                ? sqlite3_bind_text(query.stmt, at, filter->values[i].text, -1, SQLITE_STATIC)
                : sqlite3_bind_double(query.stmt, at, filter->values[i].number);
    if (query.code == SQLITE_OK)
        query.code = sqlite3_bind_int64(query.stmt, at, search->limit + 1);
    if (query.code == SQLITE_OK)
        query.code = sqlite3_bind_int64(query.stmt, at + 1, offset);
    while (memory && track_step(&query)) {
        if (*count == room) {
            int64_t *grown = realloc(*ids, (size_t)(room * 2 + IDS_FIRST) * sizeof(**ids));
            memory = grown != NULL;
            if (!memory)
                break;
            *ids = grown;
            room = room * 2 + IDS_FIRST;
        }
        (*ids)[(*count)++] = track_int(&query, 0);
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK && !memory)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return status;
}

/* ---- the searches ---- */

static const char *view_of(const cJSON *arguments, const char *name)
{
    const char *view = track_arg(arguments, name);
    if (view != NULL && strcmp(view, "ALL") == 0)
        return "";
    return view != NULL && strcmp(view, "DELETED_ONLY") == 0 ? " AND t.deleted = 1"
                                                             : " AND t.deleted = 0";
}

dozan_status dz_track_experiment_search(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    char where[64];
    (void)snprintf(where, sizeof(where), "1%s", view_of(arguments, "view_type"));
    track_search search = {.domain = &experiments,
                           .where = where,
                           .filter = track_arg(arguments, "filter"),
                           .order = track_arg_list(arguments, "order_by"),
                           .limit = track_arg_int(arguments, "max_results", 1000),
                           .name = "experiments",
                           .write = track_write_experiment};
    return track_search_run(track, &search, arguments, out, err);
}

/* One experiment is asked for by its number, so that its index gives the order. */
static dozan_status search_inside(dz_track *track, track_search *search, const cJSON *arguments,
                                  const char *view, dz_json *out, dozan_error *err)
{
    const cJSON *list = track_arg_list(arguments, "experiment_ids");
    char where[160];
    bool one = cJSON_GetArraySize(list) == 1;
    char *bound = one ? strdup(cJSON_GetArrayItem(list, 0)->valuestring)
                      : cJSON_PrintUnformatted(list != NULL ? list : arguments);
    if (bound == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    (void)snprintf(where, sizeof(where), "t.experiment %s%s",
                   list == NULL ? "< 0"
                   : one        ? "= CAST(?1 AS INTEGER)"
                                : "IN (SELECT CAST(value AS INTEGER) FROM json_each(?1))",
                   view);
    search->where = where;
    search->bound = list != NULL ? bound : NULL;
    dozan_status status = track_search_run(track, search, arguments, out, err);
    cJSON_free(bound);
    return status;
}

dozan_status dz_track_run_search(dz_track *track, const cJSON *arguments, dz_json *out,
                                 dozan_error *err)
{
    track_search search = {.domain = &runs,
                           .filter = track_arg(arguments, "filter"),
                           .order = track_arg_list(arguments, "order_by"),
                           .limit = track_arg_int(arguments, "max_results", 1000),
                           .name = "runs",
                           .write = track_write_run};
    return search_inside(track, &search, arguments, view_of(arguments, "run_view_type"), out, err);
}

dozan_status dz_track_model_search(dz_track *track, const cJSON *arguments, dz_json *out,
                                   dozan_error *err)
{
    track_search search = {.domain = &models,
                           .filter = track_arg(arguments, "filter"),
                           .order = track_arg_list(arguments, "order_by"),
                           .limit = track_arg_int(arguments, "max_results", 50),
                           .name = "models",
                           .write = track_write_model};
    if (cJSON_GetArraySize(track_arg_list(arguments, "datasets")) == 0)
        return search_inside(track, &search, arguments, " AND t.deleted = 0", out, err);
    search.where = "t.experiment IN (SELECT CAST(value AS INTEGER) FROM json_each(?1, "
                   "'$.experiment_ids')) AND t.deleted = 0 AND EXISTS (SELECT 1 FROM track_latest "
                   "l JOIN json_each(?1, '$.datasets') d ON l.dataset = json_extract(d.value, "
                   "'$.dataset_name') AND l.digest = coalesce(json_extract(d.value, "
                   "'$.dataset_digest'), l.digest) WHERE l.kind = 2 AND l.owner = t.id)";
    char *bound = cJSON_PrintUnformatted(arguments);
    if (bound == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    search.bound = bound;
    dozan_status status = track_search_run(track, &search, arguments, out, err);
    cJSON_free(bound);
    return status;
}

dozan_status dz_track_registered_search(dz_track *track, const cJSON *arguments, dz_json *out,
                                        dozan_error *err)
{
    track_search search = {.domain = &registered,
                           .filter = track_arg(arguments, "filter"),
                           .order = track_arg_list(arguments, "order_by"),
                           .limit = track_arg_int(arguments, "max_results", 100),
                           .name = "registered_models",
                           .write = track_write_registered};
    return track_search_run(track, &search, arguments, out, err);
}

dozan_status dz_track_version_search(dz_track *track, const cJSON *arguments, dz_json *out,
                                     dozan_error *err)
{
    track_search search = {.domain = &versions,
                           .filter = track_arg(arguments, "filter"),
                           .order = track_arg_list(arguments, "order_by"),
                           .limit = track_arg_int(arguments, "max_results", 10000),
                           .name = "model_versions",
                           .write = track_write_version};
    return track_search_run(track, &search, arguments, out, err);
}
