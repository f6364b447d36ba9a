/*
 * The configuration file: which plugins there are, and where an image's paths are found.
 *
 *   plugins:
 *     my-search: /opt/my-search/plugin.py
 *   maps:
 *     /opt/trainer: /home/me/trainer
 *
 * What the command line says of the same name goes before it. A relative path counts from the
 * file's folder.
 */
#include "cli/options.h"

#include "spec/findings.h"
#include "spec/tree.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static dozan_status find_file(const dz_cli_options *options, char **path, dozan_error *err);
static bool has_content(const char *text);
static dozan_status take_tree(dz_cli_options *options, const char *path, dz_node *root,
                              dozan_error *err);
static dozan_status take_entry(dz_cli_options *options, const char *path, const dz_node *entry,
                               bool plugin, dozan_error *err);
static dozan_status add_plugin(dz_cli_options *options, const char *path, const dz_node *entry,
                               dozan_error *err);
static dozan_status add_map(dz_cli_options *options, const char *path, const dz_node *entry,
                            dozan_error *err);
static dozan_status refuse(const char *path, const dz_node *node, const char *message,
                           dozan_error *err);

dozan_status dz_cli_config_load(dz_cli_options *options, dozan_error *err)
{
    char *path = NULL, *text = NULL;
    size_t size = 0;
    dz_tree *tree = NULL;
    dozan_status status = find_file(options, &path, err);
    if (status != DOZAN_OK || path == NULL)
        return status;
    status = dz_cli_read_file(path, &text, &size, err);
    if (status == DOZAN_OK && text != NULL && has_content(text))
        status = dz_tree_parse(text, size, path, &tree, err);
    if (status == DOZAN_OK && tree != NULL)
        status = take_tree(options, path, dz_tree_root(tree), err);
    dz_tree_destroy(tree);
    free(text);
    free(path);
    return status;
}

dozan_status dz_cli_read_file(const char *path, char **text, size_t *size, dozan_error *err)
{
    dozan_buf buf;
    dozan_status status = DOZAN_OK;
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL)
        return dozan_error_set(err, DOZAN_NOT_FOUND, path, "cannot be read: %s",
                               strerrordesc_np(errno));
    char part[16384];
    size_t got;
    dozan_buf_init(&buf, DZ_TREE_MAX_BYTES + sizeof(part));
    while (buf.size <= DZ_TREE_MAX_BYTES && (got = fread(part, 1, sizeof(part), file)) > 0)
        dozan_buf_append(&buf, part, got);
    *size = buf.size;
    if (ferror(file))
        status = dozan_error_set(err, DOZAN_NOT_FOUND, path, "cannot be read: %s",
                                 strerrordesc_np(errno));
    else if (buf.size > DZ_TREE_MAX_BYTES)
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, path, "has more than %d MiB",
                                 DZ_TREE_MAX_BYTES >> 20);
    else if ((*text = dozan_buf_take(&buf)) == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, path, "out of memory");
    dozan_buf_fini(&buf);
    if (!standard)
        (void)fclose(file);
    return status;
}

/* *path stays NULL when no file is named and none is at the usual place. */
static dozan_status find_file(const dz_cli_options *options, char **path, dozan_error *err)
{
    const char *named = options->config;
    int written = 0;
    if (named == NULL)
        named = getenv("DOZAN_CONFIG"); /* NOLINT(concurrency-mt-unsafe): nothing sets it */
    if (named != NULL && *named != '\0') {
        *path = strdup(named);
    } else {
        const char *base = getenv("XDG_CONFIG_HOME"); /* NOLINT(concurrency-mt-unsafe) */
        const char *home = getenv("HOME");            /* NOLINT(concurrency-mt-unsafe) */
        if (base != NULL && *base == '/')
            written = asprintf(path, "%s/dozan/config.yaml", base);
        else if (home != NULL && *home != '\0')
            written = asprintf(path, "%s/.config/dozan/config.yaml", home);
        else
            return DOZAN_OK;
        if (written > 0 && access(*path, F_OK) != 0) {
            free(*path);
            *path = NULL;
            return DOZAN_OK;
        }
    }
    if (written < 0 || *path == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return DOZAN_OK;
}

/* Whether there is more than blank lines and comments. */
static bool has_content(const char *text)
{
    while (*text != '\0') {
        text += strspn(text, " \t\r\n");
        if (*text != '#')
            return *text != '\0';
        text += strcspn(text, "\n");
    }
    return false;
}

static dozan_status take_tree(dz_cli_options *options, const char *path, dz_node *root,
                              dozan_error *err)
{
    static const char *const known[] = {"plugins", "maps"};
    if (dz_node_is(root, DZ_SCALAR_NULL))
        return DOZAN_OK;
    if (root->kind != DZ_NODE_MAP)
        return refuse(path, root, "the file is no mapping with plugins and maps in it", err);
    for (const dz_node *part = root->first; part != NULL; part = part->next) {
        bool plugins = strcmp(part->key, known[0]) == 0;
        if (!plugins && strcmp(part->key, known[1]) != 0)
            return refuse(path, part, "unknown field; there are plugins and maps", err);
        if (dz_node_is(part, DZ_SCALAR_NULL))
            continue;
        if (part->kind != DZ_NODE_MAP)
            return refuse(path, part, "is no mapping of names to targets", err);
        for (const dz_node *entry = part->first; entry != NULL; entry = entry->next) {
            dozan_status status = take_entry(options, path, entry, plugins, err);
            if (status != DOZAN_OK)
                return status;
        }
    }
    return DOZAN_OK;
}

static dozan_status take_entry(dz_cli_options *options, const char *path, const dz_node *entry,
                               bool plugin, dozan_error *err)
{
    if (!dz_node_is(entry, DZ_SCALAR_STRING) || entry->text[0] == '\0' || entry->key[0] == '\0')
        return refuse(path, entry, "has to be a text: a path or a URL", err);
    if (plugin)
        return add_plugin(options, path, entry, err);
    if (entry->key[0] != '/')
        return refuse(path, entry, "has to be an absolute path of the image", err);
    return add_map(options, path, entry, err);
}

/* One that is not there is told by the trial that needs it: a file serves many experiments. */
static dozan_status add_map(dz_cli_options *options, const char *path, const dz_node *entry,
                            dozan_error *err)
{
    if (entry->text[0] == '/')
        return dz_cli_options_add_map(options, entry->key, entry->text, err);
    const char *slash = strrchr(path, '/');
    int folder = slash != NULL ? (int)(slash - path) + 1 : 0;
    char *joined = NULL;
    if (asprintf(&joined, "%.*s%s", folder, path, entry->text) < 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    char *whole = realpath(joined, NULL);
    free(joined);
    if (whole == NULL)
        return refuse(path, entry, "is not there, counted from the file's folder", err);
    dozan_status status = dz_cli_options_add_map(options, entry->key, whole, err);
    free(whole);
    return status;
}

static dozan_status add_plugin(dz_cli_options *options, const char *path, const dz_node *entry,
                               dozan_error *err)
{
    const char *slash = strrchr(path, '/');
    bool relative = entry->text[0] != '/' && strstr(entry->text, "://") == NULL &&
                    strchr(entry->text, '/') != NULL;
    if (!relative || slash == NULL)
        return dz_cli_options_add_plugin(options, entry->key, entry->text, err);
    char *target = NULL;
    if (asprintf(&target, "%.*s/%s", (int)(slash - path), path, entry->text) < 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status = dz_cli_options_add_plugin(options, entry->key, target, err);
    free(target);
    return status;
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
