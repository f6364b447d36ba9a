#include "cli/follow.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    PATH_MAX_BYTES = 65536,
    LINE_MAX_BYTES = 64 << 20,
    VERSION_TEXT = 32,
    FIRST_WAIT_MS = 100,
    LAST_WAIT_MS = 5000,
    STREAMS = 2 /* what is followed, and its trials */
};

/* One of the two streams. */
typedef struct watch {
    struct walk *walk;
    bool trials; /* the kind that it tells of */
    bool subject;
    char version[VERSION_TEXT]; /* the last that was told */
    dozan_buf line;
    dozan_buf path;
} watch;

typedef struct walk {
    const dz_follow *follow;
    bool trial; /* what is followed is one */
    bool enough;
    bool expired; /* a watch cannot go on from its version */
    bool lost;    /* told that the service is away */
    watch watches[STREAMS];
    size_t count;
} walk;

static dozan_status look(walk *all, bool first, dozan_error *err);
static dozan_status read_subject(walk *all, bool trial, cJSON **object, dozan_error *err);
static dozan_status follow_once(walk *all, dz_client_end *end, dozan_error *err);
static void make_path(watch *one);
static bool take_bytes(void *user, const char *bytes, size_t size);
static void take_line(watch *one);
static void take_event(watch *one, const cJSON *event);
static void keep_version(watch *one, const cJSON *object);
static bool may_pass(dozan_status status);
static const cJSON *part(const cJSON *object, const char *name);

dozan_status dz_follow_run(const dz_follow *follow, dz_follow_end *end, dozan_error *err)
{
    walk all = {.follow = follow};
    int64_t wait = FIRST_WAIT_MS;
    for (size_t i = 0; i < STREAMS; i++) {
        all.watches[i].walk = &all;
        dozan_buf_init(&all.watches[i].line, LINE_MAX_BYTES);
        dozan_buf_init(&all.watches[i].path, PATH_MAX_BYTES);
    }
    dozan_status status = look(&all, true, err);
    bool over = status != DOZAN_OK || all.enough;
    *end = DZ_FOLLOW_ENOUGH;
    while (!over) {
        dz_client_end ended = DZ_CLIENT_ENDED;
        status = all.expired ? look(&all, false, err) : follow_once(&all, &ended, err);
        if (status == DOZAN_OK && !all.expired && ended == DZ_CLIENT_ENDED)
            wait = FIRST_WAIT_MS;
        over = all.enough || ended == DZ_CLIENT_INTERRUPTED || ended == DZ_CLIENT_LATE;
        if (ended == DZ_CLIENT_INTERRUPTED || ended == DZ_CLIENT_LATE)
            *end = ended == DZ_CLIENT_LATE ? DZ_FOLLOW_LATE : DZ_FOLLOW_INTERRUPTED;
        if (!over && status == DOZAN_NOT_FOUND) {
            *end = DZ_FOLLOW_DELETED;
            status = DOZAN_OK;
            over = true;
        } else if (!over && may_pass(status)) {
            if (!all.lost)
                dz_cli_note(follow->cli, "the service is away (%s); trying again", err->message);
            all.lost = true;
            status = DOZAN_OK;
            if (dz_client_clock() + wait >= follow->until_ms)
                *end = DZ_FOLLOW_LATE;
            else if (dz_client_pause(follow->interrupt, wait))
                *end = DZ_FOLLOW_INTERRUPTED;
            over = *end != DZ_FOLLOW_ENOUGH;
            wait = wait * 2 < LAST_WAIT_MS ? wait * 2 : LAST_WAIT_MS;
        }
        over = over || status != DOZAN_OK;
    }
    for (size_t i = 0; i < STREAMS; i++) {
        dozan_buf_fini(&all.watches[i].line);
        dozan_buf_fini(&all.watches[i].path);
    }
    return status;
}

bool dz_follow_holds(const cJSON *object, const char *type)
{
    const cJSON *condition = NULL;
    cJSON_ArrayForEach(condition, part(part(object, "status"), "conditions"))
    {
        if (strcasecmp(dz_remote_text(condition, "type"), type) == 0 &&
            strcmp(dz_remote_text(condition, "status"), "True") == 0)
            return true;
    }
    return false;
}

bool dz_follow_rests(const cJSON *object, bool trial)
{
    const char *type = dz_remote_state_of(object).type;
    if (strcmp(type, "Suspended") == 0)
        return part(part(object, "status"), "trialsRunning") == NULL;
    if (strcmp(type, "") == 0 || strcmp(type, "Created") == 0 || strcmp(type, "Running") == 0)
        return false;
    return trial || strcmp(type, "Restarting") != 0;
}

int dz_follow_status(const cJSON *object, bool trial)
{
    const char *type = dz_remote_state_of(object).type;
    if (strcmp(type, "Succeeded") == 0 || (trial && strcmp(type, "EarlyStopped") == 0))
        return DZ_EXIT_SUCCEEDED;
    return dz_follow_rests(object, trial) && strcmp(type, "Suspended") != 0 ? DZ_EXIT_FAILED
                                                                            : DZ_EXIT_INTERRUPTED;
}

/* ---- what there is now ---- */

/* Reads it, visits it, and sets the watches to begin there. Which of the two it is, an experiment
 * or a trial, the first reading finds out. */
static dozan_status look(walk *all, bool first, dozan_error *err)
{
    cJSON *object = NULL;
    dozan_status status = read_subject(all, all->trial, &object, err);
    if (status == DOZAN_NOT_FOUND && first) {
        dozan_error other = {0};
        if (read_subject(all, true, &object, &other) == DOZAN_OK) {
            status = DOZAN_OK;
            all->trial = true;
        }
    }
    if (status != DOZAN_OK)
        return status;
    all->expired = false;
    all->lost = false;
    all->count = all->follow->with_trials && !all->trial ? 2 : 1;
    for (size_t i = 0; i < all->count; i++) {
        all->watches[i].trials = all->trial || i > 0;
        all->watches[i].subject = i == 0;
        keep_version(&all->watches[i], object);
    }
    dz_followed followed = {
        .object = object, .trial = all->trial, .subject = true, .again = !first};
    all->enough = !all->follow->visit(all->follow->user, &followed);
    cJSON_Delete(object);
    return DOZAN_OK;
}

static dozan_status read_subject(walk *all, bool trial, cJSON **object, dozan_error *err)
{
    const dz_subject *subject = &all->follow->subject;
    dozan_buf path;
    dozan_buf_init(&path, PATH_MAX_BYTES);
    dz_remote_path(&path, subject, trial ? "trials" : "experiments", subject->name);
    dozan_status status = dz_remote_get(all->follow->client, &path, object, err);
    dozan_buf_fini(&path);
    return status;
}

/* ---- what changes ---- */

static dozan_status follow_once(walk *all, dz_client_end *end, dozan_error *err)
{
    const dz_follow *follow = all->follow;
    dz_client_stream streams[STREAMS];
    for (size_t i = 0; i < all->count; i++) {
        watch *one = &all->watches[i];
        make_path(one);
        if (one->path.failed || one->path.data == NULL)
            return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
        dozan_buf_clear(&one->line);
        streams[i] = (dz_client_stream){.path = one->path.data, .sink = take_bytes, .user = one};
    }
    dozan_status status = dz_client_follow(follow->client, streams, all->count, follow->interrupt,
                                           follow->until_ms, end, err);
    for (size_t i = 0; i < all->count && status == DOZAN_OK && *end == DZ_CLIENT_ENDED; i++) {
        if (streams[i].status == DOZAN_OUT_OF_RANGE) {
            all->expired = true;
        } else if (streams[i].status != DOZAN_OK) {
            status = streams[i].status;
            if (err != NULL)
                *err = streams[i].err;
        }
    }
    return status;
}

static void make_path(watch *one)
{
    const dz_subject *subject = &one->walk->follow->subject;
    dozan_buf_clear(&one->path);
    dz_remote_path(&one->path, subject, one->trials ? "trials" : "experiments", NULL);
    dozan_buf_puts(&one->path, "?watch=true&allowWatchBookmarks=true&");
    dozan_buf_puts(&one->path, one->subject ? "fieldSelector=metadata.name%3D"
                                            : "labelSelector=katib.kubeflow.org%2Fexperiment%3D");
    dz_client_escape(&one->path, subject->name);
    dozan_buf_printf(&one->path, "&resourceVersion=%s", one->version);
}

/* A sink: cuts the stream into lines. */
static bool take_bytes(void *user, const char *bytes, size_t size)
{
    watch *one = user;
    while (size > 0 && !one->walk->enough && !one->walk->expired) {
        const char *end = memchr(bytes, '\n', size);
        size_t length = end != NULL ? (size_t)(end - bytes) : size;
        dozan_buf_append(&one->line, bytes, length);
        if (end == NULL)
            return !one->line.failed;
        take_line(one);
        dozan_buf_clear(&one->line);
        bytes += length + 1;
        size -= length + 1;
    }
    return !one->walk->enough && !one->walk->expired;
}

static void take_line(watch *one)
{
    if (one->line.size == 0)
        return;
    cJSON *event = cJSON_ParseWithLength(one->line.data, one->line.size);
    if (event != NULL)
        take_event(one, event);
    else
        one->walk->expired = true; /* what it was cannot be known: what there is now is read */
    cJSON_Delete(event);
}

static void take_event(watch *one, const cJSON *event)
{
    walk *all = one->walk;
    const char *type = dz_remote_text(event, "type");
    const cJSON *object = part(event, "object");
    dz_followed followed = {.object = object, .trial = one->trials, .subject = one->subject};
    if (strcmp(type, "ERROR") == 0) {
        all->expired = true; /* 410, or anything that only a new beginning helps against */
        return;
    }
    keep_version(one, object);
    if (all->lost)
        dz_cli_note(all->follow->cli, "the service is back");
    all->lost = false;
    if (strcmp(type, "BOOKMARK") == 0)
        return;
    followed.deleted = strcmp(type, "DELETED") == 0;
    all->enough = !all->follow->visit(all->follow->user, &followed);
}

static void keep_version(watch *one, const cJSON *object)
{
    const char *version = dz_remote_text(part(object, "metadata"), "resourceVersion");
    size_t size = strspn(version, "0123456789");
    if (size == 0 || size >= sizeof(one->version) || version[size] != '\0')
        return;
    memcpy(one->version, version, size + 1);
}

/* Whether the next try may go better. */
static bool may_pass(dozan_status status)
{
    return status == DOZAN_UNAVAILABLE || status == DOZAN_DEADLINE_EXCEEDED ||
           status == DOZAN_RESOURCE_EXHAUSTED;
}

static const cJSON *part(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}
