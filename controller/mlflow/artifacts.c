/*
 * Artifacts: files below one folder.
 *
 * Each part of a path is opened below the one before it, and no part may be a link: nothing outside
 * of the folder can be reached, whatever the path says and whoever changes the folder meanwhile. An
 * upload gets its name when it is whole and on the disk; until then it has no name at all.
 */
#include "mlflow/parts.h"

#include <ctype.h>
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
static void write_disposition(const char *name, char *text, size_t size);
static dozan_status list(int folder, const char *prefix, cJSON *files, dozan_error *err);
static dozan_status remove_below(int parent, const char *name, int depth, dozan_error *err);
static dozan_status refuse(int number, const char *doing, dozan_error *err);

static dozan_status invalid_path(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "Invalid path");
}

void mlflow_artifact_put(void *context, dz_http_request *request)
{
    dozan_error err = {0};
    if (mlflow_store_file(context, request, dz_http_param(request, "path"), &err) == DOZAN_OK)
        dz_http_reply_text(request, 200, "application/json", "{}");
    else
        mlflow_fail(request, &err);
}

dozan_status mlflow_store_file(dz_mlflow *mlflow, const dz_http_request *request, const char *path,
                               dozan_error *err)
{
    char name[PART_LENGTH + 1];
    int parent = -1;
    dozan_status status = open_parent(mlflow, path, true, &parent, name, err);
    if (status == DOZAN_OK)
        status = write_file(parent, name, request, err);
    if (parent >= 0)
        (void)close(parent);
    return status;
}

void mlflow_artifact_get(void *context, dz_http_request *request)
{
    mlflow_send_file(context, request, dz_http_param(request, "path"));
}

void mlflow_send_file(dz_mlflow *mlflow, dz_http_request *request, const char *path)
{
    char name[PART_LENGTH + 1], disposition[3 * PART_LENGTH + 64], *bytes = NULL;
    dozan_error err = {0};
    struct stat info = {0};
    int parent = -1, file = -1;
    dozan_status status = open_parent(mlflow, path, false, &parent, name, &err);
    if (status == DOZAN_OK) {
        file = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (file < 0 || fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
            status =
                dozan_error_set(&err, DOZAN_NOT_FOUND, NULL, "No such artifact: '%.200s'", path);
    }
    if (status == DOZAN_OK && info.st_size > FILE_MAX)
        status = dozan_error_set(&err, DOZAN_INVALID_ARGUMENT, NULL, "the artifact is too large");
    if (status == DOZAN_OK)
        status = read_file(file, (size_t)info.st_size, &bytes, &err);
    if (file >= 0)
        (void)close(file);
    if (parent >= 0)
        (void)close(parent);
    if (status == DOZAN_OK) {
        write_disposition(name, disposition, sizeof(disposition));
        dz_http_answer answer = {.type = mlflow_media_type(name),
                                 .body = bytes,
                                 .size = (size_t)info.st_size,
                                 .headers = {{"Content-Disposition", disposition}}};
        dz_http_reply(request, &answer);
    } else
        mlflow_fail(request, &err);
}

void mlflow_artifact_list(void *context, dz_http_request *request)
{
    const char *path = dz_http_query(request, "path");
    dozan_error err = {0};
    cJSON *tree = cJSON_CreateObject(), *files = cJSON_AddArrayToObject(tree, "files");
    if (mlflow_list_folder(context, path != NULL ? path : "", "", files, &err) == DOZAN_OK) {
        dz_http_reply_json(request, 200, tree);
        return;
    }
    cJSON_Delete(tree);
    mlflow_fail(request, &err);
}

dozan_status mlflow_list_folder(dz_mlflow *mlflow, const char *path, const char *prefix,
                                cJSON *files, dozan_error *err)
{
    char name[PART_LENGTH + 1] = ".";
    dozan_status status = DOZAN_OK;
    int parent = -1, folder = -1;
    if (*path != '\0')
        status = open_parent(mlflow, path, false, &parent, name, err);
    else
        parent = fcntl(mlflow->root, F_DUPFD_CLOEXEC, 0);
    if (status == DOZAN_OK)
        folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) {
        status = list(folder, prefix, files, err);
        (void)close(folder);
    }
    if (parent >= 0)
        (void)close(parent);
    /* A run without artifacts has no folder. */
    return status == DOZAN_NOT_FOUND ? DOZAN_OK : status;
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

bool mlflow_is_path(const char *path)
{
    if (path == NULL || strlen(path) > PATH_LENGTH)
        return false;
    for (int depth = 0; depth < DEPTH; depth++) {
        size_t size = strcspn(path, "/");
        if (size == 0 || size > PART_LENGTH || strncmp(path, "..", size) == 0 ||
            memchr(path, '\\', size) != NULL)
            return false;
        path += size;
        if (*path == '\0' || strcmp(path, "/") == 0)
            return true;
        path++;
    }
    return false;
}

/* The folder that holds the path's last part, and that part. */
static dozan_status open_parent(dz_mlflow *mlflow, const char *path, bool make, int *parent,
                                char name[PART_LENGTH + 1], dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    if (!mlflow_is_path(path))
        return invalid_path(err);
    int folder = fcntl(mlflow->root, F_DUPFD_CLOEXEC, 0);
    while (status == DOZAN_OK) {
        size_t size = strcspn(path, "/");
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

/* As it is where it may stand so, in quotes where it may not, and with what is not ASCII in %XX. */
static void write_disposition(const char *name, char *text, size_t size)
{
    static const char plain[] = "-_.%+~!#$&^`|";
    bool token = true, ascii = true;
    for (const char *letter = name; *letter != '\0'; letter++) {
        bool simple = isalnum((unsigned char)*letter) || strchr(plain, *letter) != NULL;
        token = token && simple && (unsigned char)*letter < 0x80;
        ascii = ascii && *letter >= ' ' && *letter != 0x7f && *letter != '"' && *letter != '\\';
    }
    if (token || ascii) {
        (void)snprintf(text, size,
                       token ? "attachment; filename=%s" : "attachment; filename=\"%s\"", name);
        return;
    }
    int at = snprintf(text, size, "attachment; filename*=UTF-8''");
    for (const char *letter = name; *letter != '\0' && at >= 0 && (size_t)at < size; letter++)
        at += snprintf(text + at, size - (size_t)at, "%%%02X", (unsigned char)*letter);
}

static int is_told(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
           strncmp(entry->d_name, ".upload-", 8) != 0;
}

static dozan_status list(int folder, const char *prefix, cJSON *files, dozan_error *err)
{
    struct dirent **entries = NULL;
    int count = scandirat(folder, ".", &entries, is_told, alphasort);
    if (count < 0)
        return refuse(errno, "the folder cannot be read", err);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char path[PATH_LENGTH + PART_LENGTH + 2];
        struct stat info;
        (void)snprintf(path, sizeof(path), "%s%s", prefix, name);
        if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
            cJSON *item = cJSON_CreateObject();
            (void)cJSON_AddStringToObject(item, "path", path);
            (void)cJSON_AddBoolToObject(item, "is_dir", S_ISDIR(info.st_mode));
            if (S_ISREG(info.st_mode))
                (void)cJSON_AddNumberToObject(item, "file_size", (double)info.st_size);
            (void)cJSON_AddItemToArray(files, item);
        }
        free(entries[i]);
    }
    free(entries);
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
