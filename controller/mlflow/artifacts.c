/*
 * Artifacts: files below one folder.
 *
 * Each part of a path is opened below the one before it, and no part may be a link: nothing outside
 * of the folder can be reached, whatever the path says and whoever changes the folder meanwhile. An
 * upload gets its name when it is whole and on the disk; until then it has no name at all.
 */
#include "mlflow/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LENGTH = 4096, PART_LENGTH = 255, DEPTH = 64, FILE_MAX = 1 << 30 };

static dozan_status open_parent(dz_mlflow *mlflow, const char *path, bool make, int *parent,
                                char name[PART_LENGTH + 1], dozan_error *err);
static dozan_status write_file(int parent, const char *name, const dz_http_request *request,
                               dozan_error *err);
static dozan_status read_file(int file, size_t size, char **bytes, dozan_error *err);
static dozan_status list(int folder, cJSON *files, dozan_error *err);
static dozan_status remove_below(int parent, const char *name, int depth, dozan_error *err);
static dozan_status refuse(int number, const char *doing, dozan_error *err);

static dozan_status invalid_path(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "Invalid path");
}

void mlflow_artifact_put(void *context, dz_http_request *request)
{
    char name[PART_LENGTH + 1];
    dozan_error err = {0};
    int parent = -1;
    dozan_status status =
        open_parent(context, dz_http_param(request, "path"), true, &parent, name, &err);
    if (status == DOZAN_OK)
        status = write_file(parent, name, request, &err);
    if (parent >= 0)
        (void)close(parent);
    if (status == DOZAN_OK)
        dz_http_reply_text(request, 200, "application/json", "{}");
    else
        mlflow_fail(request, &err);
}

void mlflow_artifact_get(void *context, dz_http_request *request)
{
    char name[PART_LENGTH + 1], *bytes = NULL;
    dozan_error err = {0};
    struct stat info = {0};
    int parent = -1, file = -1;
    dozan_status status =
        open_parent(context, dz_http_param(request, "path"), false, &parent, name, &err);
    if (status == DOZAN_OK) {
        file = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (file < 0 || fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
            status = dozan_error_set(&err, DOZAN_NOT_FOUND, NULL, "No such artifact: '%.200s'",
                                     dz_http_param(request, "path"));
    }
    if (status == DOZAN_OK && info.st_size > FILE_MAX)
        status = dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "the artifact is too large");
    if (status == DOZAN_OK)
        status = read_file(file, (size_t)info.st_size, &bytes, &err);
    if (file >= 0)
        (void)close(file);
    if (parent >= 0)
        (void)close(parent);
    dz_http_answer answer = {
        .type = "application/octet-stream", .body = bytes, .size = (size_t)info.st_size};
    if (status == DOZAN_OK)
        dz_http_reply(request, &answer);
    else
        mlflow_fail(request, &err);
}

void mlflow_artifact_list(void *context, dz_http_request *request)
{
    const char *path = dz_http_query(request, "path");
    char name[PART_LENGTH + 1] = ".";
    dozan_error err = {0};
    dozan_status status = DOZAN_OK;
    int parent = -1, folder = -1;
    cJSON *tree = cJSON_CreateObject(), *files = cJSON_AddArrayToObject(tree, "files");
    if (path != NULL && *path != '\0')
        status = open_parent(context, path, false, &parent, name, &err);
    else
        parent = fcntl(((dz_mlflow *)context)->root, F_DUPFD_CLOEXEC, 0);
    if (status == DOZAN_OK)
        folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        status = list(folder, files, &err); /* closes it */
    if (parent >= 0)
        (void)close(parent);
    /* What is not there is an empty folder: a run without artifacts has none. */
    if (status == DOZAN_OK || status == DOZAN_NOT_FOUND) {
        dz_http_reply_json(request, 200, tree);
        return;
    }
    cJSON_Delete(tree);
    mlflow_fail(request, &err);
}

void mlflow_artifact_delete(void *context, dz_http_request *request)
{
    char name[PART_LENGTH + 1];
    dozan_error err = {0};
    int parent = -1;
    dozan_status status =
        open_parent(context, dz_http_param(request, "path"), false, &parent, name, &err);
    if (status == DOZAN_OK)
        status = remove_below(parent, name, 0, &err);
    if (parent >= 0)
        (void)close(parent);
    if (status == DOZAN_OK || status == DOZAN_NOT_FOUND)
        dz_http_reply_text(request, 200, "application/json", "{}");
    else
        mlflow_fail(request, &err);
}

/* ---- paths ---- */

/* The folder that holds the path's last part, and that part. */
static dozan_status open_parent(dz_mlflow *mlflow, const char *path, bool make, int *parent,
                                char name[PART_LENGTH + 1], dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (path == NULL || *path == '/' || *path == '\0' || strlen(path) > PATH_LENGTH)
        return invalid_path(err);
    int folder = fcntl(mlflow->root, F_DUPFD_CLOEXEC, 0);
    for (int depth = 0; status == DOZAN_OK; depth++) {
        size_t size = strcspn(path, "/");
        if (depth == DEPTH || size == 0 || size > PART_LENGTH || strncmp(path, "..", size) == 0 ||
            memchr(path, '\\', size) != NULL) {
            status = invalid_path(err);
            break;
        }
        memcpy(name, path, size);
        name[size] = '\0';
        path += size;
        if (*path == '\0' || strcmp(path, "/") == 0)
            break;
        path++;
        if (make && mkdirat(folder, name, 0777) != 0 && errno != EEXIST)
            status = refuse(errno, "a folder cannot be made", err);
        int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && status == DOZAN_OK)
            status = errno == ELOOP || errno == ENOTDIR ? invalid_path(err)
                                                        : refuse(errno, "no such folder", err);
        if (folder >= 0)
            (void)close(folder);
        folder = next;
    }
    *parent = folder;
    return status;
}

static dozan_status refuse(int number, const char *doing, dozan_error *err)
{
    dozan_status status = number == ENOENT                       ? DOZAN_NOT_FOUND
                          : number == ENOSPC || number == EDQUOT ? DOZAN_RESOURCE_EXHAUSTED
                          : number == EISDIR || number == ENOTDIR || number == ENOTEMPTY ||
                                  number == ELOOP || number == ENAMETOOLONG
                              ? DOZAN_INVALID_ARGUMENT
                              : DOZAN_UNAVAILABLE;
    return dozan_error_set(err, status, NULL, "%s: %s", doing, strerrordesc_np(number));
}

/* ---- files ---- */

/* Written without a name, and put in place of what had the name before. */
static dozan_status write_file(int parent, const char *name, const dz_http_request *request,
                               dozan_error *err)
{
    char own[64], temporary[PART_LENGTH + 1];
    size_t done = 0;
    int number = 0, file = openat(parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0)
        return refuse(errno, "the artifact cannot be written", err);
    while (number == 0 && done < request->body_size) {
        ssize_t wrote = write(file, request->body + done, request->body_size - done);
        if (wrote > 0)
            done += (size_t)wrote;
        else if (errno != EINTR)
            number = errno;
    }
    if (number == 0 && fdatasync(file) != 0)
        number = errno;
    (void)snprintf(own, sizeof(own), "/proc/self/fd/%d", file);
    (void)snprintf(temporary, sizeof(temporary), ".upload-%p-%d", (const void *)request, file);
    if (number == 0 && linkat(AT_FDCWD, own, parent, temporary, AT_SYMLINK_FOLLOW) != 0)
        number = errno;
    if (number == 0 && renameat(parent, temporary, parent, name) != 0) {
        number = errno;
        (void)unlinkat(parent, temporary, 0);
    }
    if (number == 0 && fsync(parent) != 0)
        number = errno;
    (void)close(file);
    return number == 0 ? DOZAN_OK : refuse(number, "the artifact cannot be written", err);
}

static dozan_status read_file(int file, size_t size, char **bytes, dozan_error *err)
{
    char *made = malloc(size + 1);
    size_t done = 0;
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    while (done < size) {
        ssize_t got = read(file, made + done, size - done);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    if (done == size) {
        *bytes = made;
        return DOZAN_OK;
    }
    free(made);
    return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "the artifact changes; try again");
}

static dozan_status list(int folder, cJSON *files, dozan_error *err)
{
    DIR *all = fdopendir(folder);
    if (all == NULL) {
        (void)close(folder);
        return refuse(errno, "the folder cannot be read", err);
    }
    for (const struct dirent *entry = readdir(all); entry != NULL; entry = readdir(all)) {
        struct stat info;
        if (entry->d_name[0] == '.' &&
            (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
             strncmp(entry->d_name, ".upload-", 8) == 0))
            continue;
        if (fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
            continue;
        cJSON *item = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(item, "path", entry->d_name);
        (void)cJSON_AddBoolToObject(item, "is_dir", S_ISDIR(info.st_mode));
        if (S_ISREG(info.st_mode))
            (void)cJSON_AddNumberToObject(item, "file_size", (double)info.st_size);
        (void)cJSON_AddItemToArray(files, item);
    }
    (void)closedir(all);
    return DOZAN_OK;
}

/* A file, or a folder with all that is in it. */
static dozan_status remove_below(int parent, const char *name, int depth, dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (unlinkat(parent, name, 0) == 0)
        return DOZAN_OK;
    if (errno != EISDIR || depth == DEPTH)
        return refuse(errno, "the artifact cannot be removed", err);
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *all = folder >= 0 ? fdopendir(folder) : NULL;
    if (all == NULL) {
        if (folder >= 0)
            (void)close(folder);
        return refuse(errno, "the folder cannot be read", err);
    }
    for (const struct dirent *entry = readdir(all); entry != NULL && status == DOZAN_OK;
         entry = readdir(all))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = remove_below(folder, entry->d_name, depth + 1, err);
    (void)closedir(all);
    if (status == DOZAN_OK && unlinkat(parent, name, AT_REMOVEDIR) != 0)
        return refuse(errno, "the folder cannot be removed", err);
    return status;
}
