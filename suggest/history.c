/*
 * The history. Records are found by number and by point through two open-addressing tables of
 * 32-bit record indices (linear probing, at most 2/3 full), so a trial of 10 dimensions costs about
 * 200 bytes with all of its bookkeeping.
 */
#include "history.h"

#include "arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct record {
    dozan_trial trial;
    dozan_report *reports; /* trial.reports, writable */
    uint32_t report_capacity;
    uint32_t pending_at; /* index in the pending list */
    double *others;      /* trial.other_losses and behind them trial.excess, writable */
} record;

typedef uint64_t record_hash(const dozan_history *history, const record *item);

typedef struct hash_table {
    uint32_t *slots; /* record index + 1; 0 = free */
    size_t capacity; /* 0 or a power of 2 */
    size_t used;
} hash_table;

struct dozan_history {
    dz_arena arena; /* points and labels */
    size_t dimensions;
    size_t other_objectives, constraints;
    bool keep_reports;
    record *records;
    uint32_t *ended;
    uint32_t *pending;
    size_t count, ended_count, pending_count;
    size_t capacity; /* of all three arrays */
    size_t report_bytes;
    hash_table by_number;
    hash_table by_point; /* the first trial of each different point */
};

enum { FIRST_CAPACITY = 16, MAX_TRIALS = INT32_MAX };

static dozan_status reserve_trial(dozan_history *history, dozan_error *err);
static bool reserve_slot(const dozan_history *history, hash_table *table, record_hash *hash);
static void insert(hash_table *table, uint64_t hash, size_t index);
static uint64_t hash_number(int64_t number);
static uint64_t hash_point(const double *point, size_t dimensions);
static uint64_t number_of_record(const dozan_history *history, const record *item);
static uint64_t point_of_record(const dozan_history *history, const record *item);
static record *find_number(const dozan_history *history, int64_t number);
static bool copy_labels(dozan_history *history, const dozan_label *labels, size_t count,
                        dozan_trial *trial);
static bool make_others(dozan_history *history, record *item);
static dozan_status no_memory(dozan_error *err);

/* ---- reading --------------------------------------------------------------------------------- */

size_t dozan_history_count(const dozan_history *history)
{
    return history->count;
}

const dozan_trial *dozan_history_trial(const dozan_history *history, size_t index)
{
    return index < history->count ? &history->records[index].trial : NULL;
}

const dozan_trial *dozan_history_find(const dozan_history *history, int64_t number)
{
    const record *found = find_number(history, number);
    return found != NULL ? &found->trial : NULL;
}

size_t dozan_history_ended_count(const dozan_history *history)
{
    return history->ended_count;
}

const dozan_trial *dozan_history_ended(const dozan_history *history, size_t index)
{
    return index < history->ended_count ? &history->records[history->ended[index]].trial : NULL;
}

size_t dozan_history_pending_count(const dozan_history *history)
{
    return history->pending_count;
}

const dozan_trial *dozan_history_pending(const dozan_history *history, size_t index)
{
    return index < history->pending_count ? &history->records[history->pending[index]].trial : NULL;
}

bool dozan_history_contains(const dozan_history *history, const double *point)
{
    const hash_table *points = &history->by_point;
    if (points->used == 0)
        return false;
    size_t size = history->dimensions * sizeof(*point);
    size_t slot = hash_point(point, history->dimensions) & (points->capacity - 1);
    for (; points->slots[slot] != 0; slot = (slot + 1) & (points->capacity - 1))
        if (memcmp(history->records[points->slots[slot] - 1].trial.point, point, size) == 0)
            return true;
    return false;
}

double dozan_trial_loss(const dozan_trial *trial, size_t index)
{
    return index == 0 ? trial->loss : trial->other_losses[index - 1];
}

double dozan_trial_excess(const dozan_problem *problem, const dozan_trial *trial)
{
    double sum = 0;
    for (size_t i = 0; i < problem->constraint_count; i++)
        sum += isnan(trial->excess[i]) ? trial->excess[i] : fmax(trial->excess[i], 0);
    return sum;
}

const char *dozan_trial_label(const dozan_trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->label_count; i++)
        if (strcmp(trial->labels[i].name, name) == 0)
            return trial->labels[i].value;
    return NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

dozan_status dz_history_create(const dz_history_shape *shape, dozan_history **history,
                               dozan_error *err)
{
    dozan_history *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return no_memory(err);
    made->dimensions = dozan_space_dimensions(shape->space);
    made->other_objectives = shape->other_objectives;
    made->constraints = shape->constraints;
    made->keep_reports = shape->keep_reports;
    *history = made;
    return DOZAN_OK;
}

void dz_history_destroy(dozan_history *history)
{
    if (history == NULL)
        return;
    for (size_t i = 0; i < history->count; i++)
        free(history->records[i].reports);
    free(history->records);
    free(history->ended);
    free(history->pending);
    free(history->by_number.slots);
    free(history->by_point.slots);
    dz_arena_fini(&history->arena);
    free(history);
}

dozan_status dz_history_ask(dozan_history *history, int64_t number, const double *point,
                            const dozan_label *labels, size_t label_count, dozan_error *err)
{
    if (number == 0 || find_number(history, number) != NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "trial %lld %s",
                               (long long)number,
                               number == 0 ? "is no number of a trial" : "was asked for before");
    dozan_status status = reserve_trial(history, err);
    if (status != DOZAN_OK)
        return status;
    size_t index = history->count;
    record *added = &history->records[index];
    *added = (record){.trial = {.number = number, .loss = (double)NAN}};
    double *copy = dz_arena_array(&history->arena, history->dimensions, sizeof(*copy));
    if (copy == NULL || !copy_labels(history, labels, label_count, &added->trial) ||
        !make_others(history, added))
        return no_memory(err);
    memcpy(copy, point, history->dimensions * sizeof(*copy));
    added->trial.point = copy;

    if (!dozan_history_contains(history, copy))
        insert(&history->by_point, hash_point(copy, history->dimensions), index);
    insert(&history->by_number, hash_number(number), index);
    added->pending_at = (uint32_t)history->pending_count;
    history->pending[history->pending_count++] = (uint32_t)index;
    history->count++;
    return DOZAN_OK;
}

/* Room for the results beside the loss, not known as yet. */
static bool make_others(dozan_history *history, record *item)
{
    size_t count = history->other_objectives + history->constraints;
    item->others = dz_arena_array(&history->arena, count, sizeof(*item->others));
    if (item->others == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        item->others[i] = (double)NAN;
    item->trial.other_losses = item->others;
    item->trial.excess = item->others + history->other_objectives;
    return true;
}

/* Makes room for one more report. */
static bool reserve_report(dozan_history *history, record *item)
{
    if (item->trial.report_count < item->report_capacity)
        return true;
    uint32_t capacity = item->report_capacity > 0 ? item->report_capacity * 2 : 8;
    if (item->report_capacity > INT32_MAX / 2)
        return false;
    dozan_report *reports = realloc(item->reports, capacity * sizeof(*reports));
    if (reports == NULL)
        return false;
    history->report_bytes += (capacity - item->report_capacity) * sizeof(*reports);
    item->reports = reports;
    item->trial.reports = reports;
    item->report_capacity = capacity;
    return true;
}

dozan_status dz_history_report(dozan_history *history, int64_t number, int64_t step, double loss,
                               dozan_error *err)
{
    record *item = find_number(history, number);
    if (item == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "trial %lld was never asked for",
                               (long long)number);
    if (!history->keep_reports || item->trial.state != DOZAN_TRIAL_PENDING)
        return DOZAN_OK;
    size_t *count = &item->trial.report_count;
    while (*count > 0 && item->reports[*count - 1].step >= step)
        --*count;
    if (!reserve_report(history, item))
        return no_memory(err);
    item->reports[(*count)++] = (dozan_report){step, loss};
    return DOZAN_OK;
}

/* Gives back what the trial's reports have reserved and not used; it is kept where that fails. */
static void shrink_reports(dozan_history *history, record *item)
{
    size_t count = item->trial.report_count;
    if (count == 0 || count == item->report_capacity)
        return;
    dozan_report *reports = realloc(item->reports, count * sizeof(*reports));
    if (reports == NULL)
        return;
    history->report_bytes -= (item->report_capacity - count) * sizeof(*reports);
    item->reports = reports;
    item->trial.reports = reports;
    item->report_capacity = (uint32_t)count;
}

static void copy_others(const dozan_history *history, const dz_result *result, record *item)
{
    size_t objectives = history->other_objectives;
    if (result->other_losses != NULL && objectives > 0)
        memcpy(item->others, result->other_losses, objectives * sizeof(double));
    if (result->excess != NULL && history->constraints > 0)
        memcpy(item->others + objectives, result->excess, history->constraints * sizeof(double));
}

dozan_status dz_history_end(dozan_history *history, int64_t number, dozan_trial_state state,
                            const dz_result *result, dozan_error *err)
{
    record *item = find_number(history, number);
    if (item == NULL || item->trial.state != DOZAN_TRIAL_PENDING)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "trial %lld %s",
                               (long long)number,
                               item == NULL ? "was never asked for" : "has ended before");
    bool scored = state == DOZAN_TRIAL_COMPLETED || state == DOZAN_TRIAL_STOPPED;
    item->trial.state = state;
    item->trial.loss = scored ? result->loss : (double)NAN;
    if (state == DOZAN_TRIAL_COMPLETED)
        copy_others(history, result, item);
    shrink_reports(history, item);

    uint32_t last = history->pending[--history->pending_count];
    history->pending[item->pending_at] = last;
    history->records[last].pending_at = item->pending_at;
    history->ended[history->ended_count++] = (uint32_t)(item - history->records);
    item->trial.ended = (int64_t)history->ended_count;
    return DOZAN_OK;
}

size_t dz_history_bytes(const dozan_history *history)
{
    size_t per_trial = sizeof(record) + 2 * sizeof(uint32_t);
    size_t slots = history->by_number.capacity + history->by_point.capacity;
    return sizeof(*history) + history->arena.total_bytes + history->capacity * per_trial +
           slots * sizeof(uint32_t) + history->report_bytes;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool grow_arrays(dozan_history *history, size_t capacity)
{
    record *records = reallocarray(history->records, capacity, sizeof(*records));
    if (records == NULL)
        return false;
    history->records = records;
    uint32_t *ended = reallocarray(history->ended, capacity, sizeof(*ended));
    if (ended == NULL)
        return false;
    history->ended = ended;
    uint32_t *pending = reallocarray(history->pending, capacity, sizeof(*pending));
    if (pending == NULL)
        return false;
    history->pending = pending;
    history->capacity = capacity;
    return true;
}

/* Room for one more trial everywhere, so that adding it cannot fail halfway. */
static dozan_status reserve_trial(dozan_history *history, dozan_error *err)
{
    if (history->count >= MAX_TRIALS)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "an experiment has at most %d trials", (int)MAX_TRIALS);
    if (!reserve_slot(history, &history->by_number, number_of_record) ||
        !reserve_slot(history, &history->by_point, point_of_record))
        return no_memory(err);
    if (history->count < history->capacity)
        return DOZAN_OK;
    size_t capacity = history->capacity + history->capacity / 2 + FIRST_CAPACITY;
    return grow_arrays(history, capacity) ? DOZAN_OK : no_memory(err);
}

static bool copy_labels(dozan_history *history, const dozan_label *labels, size_t count,
                        dozan_trial *trial)
{
    if (count == 0)
        return true;
    dozan_label *copies = dz_arena_array(&history->arena, count, sizeof(*copies));
    if (copies == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        copies[i].name = dz_arena_text(&history->arena, labels[i].name);
        copies[i].value = dz_arena_text(&history->arena, labels[i].value);
        if (copies[i].name == NULL || copies[i].value == NULL)
            return false;
    }
    trial->labels = copies;
    trial->label_count = count;
    return true;
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory for the history");
}

/* ---- tables ---------------------------------------------------------------------------------- */

static uint64_t hash_number(int64_t number)
{
    return dozan_hash_words((uint64_t)number, 0);
}

static uint64_t hash_point(const double *point, size_t dimensions)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < dimensions; i++) {
        uint64_t bits = 0;
        memcpy(&bits, &point[i], sizeof(bits));
        hash = dozan_hash_words(hash, bits);
    }
    return hash;
}

static uint64_t number_of_record(const dozan_history *history, const record *item)
{
    (void)history;
    return hash_number(item->trial.number);
}

static uint64_t point_of_record(const dozan_history *history, const record *item)
{
    return hash_point(item->trial.point, history->dimensions);
}

static record *find_number(const dozan_history *history, int64_t number)
{
    const hash_table *numbers = &history->by_number;
    if (numbers->used == 0)
        return NULL;
    size_t slot = hash_number(number) & (numbers->capacity - 1);
    for (; numbers->slots[slot] != 0; slot = (slot + 1) & (numbers->capacity - 1)) {
        record *item = &history->records[numbers->slots[slot] - 1];
        if (item->trial.number == number)
            return item;
    }
    return NULL;
}

static void insert(hash_table *table, uint64_t hash, size_t index)
{
    size_t slot = hash & (table->capacity - 1);
    while (table->slots[slot] != 0)
        slot = (slot + 1) & (table->capacity - 1);
    table->slots[slot] = (uint32_t)index + 1;
    table->used++;
}

static bool reserve_slot(const dozan_history *history, hash_table *table, record_hash *hash)
{
    if ((table->used + 1) * 3 <= table->capacity * 2)
        return true;
    hash_table grown = {.capacity =
                            table->capacity > 0 ? table->capacity * 2 : (size_t)2 * FIRST_CAPACITY};
    grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i] == 0)
            continue;
        size_t index = table->slots[i] - 1;
        insert(&grown, hash(history, &history->records[index]), index);
    }
    free(table->slots);
    *table = grown;
    return true;
}
