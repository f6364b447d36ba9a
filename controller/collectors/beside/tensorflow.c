/*
 * TensorFlowEvent: follows the event files in a folder and the folders below it, while they grow
 * and new ones come.
 *
 * Which tag is which metric is Katib's rule: for the metric DIR/NAME, a tag that begins with NAME,
 * in a folder whose path ends with DIR; for a metric without a slash, in any folder. Unlike there,
 * one folder gives a metric the values of one tag alone: of the tag that is the metric's whole
 * name, else of NAME itself, else of the first that begins so; so "loss" does not get the values of
 * "loss_reg" among its own.
 */
#include "collectors/beside/beside.h"
#include "collectors/tf_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLL_MS = 200, MAX_FILES = 1024, MAX_DEPTH = 16 };

/* How well a tag fits a metric. */
typedef enum fit { FIT_NONE, FIT_BEGINS, FIT_NAME, FIT_WHOLE } fit;

/* The tag whose values a metric has in one folder. */
typedef struct binding {
    char *tag;
    fit how;
} binding;

typedef struct folder {
    struct folder *next;
    char *path;
    bool told; /* of a tag that is not taken */
    binding bindings[];
} folder;

typedef struct event_file {
    char *path;
    folder *folder;
    ino_t inode;
    int64_t size; /* when it was last read */
    dz_tf_reader reader;
} event_file;

typedef struct follower {
    const dz_beside *task;
    unsigned char *buffer; /* [DZ_TF_READER_BYTES] */
    event_file *files;     /* [MAX_FILES] */
    size_t file_count;
    folder *folders;
    folder *reading; /* of the file that is being read */
    bool too_many;
    bool last; /* the trial has ended: every file is read once more */
} follower;

static void look(follower *f, const char *path, int depth);
static void visit(follower *f, const char *path, const char *folder_path, const struct stat *about);
static event_file *find_file(follower *f, const char *path, const char *folder_path);
static folder *find_folder(follower *f, const char *path);
static void read_file(follower *f, event_file *file);
static void take_scalar(void *user, const dz_tf_scalar *scalar);
static bool is_bound(folder *in, binding *bound, const char *metric, const char *tag, fit how);
static fit fit_of(const char *metric, const char *folder_path, const char *tag);
static void tell_faults(const follower *f);
static void destroy(follower *f);

int dz_beside_tensorflow(const dz_beside *task)
{
    follower f = {.task = task};
    f.buffer = malloc(DZ_TF_READER_BYTES);
    f.files = calloc(MAX_FILES, sizeof *f.files);
    if (f.buffer == NULL || f.files == NULL) {
        dz_beside_complain("there was no memory to read event files with");
        destroy(&f);
        return 1;
    }
    while (!f.last) {
        look(&f, task->path, 0);
        f.last = dz_beside_wait(POLL_MS);
    }
    look(&f, task->path, 0);
    tell_faults(&f);
    destroy(&f);
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Links are not followed: they could lead in a circle. */
static void look(follower *f, const char *path, int depth)
{
    struct dirent **entries = NULL;
    int count = depth < MAX_DEPTH ? scandir(path, &entries, NULL, alphasort) : -1;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char below[PATH_MAX];
        struct stat about;
        int size = snprintf(below, sizeof below, "%s/%s", path, name);
        bool usable = strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && size > 0 &&
                      (size_t)size < sizeof below && lstat(below, &about) == 0;
        if (usable && S_ISDIR(about.st_mode))
            look(f, below, depth + 1);
        else if (usable && S_ISREG(about.st_mode) && strstr(name, "tfevents") != NULL)
            visit(f, below, path, &about);
        free(entries[i]);
    }
    free(entries);
}

static void visit(follower *f, const char *path, const char *folder_path, const struct stat *about)
{
    event_file *file = find_file(f, path, folder_path);
    if (file == NULL)
        return;
    if (file->inode != about->st_ino || about->st_size < file->size) {
        file->reader = (dz_tf_reader){0}; /* another file under that name, or written anew */
        file->inode = about->st_ino;
        file->size = 0;
    }
    if (about->st_size != file->size || f->last)
        read_file(f, file);
    file->size = about->st_size;
}

static event_file *find_file(follower *f, const char *path, const char *folder_path)
{
    for (size_t i = 0; i < f->file_count; i++) {
        if (strcmp(f->files[i].path, path) == 0)
            return &f->files[i];
    }
    event_file *file = &f->files[f->file_count];
    if (f->file_count == MAX_FILES) {
        if (!f->too_many)
            dz_beside_complain("there are more than %d event files: only the first are read",
                               MAX_FILES);
        f->too_many = true;
        return NULL;
    }
    file->folder = find_folder(f, folder_path);
    file->path = strdup(path);
    if (file->path == NULL || file->folder == NULL) {
        free(file->path);
        return NULL; /* the next look tries again */
    }
    f->file_count++;
    return file;
}

static folder *find_folder(follower *f, const char *path)
{
    for (folder *at = f->folders; at != NULL; at = at->next) {
        if (strcmp(at->path, path) == 0)
            return at;
    }
    folder *made = calloc(1, sizeof *made + f->task->metric_count * sizeof(binding));
    if (made == NULL)
        return NULL;
    made->path = strdup(path);
    if (made->path == NULL) {
        free(made);
        return NULL;
    }
    made->next = f->folders;
    f->folders = made;
    return made;
}

/* Reads on from where it was left, for as long as whole records are there. */
static void read_file(follower *f, event_file *file)
{
    int handle = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (handle < 0)
        return; /* gone again, or a later look finds more */
    f->reading = file->folder;
    for (;;) {
        uint64_t before = file->reader.offset;
        ssize_t size = pread(handle, f->buffer, DZ_TF_READER_BYTES, (off_t)before);
        if (size <= 0)
            break;
        dz_tf_reader_take(&file->reader, f->buffer, (size_t)size, take_scalar, f);
        if (file->reader.offset == before)
            break;
    }
    (void)close(handle);
}

/* ---- tags ------------------------------------------------------------------------------------ */

static void take_scalar(void *user, const dz_tf_scalar *scalar)
{
    follower *f = user;
    int64_t time_ms = scalar->time_ms > 0 ? scalar->time_ms : dz_beside_now_ms();
    for (size_t i = 0; i < f->task->metric_count; i++) {
        const char *metric = f->task->metrics[i];
        fit how = fit_of(metric, f->reading->path, scalar->tag);
        if (how != FIT_NONE &&
            is_bound(f->reading, &f->reading->bindings[i], metric, scalar->tag, how))
            dz_beside_point(i, time_ms, scalar->value, scalar->step);
    }
}

/* Whether the metric has this tag's values in that folder; the better fit takes its place. */
static bool is_bound(folder *in, binding *bound, const char *metric, const char *tag, fit how)
{
    if (bound->tag != NULL && strcmp(bound->tag, tag) == 0)
        return true;
    if (bound->tag != NULL && bound->how >= how) {
        if (!in->told)
            dz_beside_complain("metric %.60s: the tag %.60s gives its values, and %.60s, which "
                               "begins alike, none",
                               metric, bound->tag, tag);
        in->told = true;
        return false;
    }
    char *copy = strdup(tag);
    if (copy == NULL)
        return false;
    if (bound->tag != NULL)
        dz_beside_complain("metric %.60s: the tag %.60s gave its first values, until %.60s came",
                           metric, bound->tag, tag);
    free(bound->tag);
    *bound = (binding){copy, how};
    return true;
}

static fit fit_of(const char *metric, const char *folder_path, const char *tag)
{
    const char *slash = strrchr(metric, '/');
    const char *name = slash != NULL ? slash + 1 : metric;
    size_t parent = slash != NULL ? (size_t)(slash - metric) : 0;
    size_t size = strlen(folder_path);
    if (strcmp(tag, metric) == 0)
        return FIT_WHOLE;
    if (name[0] == '\0' || strncmp(tag, name, strlen(name)) != 0 || parent > size ||
        memcmp(folder_path + size - parent, metric, parent) != 0)
        return FIT_NONE;
    return strcmp(tag, name) == 0 ? FIT_NAME : FIT_BEGINS;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void tell_faults(const follower *f)
{
    for (size_t i = 0; i < f->file_count; i++) {
        const event_file *file = &f->files[i];
        const dz_tf_reader *reader = &file->reader;
        const char *slash = strrchr(file->path, '/');
        const char *name = slash != NULL ? slash + 1 : file->path;
        if (reader->damaged)
            dz_beside_complain("the event file %.80s is damaged at byte %" PRIu64
                               ": what follows there was not read",
                               name, reader->offset);
        else if (reader->offset != (uint64_t)file->size)
            dz_beside_complain("the event file %.80s ends within a record, at byte %" PRIu64, name,
                               reader->offset);
        if (reader->bad > 0)
            dz_beside_complain("%" PRId64 " records of the event file %.80s are damaged, the first "
                               "at byte %" PRIu64,
                               reader->bad, name, reader->first_bad);
        if (reader->large > 0)
            dz_beside_complain("%" PRId64 " records of the event file %.80s have more than 4 MiB "
                               "and were passed over",
                               reader->large, name);
    }
}

static void destroy(follower *f)
{
    for (size_t i = 0; i < f->file_count; i++)
        free(f->files[i].path);
    while (f->folders != NULL) {
        folder *gone = f->folders;
        f->folders = gone->next;
        for (size_t i = 0; i < f->task->metric_count; i++)
            free(gone->bindings[i].tag);
        free(gone->path);
        free(gone);
    }
    free(f->files);
    free(f->buffer);
}
