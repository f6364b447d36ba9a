#include "cli/contexts.h"

#include "cli/options.h"
#include "spec/findings.h"
#include "spec/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NEAR = 100 };

static dozan_status find_path(char **path, dozan_error *err);
static dozan_status parse(dz_contexts *contexts, const char *text, size_t size, dozan_error *err);
static dozan_status check(const char *path, const dz_node *root, dozan_error *err);
static dozan_status check_context(const char *path, const dz_node *context, dozan_error *err);
static dozan_status refuse(const char *path, const dz_node *node, const char *message,
                           dozan_error *err);
static int make_folder(const char *path);
static int write_whole(const char *path, const char *text);

static const char *const field_names[DZ_CONTEXT_FIELDS] = {
    [DZ_CONTEXT_SERVER] = "server",
    [DZ_CONTEXT_NAMESPACE] = "namespace",
    [DZ_CONTEXT_TOKEN_FILE] = "token-file",
    [DZ_CONTEXT_AUTHORITY] = "certificate-authority",
    [DZ_CONTEXT_CERTIFICATE] = "client-certificate",
    [DZ_CONTEXT_KEY] = "client-key",
};

dozan_status dz_contexts_read(dz_contexts *contexts, dozan_error *err)
{
    char *text = NULL;
    size_t size = 0;
    *contexts = (dz_contexts){0};
    dozan_status status = find_path(&contexts->path, err);
    if (status == DOZAN_OK && contexts->path != NULL && access(contexts->path, F_OK) == 0)
        status = dz_cli_read_file(contexts->path, &text, &size, err);
    if (status == DOZAN_OK && text != NULL && text[strspn(text, " \t\r\n")] != '\0')
        status = parse(contexts, text, size, err);
    free(text);
    if (status == DOZAN_OK && contexts->tree == NULL)
        contexts->tree = cJSON_CreateObject();
    if (status == DOZAN_OK && contexts->tree == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return status;
}

void dz_contexts_fini(dz_contexts *contexts)
{
    cJSON_Delete(contexts->tree);
    free(contexts->path);
    *contexts = (dz_contexts){0};
}

dozan_status dz_contexts_write(const dz_contexts *contexts, dozan_error *err)
{
    char *text = NULL;
    if (contexts->path == NULL)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, NULL,
                               "there is no place for contexts: set HOME or XDG_CONFIG_HOME");
    if (dz_yaml_write(contexts->tree, &text) != DOZAN_OK)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    int number = make_folder(contexts->path);
    if (number == 0)
        number = write_whole(contexts->path, text);
    free(text);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, number == EACCES ? DOZAN_PERMISSION_DENIED : DOZAN_UNAVAILABLE,
                           contexts->path, "cannot be written: %s", strerrordesc_np(number));
}

const char *dz_contexts_current(const dz_contexts *contexts)
{
    const char *name =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(contexts->tree, "current"));
    return name != NULL ? name : DZ_CONTEXT_LOCAL;
}

cJSON *dz_contexts_list(const dz_contexts *contexts)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(contexts->tree, "contexts");
    return cJSON_IsObject(list) ? list : NULL;
}

dozan_status dz_contexts_find(const dz_contexts *contexts, const char *name, cJSON **context,
                              dozan_error *err)
{
    const char *names[MAX_NEAR];
    size_t count = 0;
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, dz_contexts_list(contexts))
    {
        if (strcmp(item->string, name) == 0) {
            *context = item;
            return DOZAN_OK;
        }
        if (count < MAX_NEAR)
            names[count++] = item->string;
    }
    const char *near = dz_nearest(name, names, count);
    if (near != NULL)
        return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                               "there is no context \"%s\"; did you mean %s?", name, near);
    return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                           "there is no context \"%s\"; `dozan context list` lists them, and "
                           "`dozan context set %s --server URL` makes it",
                           name, name);
}

const char *dz_context_field_name(dz_context_field field)
{
    return field_names[field];
}

const char *dz_context_text(const cJSON *context, dz_context_field field)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(context, field_names[field]));
}

/* ---- reading ---- */

/* *path stays NULL where the environment names no place. */
static dozan_status find_path(char **path, dozan_error *err)
{
    const char *base = getenv("XDG_CONFIG_HOME"); /* NOLINT(concurrency-mt-unsafe) */
    const char *home = getenv("HOME");            /* NOLINT(concurrency-mt-unsafe) */
    int written = 0;
    if (base != NULL && *base == '/')
        written = asprintf(path, "%s/dozan/contexts.yaml", base);
    else if (home != NULL && *home != '\0')
        written = asprintf(path, "%s/.config/dozan/contexts.yaml", home);
    if (written >= 0)
        return DOZAN_OK;
    *path = NULL;
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

static dozan_status parse(dz_contexts *contexts, const char *text, size_t size, dozan_error *err)
{
    dz_tree *tree = NULL;
    dozan_status status = dz_tree_parse(text, size, contexts->path, &tree, err);
    if (status == DOZAN_OK)
        status = check(contexts->path, dz_tree_root(tree), err);
    if (status == DOZAN_OK && dz_tree_root(tree)->kind == DZ_NODE_MAP &&
        (contexts->tree = dz_node_json(dz_tree_root(tree))) == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dz_tree_destroy(tree);
    return status;
}

static dozan_status check(const char *path, const dz_node *root, dozan_error *err)
{
    if (dz_node_is(root, DZ_SCALAR_NULL))
        return DOZAN_OK;
    if (root->kind != DZ_NODE_MAP)
        return refuse(path, root, "the file is no mapping with current and contexts in it", err);
    for (const dz_node *part = root->first; part != NULL; part = part->next) {
        bool list = strcmp(part->key, "contexts") == 0;
        if (!list && strcmp(part->key, "current") != 0)
            return refuse(path, part, "unknown field; there are current and contexts", err);
        if (!list && !dz_node_is(part, DZ_SCALAR_STRING))
            return refuse(path, part, "has to be the name of a context", err);
        if (list && part->kind != DZ_NODE_MAP)
            return refuse(path, part, "is no mapping of names to contexts", err);
        for (const dz_node *item = part->first; item != NULL; item = item->next) {
            dozan_status status = check_context(path, item, err);
            if (status != DOZAN_OK)
                return status;
        }
    }
    return DOZAN_OK;
}

static dozan_status check_context(const char *path, const dz_node *context, dozan_error *err)
{
    if (context->kind != DZ_NODE_MAP || dz_node_string(context, "server") == NULL)
        return refuse(path, context, "has to be a mapping with a server in it", err);
    for (const dz_node *field = context->first; field != NULL; field = field->next) {
        size_t known = 0;
        while (known < DZ_CONTEXT_FIELDS && strcmp(field->key, field_names[known]) != 0)
            known++;
        if (known == DZ_CONTEXT_FIELDS)
            return refuse(path, field, "unknown field of a context", err);
        if (!dz_node_is(field, DZ_SCALAR_STRING))
            return refuse(path, field, "has to be a text", err);
    }
    return DOZAN_OK;
}

static dozan_status refuse(const char *path, const dz_node *node, const char *message,
                           dozan_error *err)
{
    char place[sizeof(err->place)];
    dozan_buf inside;
    dozan_buf_init(&inside, sizeof(place));
    dz_node_path(node, &inside);
    int written = snprintf(place, sizeof(place), "%s:%u%s%s", path, node->line,
                           inside.size > 0 ? ": " : "", inside.size > 0 ? inside.data : "");
    dozan_buf_fini(&inside);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, written > 0 ? place : path, "%s", message);
}

/* ---- writing: each gives 0, or errno ---- */

/* The folder of the file, and those above it. */
static int make_folder(const char *path)
{
    char *folder = strdup(path);
    int number = folder == NULL ? ENOMEM : 0;
    for (char *slash = folder; number == 0 && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        if (mkdir(folder, S_IRWXU) != 0 && errno != EEXIST)
            number = errno;
        *slash = '/';
    }
    free(folder);
    return number;
}

static int write_whole(const char *path, const char *text)
{
    char *temporary = NULL;
    int number = 0;
    size_t size = strlen(text);
    if (asprintf(&temporary, "%s.%ld", path, (long)getpid()) < 0)
        return ENOMEM;
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0)
        number = errno;
    else if (write(file, text, size) != (ssize_t)size)
        number = errno != 0 ? errno : EIO;
    if (file >= 0 && close(file) != 0 && number == 0)
        number = errno;
    if (number == 0 && rename(temporary, path) != 0)
        number = errno;
    if (number != 0 && file >= 0)
        (void)unlink(temporary);
    free(temporary);
    return number;
}
