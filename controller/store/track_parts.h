/*
 * What the files of the tracking tables share: statements, arguments, the writing of things.
 */
#ifndef DZ_STORE_TRACK_PARTS_H
#define DZ_STORE_TRACK_PARTS_H

#include "store/db.h"
#include "store/track.h"

enum { TRACK_KEPT = 128, TRACK_UUID = 40, TRACK_TOKEN = 32 };

/* The kinds of pairs; 1 is in the schema. */
typedef enum track_kind {
    TRACK_EXPERIMENT_TAG = 0,
    TRACK_RUN_TAG = 1,
    TRACK_RUN_PARAM = 2,
    TRACK_INPUT_TAG = 3,
    TRACK_MODEL_TAG = 4,
    TRACK_MODEL_PARAM = 5,
    TRACK_REGISTERED_TAG = 6,
    TRACK_VERSION_TAG = 7
} track_kind;

enum { TRACK_OF_RUN = 1, TRACK_OF_MODEL = 2 }; /* kinds in track_latest */

struct dz_track {
    dz_store *store;
    struct {
        const char *sql; /* a literal: its address is the key */
        sqlite3_stmt *stmt;
        bool busy;
    } kept[TRACK_KEPT];
};

extern const char dz_track_schema[];
extern const char dz_track_tuned_schema[];
extern const char dz_track_wins_schema[];

/* ---- statements */

typedef struct track_query {
    dz_track *track;
    sqlite3_stmt *stmt;
    int code;
    int kept; /* its place, or -1 */
} track_query;

/* `types`: what follows, letter by letter: s text (may be NULL), i int64_t, d double. The SQL is a
 * literal, and is kept. */
track_query track_ask(dz_track *track, const char *sql, const char *types, ...);
/* SQL that is made for this one use. */
track_query track_ask_once(dz_track *track, const char *sql);
bool track_step(track_query *query);
DOZAN_MUST_USE dozan_status track_end(track_query *query, dozan_error *err);
/* A statement without rows. */
DOZAN_MUST_USE dozan_status track_run(dz_track *track, dozan_error *err, const char *sql,
                                      const char *types, ...);
int64_t track_changes(const dz_track *track);
int64_t track_last_id(const dz_track *track);

const char *track_text(const track_query *query, int column); /* NULL for NULL; borrowed */
int64_t track_int(const track_query *query, int column);
double track_double(const track_query *query, int column);

/* ---- arguments */

const char *track_arg(const cJSON *arguments, const char *name); /* a text, or NULL */
const char *track_arg_run(const cJSON *arguments);               /* run_id, or run_uuid; or "" */
const cJSON *track_arg_list(const cJSON *arguments, const char *name);
int64_t track_arg_int(const cJSON *arguments, const char *name, int64_t otherwise);
double track_arg_double(const cJSON *arguments, const char *name);

int64_t track_now_ms(void);
DOZAN_MUST_USE dozan_status track_new_uuid(const char *prefix, char uuid[TRACK_UUID],
                                           dozan_error *err);
/* Places in a list that is told in pages. INVALID_ARGUMENT: the token is none of ours. */
DOZAN_MUST_USE dozan_status track_read_token(const cJSON *arguments, int64_t *offset,
                                             dozan_error *err);
void track_write_token(dz_json *out, int64_t offset);

/* INVALID_ARGUMENT when a version may not be made of this: a path that leaves where it stands, or
 * a local one that is not the run's or logged model's own (both may be NULL). */
DOZAN_MUST_USE dozan_status track_check_source(dz_track *track, const char *source, const char *run,
                                               const char *model, dozan_error *err);

/* ---- pairs */

DOZAN_MUST_USE dozan_status track_set_pair(dz_track *track, track_kind kind, int64_t owner,
                                           const char *key, const char *value, dozan_error *err);
/* Each {key, value} of a list (may be NULL). */
DOZAN_MUST_USE dozan_status track_set_pairs(dz_track *track, track_kind kind, int64_t owner,
                                            const cJSON *list, dozan_error *err);
DOZAN_MUST_USE dozan_status track_delete_pair(dz_track *track, track_kind kind, int64_t owner,
                                              const char *key, bool *found, dozan_error *err);
DOZAN_MUST_USE dozan_status track_delete_pairs(dz_track *track, track_kind kind, int64_t owner,
                                               dozan_error *err);
/* As a list `name` of {key, value}; nothing where there are none. */
DOZAN_MUST_USE dozan_status track_write_pairs(dz_track *track, track_kind kind, int64_t owner,
                                              const char *name, dz_json *out, dozan_error *err);

/* ---- finding */

typedef struct track_run_row {
    int64_t id, experiment;
    bool deleted;
    char uuid[TRACK_UUID];
} track_run_row;

DOZAN_MUST_USE dozan_status track_find_run(dz_track *track, const char *uuid, bool active,
                                           track_run_row *run, dozan_error *err);
/* `active`: INVALID_ARGUMENT when it is deleted. */
DOZAN_MUST_USE dozan_status track_find_experiment(dz_track *track, const char *id, bool active,
                                                  int64_t *number, dozan_error *err);
DOZAN_MUST_USE dozan_status track_find_model(dz_track *track, const char *uuid, int64_t *id,
                                             dozan_error *err);
DOZAN_MUST_USE dozan_status track_find_registered(dz_track *track, const char *name, int64_t *id,
                                                  dozan_error *err);
DOZAN_MUST_USE dozan_status track_find_version(dz_track *track, const char *name,
                                               const char *version, int64_t *id, dozan_error *err);

/* ---- writing of things into an answer, by their row's number */

typedef dozan_status track_write(dz_track *track, int64_t id, const char *name, dz_json *out,
                                 dozan_error *err);
track_write track_write_experiment, track_write_run, track_write_run_info, track_write_model,
    track_write_registered, track_write_version;
DOZAN_MUST_USE dozan_status track_write_inputs(dz_track *track, int64_t run, dz_json *out,
                                               dozan_error *err);

/* One value of a metric of a run, and of the model that the arguments name. */
DOZAN_MUST_USE dozan_status track_log_metric(dz_track *track, const track_run_row *run,
                                             const cJSON *metric, dozan_error *err);

/* ---- searches */

typedef struct track_attribute {
    const char *name, *column;
    bool number, in; /* in: may be asked for with IN */
} track_attribute;

/* What can be searched for: `from` with an id, and the kinds of its pairs (-1 = it has none). */
typedef struct track_domain {
    const char *from; /* "track_runs t" */
    const track_attribute *attributes;
    size_t attribute_count;
    int tags, params, metrics;
    bool datasets;
    const char *order; /* when none is asked for */
    const char *ties;  /* what decides where the order asked for does not; NULL: `order` */
    const char *what;  /* "runs" */
} track_domain;

/* The ids that fit `where` (a condition that uses ?1 for `bound`, may be NULL) and the filter, in
 * order, each written by `write` into the list `name`, with the next page's token after it. */
typedef struct track_search {
    const track_domain *domain;
    const char *where, *bound;
    const char *filter;
    const cJSON *order; /* texts "KEY [ASC|DESC]", or {field_name, ascending} */
    int64_t limit;
    const char *name;
    track_write *write;
} track_search;

DOZAN_MUST_USE dozan_status track_search_run(dz_track *track, const track_search *search,
                                             const cJSON *arguments, dz_json *out,
                                             dozan_error *err);

#endif
