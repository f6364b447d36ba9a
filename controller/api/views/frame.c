#include "api/views/frame.h"

#include <dozan/buf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

typedef struct filling {
    dz_frame *frame;
    const dz_experiment *experiment;
    size_t row; /* to be written; SIZE_MAX = the next one */
    dozan_status status;
    dozan_error *err;
} filling;

static dozan_status refresh_open(filling *fill, dz_store *store);
static bool visit_trial(void *user, const dz_trial *trial);
static dozan_status reserve(dz_frame *frame, dozan_error *err);
static void write_row(filling *fill, size_t row, const dz_trial *trial);
static void write_units(double *units, const dozan_space *space, const dz_trial *trial);
static void note_end(dz_frame *frame, size_t row, const dz_trial *trial);
static void note_cause(dz_frame *frame, const dz_trial *trial);

dozan_status dz_frame_create(const dz_experiment *experiment, dz_frame **frame, dozan_error *err)
{
    dz_frame *made = calloc(1, sizeof *made);
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->experiment = experiment->id;
    made->dims = dozan_space_dimensions(experiment->space);
    made->metrics = experiment->spec->metric_count;
    *frame = made;
    return DOZAN_OK;
}

void dz_frame_destroy(dz_frame *frame)
{
    if (frame == NULL)
        return;
    free(frame->numbers);
    free(frame->created_ms);
    free(frame->started_ms);
    free(frame->ended_ms);
    free(frame->states);
    free(frame->feasible);
    free(frame->attempts);
    free(frame->units);
    free(frame->values);
    free(frame->open);
    free(frame->ended);
    free(frame);
}

dozan_status dz_frame_refresh(dz_frame *frame, dz_store *store, const dz_experiment *experiment,
                              dozan_error *err)
{
    filling fill = {.frame = frame, .experiment = experiment, .row = SIZE_MAX, .err = err};
    dozan_status status = refresh_open(&fill, store);
    if (status != DOZAN_OK)
        return status;
    int64_t last = frame->count > 0 ? frame->numbers[frame->count - 1] : 0;
    fill.row = SIZE_MAX;
    status = dz_store_trials(store, experiment, last, 0, visit_trial, &fill, err);
    return status != DOZAN_OK ? status : fill.status;
}

size_t dz_frame_find(const dz_frame *frame, int64_t number)
{
    size_t low = 0, high = frame->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frame->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < frame->count && frame->numbers[low] == number ? low : SIZE_MAX;
}

size_t dz_frame_bytes(const dz_frame *frame)
{
    size_t row = 4 * sizeof(int64_t) + 2 * sizeof(uint8_t) + sizeof(int32_t) + 2 * sizeof(size_t) +
                 (frame->dims + frame->metrics) * sizeof(double);
    return sizeof *frame + frame->capacity * row;
}

/* ---- helpers */

/* Rows that had not ended are read again; those that have ended meanwhile leave the list. */
static dozan_status refresh_open(filling *fill, dz_store *store)
{
    dz_frame *frame = fill->frame;
    dozan_status status = DOZAN_OK;
    size_t kept = 0;
    for (size_t i = 0; i < frame->open_count; i++) {
        size_t row = frame->open[i];
        const dz_trial *trial = dz_experiment_find_active(fill->experiment, frame->numbers[row]);
        fill->row = row;
        if (status == DOZAN_OK && trial != NULL)
            (void)visit_trial(fill, trial);
        else if (status == DOZAN_OK)
            status = dz_store_trials(store, fill->experiment, frame->numbers[row] - 1, 1,
                                     visit_trial, fill, fill->err);
        if (status == DOZAN_OK)
            status = fill->status;
        if (!dz_trial_state_ended((dz_trial_state)frame->states[row]))
            frame->open[kept++] = row;
    }
    frame->open_count = kept;
    return status;
}

static bool visit_trial(void *user, const dz_trial *trial)
{
    filling *fill = user;
    dz_frame *frame = fill->frame;
    if (fill->row != SIZE_MAX) {
        if (frame->numbers[fill->row] == trial->number)
            write_row(fill, fill->row, trial);
        return true;
    }
    fill->status = reserve(frame, fill->err);
    if (fill->status != DOZAN_OK)
        return false;
    size_t row = frame->count++;
    frame->numbers[row] = trial->number;
    if (!dz_trial_state_ended(trial->state))
        frame->open[frame->open_count++] = row;
    write_row(fill, row, trial);
    return true;
}

/* Room for one more row in every column. */
static dozan_status reserve(dz_frame *frame, dozan_error *err)
{
    if (frame->count < frame->capacity)
        return DOZAN_OK;
    size_t capacity = frame->capacity > 0 ? frame->capacity * 2 : FIRST_CAPACITY;
    void *grown = NULL;
#define GROW(column, width)                                                                        \
    ((grown = realloc((column), capacity * (width) * sizeof *(column))) != NULL &&                 \
     ((column) = grown, true))
    bool done = GROW(frame->numbers, 1) && GROW(frame->created_ms, 1) &&
                GROW(frame->started_ms, 1) && GROW(frame->ended_ms, 1) && GROW(frame->states, 1) &&
                GROW(frame->feasible, 1) && GROW(frame->attempts, 1) &&
                GROW(frame->units, frame->dims) && GROW(frame->values, frame->metrics) &&
                GROW(frame->open, 1) && GROW(frame->ended, 1);
#undef GROW
    if (!done)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "out of memory for the columns of %zu trials", capacity);
    frame->capacity = capacity;
    return DOZAN_OK;
}

static void write_row(filling *fill, size_t row, const dz_trial *trial)
{
    dz_frame *frame = fill->frame;
    const dz_experiment_spec *spec = fill->experiment->spec;
    frame->created_ms[row] = trial->created_ms;
    frame->started_ms[row] = trial->started_ms;
    frame->ended_ms[row] = trial->ended_ms;
    frame->states[row] = (uint8_t)trial->state;
    frame->attempts[row] = trial->attempt;
    frame->feasible[row] =
        trial->state == DZ_TRIAL_SUCCEEDED && dz_trial_feasible(trial, spec) ? 1 : 0;
    for (size_t i = 0; i < frame->metrics; i++) {
        double value = 0;
        bool known = dz_trial_metric(trial, spec, i, &value);
        frame->values[row * frame->metrics + i] = known ? value : (double)NAN;
    }
    write_units(&frame->units[row * frame->dims], fill->experiment->space, trial);
    if (dz_trial_state_ended(trial->state))
        note_end(frame, row, trial);
}

/* Assignments come in the order of the parameters, so the next one is nearly always the one. */
static void write_units(double *units, const dozan_space *space, const dz_trial *trial)
{
    size_t dims = dozan_space_dimensions(space), next = 0;
    for (size_t d = 0; d < dims; d++) {
        const char *name = dozan_space_dimension(space, d)->name;
        size_t at = next;
        units[d] = (double)NAN;
        while (at < trial->assignment_count && strcmp(trial->assignments[at].name, name) != 0)
            at++;
        if (at == trial->assignment_count)
            continue;
        next = at + 1;
        if (dozan_space_parse(space, d, trial->assignments[at].value, &units[d], NULL) != DOZAN_OK)
            units[d] = (double)NAN;
    }
}

/* Trials are read in the order of their numbers and end in nearly that order: few steps back. */
static void note_end(dz_frame *frame, size_t row, const dz_trial *trial)
{
    size_t at = frame->ended_count++;
    while (at > 0 && frame->ended_ms[frame->ended[at - 1]] > trial->ended_ms) {
        frame->ended[at] = frame->ended[at - 1];
        at--;
    }
    frame->ended[at] = row;
    if (trial->state == DZ_TRIAL_FAILED || trial->state == DZ_TRIAL_METRICS_UNAVAILABLE)
        note_cause(frame, trial);
}

/* The message with TRIAL for the trial's own name, so that equal causes are equal. */
static void without_name(const dz_trial *trial, char *text, size_t size)
{
    const char *from = trial->message, *place = NULL;
    dozan_buf out;
    dozan_buf_init(&out, 2 * sizeof trial->message);
    while (*trial->name != '\0' && (place = strstr(from, trial->name)) != NULL) {
        (void)dozan_buf_append(&out, from, (size_t)(place - from));
        (void)dozan_buf_puts(&out, "TRIAL");
        from = place + strlen(trial->name);
    }
    (void)dozan_buf_puts(&out, from);
    size_t used = out.size < size ? out.size : size - 1;
    if (used > 0)
        memcpy(text, out.data, used);
    text[used] = '\0';
    dozan_buf_fini(&out);
}

static void note_cause(dz_frame *frame, const dz_trial *trial)
{
    char message[sizeof trial->message];
    without_name(trial, message, sizeof message);
    for (size_t i = 0; i < frame->cause_count; i++) {
        dz_cause *known = &frame->causes[i];
        if (strcmp(known->reason, trial->reason) != 0 || strcmp(known->message, message) != 0)
            continue;
        known->count++;
        known->last = trial->number;
        return;
    }
    if (frame->cause_count == DZ_FRAME_CAUSES) {
        frame->other_failures++;
        return;
    }
    dz_cause *cause = &frame->causes[frame->cause_count++];
    *cause = (dz_cause){.count = 1, .first = trial->number, .last = trial->number};
    memcpy(cause->reason, trial->reason, sizeof cause->reason);
    memcpy(cause->message, message, sizeof cause->message);
}
