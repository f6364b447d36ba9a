/*
 * The event log as plugins are told it: the tables events and metrics, merged by their common
 * number. An ASKED event has its assignments and labels in the trial's row, not twice.
 */
#include "store/codec.h"
#include "store/db.h"

#include <stdlib.h>
#include <string.h>

/* What one event owns. */
typedef struct owned_parts {
    dozan_pair *assignments, *labels;
    size_t assignment_count, label_count;
    double *others;
    size_t other_count;
} owned_parts;

/* What a read owns; owned[i] belongs to events[i]. */
typedef struct log_memory {
    dozan_log_event *events;
    owned_parts *owned;
    size_t count, capacity;
    size_t bytes;
    char uid[40];
} log_memory;

/* What is asked for. */
typedef struct log_query {
    int64_t experiment_id;
    int64_t since_seq;
    bool reports;
    size_t max_bytes;
} log_query;

static dozan_status read_part(dz_store *store, const log_query *query, dz_log_read *read,
                              log_memory *memory, dozan_error *err);
static dozan_status read_end(dz_store *store, int64_t experiment_id, int64_t *last_seq,
                             dozan_error *err);
static dozan_status read_events(dz_store *store, const log_query *query, log_memory *memory,
                                bool *more, dozan_error *err);
static dozan_status add_event(const dz_bind *bind, log_memory *memory, dozan_error *err);
static bool reserve(log_memory *memory);
static void read_event(dz_row *row, dozan_log_event *event, owned_parts *owned);
static size_t pairs_bytes(const dozan_pair *pairs, size_t count);
static void free_memory(log_memory *memory);

dozan_status dz_store_log(dz_store *store, const dz_experiment *experiment, int64_t since_seq,
                          bool reports, size_t max_bytes, dz_log_read **read, dozan_error *err)
{
    log_query query = {experiment->id, since_seq, reports, max_bytes};
    dz_log_read *made = calloc(1, sizeof *made);
    log_memory *memory = calloc(1, sizeof *memory);
    if (!made || !memory) {
        free(memory);
        free(made);
        return dz_db_error(store, SQLITE_NOMEM, "cannot read the log", err);
    }
    made->memory = memory;
    memcpy(memory->uid, experiment->uid, sizeof memory->uid);
    dozan_status status = dz_db_begin_read(store, err);
    if (status == DOZAN_OK)
        status = read_part(store, &query, made, memory, err);
    dz_db_end_read(store);
    if (status != DOZAN_OK) {
        dz_log_read_destroy(made);
        return status;
    }
    *read = made;
    return DOZAN_OK;
}

void dz_log_read_destroy(dz_log_read *read)
{
    if (!read)
        return;
    free_memory(read->memory);
    free(read);
}

/* ---- helpers */

static dozan_status read_part(dz_store *store, const log_query *query, dz_log_read *read,
                              log_memory *memory, dozan_error *err)
{
    int64_t last_seq = query->since_seq;
    dozan_status status = read_end(store, query->experiment_id, &last_seq, err);
    if (status == DOZAN_OK)
        status = read_events(store, query, memory, &read->more, err);
    if (status != DOZAN_OK)
        return status;
    if (read->more)
        last_seq = memory->events[memory->count - 1].seq;
    read->part = (dozan_log_part){
        .uid = memory->uid,
        .since_seq = query->since_seq,
        .to_seq = last_seq > query->since_seq ? last_seq : query->since_seq,
        .events = memory->events,
        .event_count = memory->count,
    };
    return DOZAN_OK;
}

static dozan_status read_end(dz_store *store, int64_t experiment_id, int64_t *last_seq,
                             dozan_error *err)
{
    dz_bind bind = dz_bind_kept(store, DZ_SQL_LAST_SEQ);
    dz_bind_int(&bind, experiment_id);
    bool found = dz_bind_step(&bind);
    if (found)
        *last_seq = sqlite3_column_int64(bind.stmt, 0);
    dozan_status status = dz_bind_done(&bind, "cannot read the log", err);
    return status == DOZAN_OK && !found ? dz_db_gone(store, err) : status;
}

static dozan_status read_events(dz_store *store, const log_query *query, log_memory *memory,
                                bool *more, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    dz_bind bind = dz_bind_kept(store, query->reports ? DZ_SQL_LOG_ALL : DZ_SQL_LOG_EVENTS);
    dz_bind_int(&bind, query->experiment_id);
    dz_bind_int(&bind, query->since_seq);
    while (status == DOZAN_OK && dz_bind_step(&bind)) {
        /* One event always goes, however large it is: the reader must get on. */
        *more = memory->count > 0 && memory->bytes >= query->max_bytes;
        if (*more)
            break;
        status = add_event(&bind, memory, err);
    }
    return dz_bind_end(&bind, status, "cannot read the log", err);
}

static dozan_status add_event(const dz_bind *bind, log_memory *memory, dozan_error *err)
{
    if (!reserve(memory))
        return dz_db_error(bind->store, SQLITE_NOMEM, "cannot read the log", err);
    dozan_log_event *event = &memory->events[memory->count];
    owned_parts *owned = &memory->owned[memory->count];
    memory->count++;
    dz_row row = dz_row_of(bind, 0);
    read_event(&row, event, owned);
    event->assignments = owned->assignments;
    event->assignment_count = owned->assignment_count;
    event->labels = owned->labels;
    event->label_count = owned->label_count;
    event->other_values = owned->others;
    event->other_value_count = owned->other_count;
    memory->bytes += sizeof *event + pairs_bytes(owned->assignments, owned->assignment_count) +
                     pairs_bytes(owned->labels, owned->label_count) +
                     owned->other_count * sizeof *owned->others;
    return dz_row_error(bind->store, &row, err);
}

/* Makes room for one more, and clears it. */
static bool reserve(log_memory *memory)
{
    if (memory->count == memory->capacity) {
        size_t capacity = memory->capacity ? memory->capacity * 2 : 64;
        dozan_log_event *events = realloc(memory->events, capacity * sizeof *events);
        if (!events)
            return false;
        memory->events = events;
        owned_parts *owned = realloc(memory->owned, capacity * sizeof *owned);
        if (!owned)
            return false;
        memory->owned = owned;
        memory->capacity = capacity;
    }
    memory->events[memory->count] = (dozan_log_event){0};
    memory->owned[memory->count] = (owned_parts){0};
    return true;
}

static void read_event(dz_row *row, dozan_log_event *event, owned_parts *owned)
{
    event->seq = dz_row_int(row, 1, INT64_MAX);
    event->kind = (dozan_event_kind)dz_row_name(row, dz_event_codes, DZ_EVENT_NAME_COUNT);
    bool known = event->kind == DOZAN_EVENT_KNOWN; /* numbered downwards from -1 */
    event->trial = dz_row_int(row, known ? INT64_MIN : 1, known ? -1 : INT64_MAX);
    event->metric = (uint32_t)dz_row_int(row, 0, UINT32_MAX);
    event->step = dz_row_int(row, INT64_MIN, INT64_MAX);
    event->value = dz_row_double(row, &event->has_value);
    if (event->kind == DOZAN_EVENT_ASKED || known)
        dz_row_fail(row,
                    dz_pairs_read(dz_row_text(row), &owned->assignments, &owned->assignment_count));
    else
        (void)dz_row_text_or_null(row);
    if (event->kind == DOZAN_EVENT_ASKED)
        dz_row_fail(row, dz_pairs_read(dz_row_text(row), &owned->labels, &owned->label_count));
    else
        (void)dz_row_text_or_null(row);
    const char *others = dz_row_text_or_null(row);
    if (others)
        dz_row_fail(row, dz_numbers_read(others, &owned->others, &owned->other_count));
}

static size_t pairs_bytes(const dozan_pair *pairs, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += sizeof *pairs + strlen(pairs[i].name) + strlen(pairs[i].value) + 2;
    return bytes;
}

static void free_memory(log_memory *memory)
{
    if (!memory)
        return;
    for (size_t i = 0; i < memory->count; i++) {
        dz_pairs_free(memory->owned[i].assignments, memory->owned[i].assignment_count);
        dz_pairs_free(memory->owned[i].labels, memory->owned[i].label_count);
        free(memory->owned[i].others);
    }
    free(memory->owned);
    free(memory->events);
    free(memory);
}
