#include "spec/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, COMMAND_MAX = 1 << 20, NAME_MAX_BYTES = 64 };

/* The characters that mean nothing to a shell: MLflow, too, leaves texts of them unquoted. */
static const char plain[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_";

static const dz_word env_words[] = {
    {"system", 0}, {"local", 1}, {"virtualenv", 1}, {"uv", 1}, {"conda", 1}};

typedef struct expansion {
    const dz_check *check;
    const dz_node *node;   /* spec.trialTemplate.project */
    dz_tree *file;         /* the MLproject */
    const dz_node *wanted; /* the entry point's parameters, or NULL */
    char *folder;
    const char *entry;
    dozan_buf command;
    dz_node *env; /* of the container, for values that a shell must not read */
    bool failed;  /* something is wrong, and told */
} expansion;

static void read_file(expansion *p, const char *path);
static const dz_node *find_entry(expansion *p);
static void write_command(expansion *p, const char *text);
static void write_parameter(expansion *p, const char *name, size_t size, char quote);
static void write_searched(expansion *p, const dz_node *parameter, char quote);
static void write_quoted(expansion *p, const char *text);
static void write_others(expansion *p);
static void write_mlflow(expansion *p, const char *env);
static bool write_template(expansion *p, dz_node *trial_template);
static dz_node *add_container(expansion *p, dz_node *trial_template);
static bool add_parameters(expansion *p, dz_node *trial_template);
static bool is_used(const expansion *p, const char *name);

static const dz_node *searched(const expansion *p, const char *name, size_t size)
{
    const dz_node *list = dz_node_get(p->check->spec, "parameters");
    for (const dz_node *item = list != NULL ? list->first : NULL; item != NULL; item = item->next) {
        const char *own = dz_node_string(item, "name");
        if (own != NULL && strlen(own) == size && memcmp(own, name, size) == 0)
            return item;
    }
    return NULL;
}

bool dz_project_expand(const dz_check *check)
{
    dz_node *trial_template = dz_node_get(check->spec, "trialTemplate");
    const dz_node *node = dz_node_get(trial_template, "project");
    if (node == NULL || node->kind != DZ_NODE_MAP ||
        dz_node_get(trial_template, "trialSpec") != NULL)
        return true; /* or it is written out already */
    const char *path = dz_node_string(node, "path"), *env = dz_node_string(node, "env");
    const char *entry = dz_node_string(node, "entryPoint");
    expansion p = {.check = check, .node = node, .entry = entry != NULL ? entry : "main"};
    bool good = true;
    dozan_buf_init(&p.command, COMMAND_MAX);
    if (env != NULL && DZ_WORD_VALUE(env_words, env) < 0) {
        dz_reject(check->findings, dz_node_get(node, "env"), NULL,
                  "is \"%.64s\", and must be system, local, virtualenv, uv or conda", env);
        p.failed = true;
    }
    if (!p.failed)
        read_file(&p, path != NULL ? path : ".");
    const dz_node *point = p.failed ? NULL : find_entry(&p);
    dz_node *container = p.failed ? NULL : add_container(&p, trial_template);
    if (!p.failed && container != NULL) {
        if (env != NULL && DZ_WORD_VALUE(env_words, env) == 1)
            write_mlflow(&p, env);
        else
            write_command(&p, dz_node_string(point, "command"));
    }
    if (!p.failed)
        good = container != NULL && write_template(&p, trial_template);
    dz_tree_destroy(p.file);
    dozan_buf_fini(&p.command);
    free(p.folder);
    return good;
}

static void reject(expansion *p, const dz_node *node, const char *below, const char *what,
                   const char *name)
{
    dz_reject(p->check->findings, node, below, "%s: \"%.400s\"", what, name);
    p->failed = true;
}

/* ---- the file ---- */

static void read_file(expansion *p, const char *path)
{
    char name[4096], *text = malloc(FILE_MAX + 1);
    dozan_error err = {0};
    p->folder = realpath(path, NULL);
    int length = snprintf(name, sizeof(name), "%s/MLproject", p->folder != NULL ? p->folder : path);
    FILE *file = length > 0 && (size_t)length < sizeof(name) ? fopen(name, "re") : NULL;
    size_t size = file != NULL && text != NULL ? fread(text, 1, FILE_MAX + 1, file) : 0;
    if (p->folder == NULL || file == NULL || text == NULL || ferror(file) != 0)
        reject(p, p->node, "path", "there is no folder with an MLproject that can be read", path);
    else if (size > FILE_MAX)
        reject(p, p->node, "path", "the MLproject has more than 1 MiB", path);
    else if (dz_tree_parse(text, size, name, &p->file, &err) != DOZAN_OK)
        reject(p, p->node, "path", "the MLproject is no YAML", err.message);
    if (file != NULL)
        (void)fclose(file);
    free(text);
}

/* NULL with p->failed. */
static const dz_node *find_entry(expansion *p)
{
    const dz_node *points = dz_node_get(dz_tree_root(p->file), "entry_points");
    const dz_node *point = dz_node_get(points, p->entry);
    const dz_node *parameters = dz_node_get(point, "parameters");
    if (point == NULL)
        reject(p, p->node, "entryPoint", "the MLproject has no such entry point", p->entry);
    else if (dz_node_string(point, "command") == NULL)
        reject(p, p->node, "entryPoint", "the MLproject gives the entry point no command",
               p->entry);
    else if (parameters != NULL && parameters->kind != DZ_NODE_MAP)
        reject(p, p->node, "entryPoint", "the parameters of the entry point are no mapping",
               p->entry);
    p->wanted = parameters;
    return point;
}

/* ---- the command: Python's format, values quoted for a shell, what is left behind it ---- */

static void write_command(expansion *p, const char *text)
{
    char quote = '\0';
    for (const char *c = text; *c != '\0' && !p->failed; c++) {
        size_t name = strcspn(c + 1, "}");
        if ((*c == '{' || *c == '}') && c[1] == *c) {
            dozan_buf_append(&p->command, c++, 1);
        } else if (*c == '{' && c[1 + name] == '}') {
            write_parameter(p, c + 1, name, quote);
            c += name + 1;
        } else if (*c == '{' || *c == '}') {
            reject(p, p->node, "entryPoint", "a brace stands alone in the command", c);
        } else {
            if (quote == *c)
                quote = '\0';
            else if (quote == '\0' && (*c == '\'' || *c == '"'))
                quote = *c;
            dozan_buf_append(&p->command, c, 1);
        }
    }
    if (!p->failed)
        write_others(p);
}

static void write_parameter(expansion *p, const char *name, size_t size, char quote)
{
    char text[NAME_MAX_BYTES + 1] = "";
    if (size > NAME_MAX_BYTES || strcspn(name, "!:[.}") < size) {
        reject(p, p->node, "entryPoint",
               "a brace in the command is not followed by a parameter's name", name);
        return;
    }
    memcpy(text, name, size);
    const dz_node *parameter = searched(p, name, size);
    const dz_node *given = dz_node_get(dz_node_get(p->node, "parameters"), text);
    const dz_node *otherwise = dz_node_get(dz_node_get(p->wanted, text), "default");
    if (parameter != NULL)
        write_searched(p, parameter, quote);
    else if (given != NULL || otherwise != NULL)
        write_quoted(p, (given != NULL ? given : otherwise)->text);
    else
        reject(
            p, p->node, "entryPoint",
            "a parameter of the entry point has no value; search for one of that name, or give it "
            "in project.parameters",
            text);
}

/* Numbers mean nothing to a shell. Where a text of a list does, it is handed over in the
 * environment. */
static void write_searched(expansion *p, const dz_node *parameter, char quote)
{
    const char *name = dz_node_string(parameter, "name");
    const dz_node *list = dz_node_get(dz_node_get(parameter, "feasibleSpace"), "list");
    bool is_plain = true;
    for (const dz_node *value = list != NULL ? list->first : NULL; value != NULL;
         value = value->next)
        is_plain = is_plain && value->text != NULL && *value->text != '\0' &&
                   value->text[strspn(value->text, plain)] == '\0';
    if (is_plain) {
        dozan_buf_printf(&p->command, "${trialParameters.%s}", name);
        return;
    }
    if (quote == '\'') {
        reject(p, p->node, "entryPoint",
               "a parameter stands between single quotes in the command, and has values that a "
               "shell would read",
               name);
        return;
    }
    char value[NAME_MAX_BYTES * 2];
    (void)snprintf(value, sizeof(value), "${trialParameters.%.64s}", name);
    dz_node *entry = dz_tree_add(p->check->tree, p->env, NULL, DZ_NODE_MAP);
    char variable[32];
    (void)snprintf(variable, sizeof(variable), "DOZAN_VALUE_%u", (unsigned)p->env->count);
    if (entry == NULL || dz_tree_add_text(p->check->tree, entry, "name", variable) == NULL ||
        dz_tree_add_text(p->check->tree, entry, "value", value) == NULL)
        p->command.failed = true;
    dozan_buf_printf(&p->command, quote == '"' ? "${%s}" : "\"${%s}\"", variable);
}

static void write_quoted(expansion *p, const char *text)
{
    if (text == NULL || (*text != '\0' && text[strspn(text, plain)] == '\0')) {
        dozan_buf_puts(&p->command, text != NULL ? text : "''");
        return;
    }
    dozan_buf_puts(&p->command, "'");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'')
            dozan_buf_puts(&p->command, "'\"'\"'");
        else
            dozan_buf_append(&p->command, c, 1);
    }
    dozan_buf_puts(&p->command, "'");
}

/* MLflow gives the command what its entry point does not know as --NAME VALUE. */
static void write_others(expansion *p)
{
    const dz_node *list = dz_node_get(p->check->spec, "parameters");
    for (const dz_node *item = list != NULL ? list->first : NULL; item != NULL; item = item->next) {
        const char *name = dz_node_string(item, "name");
        if (name == NULL || dz_node_get(p->wanted, name) != NULL || is_used(p, name))
            continue;
        dozan_buf_printf(&p->command, " --%s ", name);
        write_searched(p, item, '\0');
    }
}

/* MLflow's own client makes the environment, and runs the project in the trial's run. */
static void write_mlflow(expansion *p, const char *env)
{
    const dz_node *list = dz_node_get(p->check->spec, "parameters");
    const dz_node *given = dz_node_get(p->node, "parameters");
    dozan_buf_puts(&p->command, "exec mlflow run ");
    write_quoted(p, p->folder);
    dozan_buf_puts(&p->command, " -e ");
    write_quoted(p, p->entry);
    dozan_buf_printf(&p->command, " --env-manager %s ${MLFLOW_RUN_ID:+--run-id \"$MLFLOW_RUN_ID\"}",
                     env);
    for (const dz_node *item = list != NULL ? list->first : NULL; item != NULL; item = item->next) {
        const char *name = dz_node_string(item, "name");
        if (name == NULL)
            continue;
        dozan_buf_printf(&p->command, " -P %s=", name);
        write_searched(p, item, '\0');
    }
    for (const dz_node *item = given != NULL ? given->first : NULL; item != NULL;
         item = item->next) {
        dozan_buf_puts(&p->command, " -P ");
        write_quoted(p, item->key);
        dozan_buf_puts(&p->command, "=");
        write_quoted(p, item->text);
    }
}

/* ---- the template ---- */

/* Job, with one container; p->env is its list. NULL: no memory, or (p->failed) told. */
static dz_node *add_container(expansion *p, dz_node *trial_template)
{
    dz_tree *tree = p->check->tree;
    dz_node *job = dz_tree_add(tree, trial_template, "trialSpec", DZ_NODE_MAP);
    bool good = job != NULL && dz_tree_add_text(tree, job, "apiVersion", "batch/v1") != NULL &&
                dz_tree_add_text(tree, job, "kind", "Job") != NULL;
    dz_node *at = good ? dz_tree_add(tree, job, "spec", DZ_NODE_MAP) : NULL;
    at = at != NULL ? dz_tree_add(tree, at, "template", DZ_NODE_MAP) : NULL;
    at = at != NULL ? dz_tree_add(tree, at, "spec", DZ_NODE_MAP) : NULL;
    if (at == NULL || dz_tree_add_text(tree, at, "restartPolicy", "Never") == NULL)
        return NULL;
    dz_node *list = dz_tree_add(tree, at, "containers", DZ_NODE_LIST);
    dz_node *container = list != NULL ? dz_tree_add(tree, list, NULL, DZ_NODE_MAP) : NULL;
    if (container == NULL || dz_tree_add_text(tree, container, "name", "project") == NULL ||
        dz_tree_add_text(tree, container, "image", "none") == NULL ||
        dz_tree_add_text(tree, container, "workingDir", p->folder) == NULL)
        return NULL;
    p->env = dz_tree_add(tree, container, "env", DZ_NODE_LIST);
    return p->env != NULL ? container : NULL;
}

static bool write_template(expansion *p, dz_node *trial_template)
{
    dz_tree *tree = p->check->tree;
    dz_node *command = dz_tree_add(tree, p->env->parent, "command", DZ_NODE_LIST);
    return command != NULL && !p->command.failed && p->command.data != NULL &&
           dz_tree_add_text(tree, command, NULL, "bash") != NULL &&
           dz_tree_add_text(tree, command, NULL, "-c") != NULL &&
           dz_tree_add_text(tree, command, NULL, p->command.data) != NULL &&
           (dz_node_string(trial_template, "primaryContainerName") != NULL ||
            dz_tree_add_text(tree, trial_template, "primaryContainerName", "project") != NULL) &&
           add_parameters(p, trial_template);
}

/* Those that the command or the environment names; a searched one that is not there is the user's
 * mistake, and told as such. */
static bool add_parameters(expansion *p, dz_node *trial_template)
{
    dz_tree *tree = p->check->tree;
    const dz_node *list = dz_node_get(p->check->spec, "parameters");
    if (dz_node_get(trial_template, "trialParameters") != NULL)
        return true;
    dz_node *made = dz_tree_add(tree, trial_template, "trialParameters", DZ_NODE_LIST);
    for (const dz_node *item = list != NULL ? list->first : NULL; item != NULL && made != NULL;
         item = item->next) {
        const char *name = dz_node_string(item, "name");
        if (name == NULL)
            continue;
        if (!is_used(p, name)) {
            dz_reject(p->check->findings, item, "name",
                      "the command of the entry point \"%.100s\" does not use \"{%.64s}\"",
                      p->entry, name);
            continue;
        }
        dz_node *entry = dz_tree_add(tree, made, NULL, DZ_NODE_MAP);
        if (entry == NULL || dz_tree_add_text(tree, entry, "name", name) == NULL ||
            dz_tree_add_text(tree, entry, "reference", name) == NULL)
            return false;
    }
    return made != NULL;
}

static bool is_used(const expansion *p, const char *name)
{
    char value[NAME_MAX_BYTES * 2];
    (void)snprintf(value, sizeof(value), "${trialParameters.%.64s}", name);
    for (const dz_node *entry = p->env->first; entry != NULL; entry = entry->next) {
        const char *text = dz_node_string(entry, "value");
        if (text != NULL && strcmp(text, value) == 0)
            return true;
    }
    return p->command.data != NULL && strstr(p->command.data, value) != NULL;
}
