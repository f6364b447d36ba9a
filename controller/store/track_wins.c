#include "store/track_wins.h"

#include "store/track_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char dz_track_wins_schema[] =
    "CREATE TABLE track_wins ("
    "  experiment INTEGER PRIMARY KEY," /* of experiments */
    "  done INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX track_wins_to_do ON track_wins(experiment) WHERE done = 0;"
    "CREATE TRIGGER track_wins_begin AFTER UPDATE OF state ON experiments"
    "  WHEN NEW.state = 'SUCCEEDED' AND OLD.state != 'SUCCEEDED' BEGIN"
    "  INSERT INTO track_wins SELECT experiment, 0 FROM documents WHERE experiment = NEW.id"
    "    AND json_type(spec, '$.spec.onSuccess.register') = 'object'"
    "    ON CONFLICT (experiment) DO UPDATE SET done = 0;"
    " END;"
    "CREATE TRIGGER track_wins_end AFTER DELETE ON experiments BEGIN"
    "  DELETE FROM track_wins WHERE experiment = OLD.id;"
    " END;";

enum { NAME = 512, MESSAGE = 512, TEXT = 64 };

/* What is asked for, and what is there. */
typedef struct winner {
    int64_t experiment;
    char parent[TRACK_UUID], run[TRACK_UUID], trial[NAME], of[NAME];
    char name[NAME], artifact[NAME], alias[NAME], stage[TEXT];
    char objective[NAME], metric[NAME]; /* metric: of the rule; "" = there is none */
    bool maximize, has_value;
    double value; /* of the rule's metric */
    char model[TRACK_UUID];
    char message[MESSAGE];
    int64_t version;
    bool promoted;
} winner;

static dozan_status read_win(dz_track *track, winner *win, dozan_error *err);
static dozan_status find_model(dz_track *track, winner *win, dozan_error *err);
static dozan_status find_value(dz_track *track, const char *run, const char *metric, bool *has,
                               double *value, dozan_error *err);
static dozan_status add_version(dz_track *track, winner *win, dozan_error *err);
static dozan_status find_version(dz_track *track, winner *win, dozan_error *err);
static cJSON *version_arguments(const winner *win);
static dozan_status promote(dz_track *track, winner *win, dozan_error *err);
static dozan_status is_better(dz_track *track, winner *win, bool *better, dozan_error *err);
static dozan_status set_names(dz_track *track, const winner *win, dozan_error *err);

dozan_status dz_track_next_win(dz_track *track, int64_t *experiment, dozan_error *err)
{
    track_query query =
        track_ask(track, "SELECT experiment FROM track_wins WHERE done = 0 LIMIT 1", "");
    *experiment = track_step(&query) ? track_int(&query, 0) : 0;
    return track_end(&query, err);
}

dozan_status dz_track_register_best(dz_track *track, const cJSON *arguments, dz_json *out,
                                    dozan_error *err)
{
    winner win = {.experiment = track_arg_int(arguments, "experiment", 0)};
    track_run_row parent = {0};
    dozan_status status = read_win(track, &win, err);
    if (status == DOZAN_OK && win.message[0] == '\0')
        status = find_model(track, &win, err);
    if (status == DOZAN_OK && win.message[0] == '\0')
        status = add_version(track, &win, err);
    if (status == DOZAN_OK && win.message[0] == '\0')
        status = promote(track, &win, err);
    if (status == DOZAN_OK && win.parent[0] != '\0')
        status = track_find_run(track, win.parent, false, &parent, err);
    if (status == DOZAN_OK && win.parent[0] != '\0')
        status =
            track_set_pair(track, TRACK_RUN_TAG, parent.id, "dozan.register", win.message, err);
    if (status == DOZAN_OK)
        status = track_run(track, err, "UPDATE track_wins SET done = 1 WHERE experiment = ?", "i",
                           win.experiment);
    dz_json_text(out, "message", win.message);
    dz_json_text(out, "name", win.name);
    dz_json_int(out, "version", win.version);
    dz_json_bool(out, "promoted", win.promoted);
    return status;
}

static void copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from != NULL ? from : "");
}

static dozan_status read_win(dz_track *track, winner *win, dozan_error *err)
{
    track_query query = track_ask(
        track,
        "SELECT p.uuid, r.uuid, t.name, e.namespace || '/' || e.name, w ->> '$.model', w ->> "
        "'$.artifact', w ->> '$.alias', w ->> '$.stage', o ->> '$.objectiveMetricName', CASE WHEN "
        "json_type(w, '$.ifBetter') = 'object' THEN coalesce(w ->> '$.ifBetter.metric', o ->> "
        "'$.objectiveMetricName') END, coalesce(w ->> '$.ifBetter.type', o ->> '$.type') = "
        "'maximize', e.best_value, typeof(e.best_value) != 'text' FROM (SELECT experiment, spec -> "
        "'$.spec.onSuccess.register' AS w, spec -> '$.spec.objective' AS o FROM documents) d JOIN "
        "experiments e ON e.id = d.experiment JOIN track_tuned u ON u.experiment = e.id JOIN "
        "track_runs p ON p.uuid = u.prefix || '00000000' LEFT JOIN trials t ON t.experiment = e.id "
        "AND t.number = e.best_trial LEFT JOIN track_runs r ON r.uuid = u.prefix || "
        "printf('%08x', e.best_trial) WHERE d.experiment = ?",
        "i", win->experiment);
    bool found = track_step(&query);
    if (found) {
        copy(win->parent, sizeof(win->parent), track_text(&query, 0));
        copy(win->run, sizeof(win->run), track_text(&query, 1));
        copy(win->trial, sizeof(win->trial), track_text(&query, 2));
        copy(win->of, sizeof(win->of), track_text(&query, 3));
        copy(win->name, sizeof(win->name), track_text(&query, 4));
        copy(win->artifact, sizeof(win->artifact), track_text(&query, 5));
        copy(win->alias, sizeof(win->alias), track_text(&query, 6));
        copy(win->stage, sizeof(win->stage), track_text(&query, 7));
        copy(win->objective, sizeof(win->objective), track_text(&query, 8));
        copy(win->metric, sizeof(win->metric), track_text(&query, 9));
        win->maximize = track_int(&query, 10) != 0;
        win->value = track_double(&query, 11);
        win->has_value = track_int(&query, 12) != 0;
        if (win->trial[0] == '\0')
            copy(win->message, sizeof(win->message), "not registered: no trial is the best");
    } else {
        copy(win->message, sizeof(win->message), "not registered: the experiment is gone");
    }
    dozan_status status = track_end(&query, err);
    /* The objective's value is the one that the trial was judged by. */
    if (status == DOZAN_OK && win->metric[0] != '\0' && strcmp(win->metric, win->objective) != 0)
        status = find_value(track, win->run, win->metric, &win->has_value, &win->value, err);
    return status;
}

/* The last one of that name, or of any, that is whole. */
static dozan_status find_model(dz_track *track, winner *win, dozan_error *err)
{
    track_query query = track_ask(
        track,
        "SELECT uuid FROM track_models WHERE source_run = ?1 AND deleted = 0 AND (?2 = '' OR name "
        "= ?2) AND status = 'LOGGED_MODEL_READY' ORDER BY id DESC LIMIT 1",
        "ss", win->run, win->artifact);
    if (track_step(&query))
        copy(win->model, sizeof(win->model), track_text(&query, 0));
    else
        (void)snprintf(win->message, sizeof(win->message),
                       "not registered: trial %.200s has logged no model%s%.100s; log one with "
                       "mlflow's log_model in its run",
                       win->trial, win->artifact[0] != '\0' ? " " : "", win->artifact);
    return track_end(&query, err);
}

static dozan_status find_value(dz_track *track, const char *run, const char *metric, bool *has,
                               double *value, dozan_error *err)
{
    track_query query = track_ask(track,
                                  "SELECT l.value FROM track_runs r JOIN track_latest l ON l.kind "
                                  "= 1 AND l.owner = r.id WHERE r.uuid = ? AND l.key = ? AND "
                                  "l.is_nan = 0",
                                  "ss", run, metric);
    *has = track_step(&query);
    if (*has)
        *value = track_double(&query, 0);
    return track_end(&query, err);
}

/* ---- the version ---- */

/* A model that is a version already, of an earlier success, stays that one. */
static dozan_status add_version(dz_track *track, winner *win, dozan_error *err)
{
    dz_json ignored;
    int64_t id = 0;
    dozan_error none = {0};
    cJSON *arguments = version_arguments(win);
    dozan_buf_init(&ignored.buf, 1 << 20);
    dozan_status status =
        arguments != NULL ? DOZAN_OK
                          : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK && track_find_registered(track, win->name, &id, &none) != DOZAN_OK)
        status = dz_track_registered_create(track, arguments, &ignored, err);
    if (status == DOZAN_OK)
        status = find_version(track, win, err);
    if (status == DOZAN_OK && win->version == 0) {
        status = dz_track_version_create(track, arguments, &ignored, err);
        if (status == DOZAN_OK)
            status = find_version(track, win, err);
    }
    dozan_buf_fini(&ignored.buf);
    cJSON_Delete(arguments);
    return status;
}

static dozan_status find_version(dz_track *track, winner *win, dozan_error *err)
{
    track_query query = track_ask(
        track,
        "SELECT v.version FROM track_versions v JOIN track_registered g ON g.id = v.model "
        "WHERE g.name = ? AND v.model_id = ? ORDER BY v.version DESC LIMIT 1",
        "ss", win->name, win->model);
    win->version = track_step(&query) ? track_int(&query, 0) : 0;
    return track_end(&query, err);
}

static bool add_tag(cJSON *tags, const char *key, const char *value)
{
    cJSON *tag = cJSON_CreateObject();
    return tag != NULL && cJSON_AddItemToArray(tags, tag) &&
           cJSON_AddStringToObject(tag, "key", key) != NULL &&
           cJSON_AddStringToObject(tag, "value", value) != NULL;
}

/* Its tags are its lineage, and what it was the best by. */
static cJSON *version_arguments(const winner *win)
{
    char source[NAME], key[NAME + 16], value[TEXT];
    const char *metric = win->metric[0] != '\0' ? win->metric : win->objective;
    cJSON *arguments = cJSON_CreateObject(), *tags = cJSON_AddArrayToObject(arguments, "tags");
    (void)snprintf(source, sizeof(source), "models:/%s", win->model);
    (void)snprintf(key, sizeof(key), "dozan.metric.%s", metric);
    (void)snprintf(value, sizeof(value), "%.17g", win->value);
    bool good = tags != NULL && cJSON_AddStringToObject(arguments, "name", win->name) != NULL &&
                cJSON_AddStringToObject(arguments, "source", source) != NULL &&
                cJSON_AddStringToObject(arguments, "run_id", win->run) != NULL &&
                cJSON_AddStringToObject(arguments, "model_id", win->model) != NULL &&
                add_tag(tags, "dozan.experiment", win->of) &&
                add_tag(tags, "dozan.trial", win->trial) &&
                add_tag(tags, "dozan.parentRun", win->parent) &&
                (!win->has_value || add_tag(tags, key, value));
    if (good)
        return arguments;
    cJSON_Delete(arguments);
    return NULL;
}

/* ---- the rule ---- */

static dozan_status promote(dz_track *track, winner *win, dozan_error *err)
{
    bool better = true, named = win->alias[0] != '\0' || win->stage[0] != '\0';
    char said[MESSAGE] = "";
    dozan_status status = DOZAN_OK;
    if (named && win->metric[0] != '\0') {
        status = is_better(track, win, &better, err);
        copy(said, sizeof(said), win->message);
    }
    if (status == DOZAN_OK && named && better)
        status = set_names(track, win, err);
    win->promoted = status == DOZAN_OK && named && better;
    (void)snprintf(win->message, sizeof(win->message), "registered as models:/%.200s/%lld%s%.200s",
                   win->name, (long long)win->version, said[0] != '\0' ? "; " : "", said);
    return status;
}

/* Than the version that has the alias, or else the stage; where there is none, it is. The message
 * says why it is not. */
static dozan_status is_better(dz_track *track, winner *win, bool *better, dozan_error *err)
{
    char key[NAME + 16], run[TRACK_UUID] = "";
    bool held = false, has = false;
    double value = 0;
    (void)snprintf(key, sizeof(key), "dozan.metric.%s", win->metric);
    track_query query = track_ask(
        track,
        "SELECT v.version, v.run, (SELECT value FROM track_pairs WHERE kind = 7 AND owner = v.id "
        "AND key = ?4) FROM track_registered g JOIN track_versions v ON v.model = g.id LEFT JOIN "
        "track_aliases a ON a.model = g.id AND a.version = v.version AND a.alias = ?2 WHERE g.name "
        "= ?1 AND (a.alias IS NOT NULL OR (?2 = '' AND v.stage = ?3)) ORDER BY v.version DESC "
        "LIMIT 1",
        "ssss", win->name, win->alias, win->stage, key);
    if (track_step(&query)) {
        held = track_int(&query, 0) != win->version;
        copy(run, sizeof(run), track_text(&query, 1));
        has = track_text(&query, 2) != NULL;
        value = track_double(&query, 2);
    }
    dozan_status status = track_end(&query, err);
    if (status == DOZAN_OK && held && !has)
        status = find_value(track, run, win->metric, &has, &value, err);
    if (status != DOZAN_OK)
        return status;
    *better = !held ||
              (has && win->has_value && (win->maximize ? win->value > value : win->value < value));
    if (!*better && has && win->has_value)
        (void)snprintf(win->message, sizeof(win->message),
                       "its %.100s %g is not better than the present one's %g", win->metric,
                       win->value, value);
    else if (!*better)
        (void)snprintf(win->message, sizeof(win->message),
                       "it cannot be compared by %.100s, which one of the two has not logged",
                       win->metric);
    return DOZAN_OK;
}

static dozan_status set_names(dz_track *track, const winner *win, dozan_error *err)
{
    dz_json ignored;
    char version[TEXT];
    cJSON *arguments = cJSON_CreateObject();
    (void)snprintf(version, sizeof(version), "%lld", (long long)win->version);
    dozan_buf_init(&ignored.buf, 1 << 20);
    bool good = cJSON_AddStringToObject(arguments, "name", win->name) != NULL &&
                cJSON_AddStringToObject(arguments, "version", version) != NULL &&
                cJSON_AddStringToObject(arguments, "alias", win->alias) != NULL &&
                cJSON_AddStringToObject(arguments, "stage", win->stage) != NULL &&
                cJSON_AddTrueToObject(arguments, "archive_existing_versions") != NULL;
    dozan_status status =
        good ? DOZAN_OK : dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    if (status == DOZAN_OK && win->alias[0] != '\0')
        status = dz_track_alias_set(track, arguments, &ignored, err);
    if (status == DOZAN_OK && win->stage[0] != '\0')
        status = dz_track_version_stage(track, arguments, &ignored, err);
    dozan_buf_fini(&ignored.buf);
    cJSON_Delete(arguments);
    return status;
}
