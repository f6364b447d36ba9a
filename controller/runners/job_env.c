/*
 * The environment of a local trial. A trial is somebody's program: it gets what a program needs to
 * run on this machine, by a list of names, and never what was meant for us, such as tokens.
 */
#include "runners/job_env.h"

#include <dozan/buf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is inherited; a name that ends with * stands for all that begin so. */
static const char *const inherited_names[] = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ",
    /* language */
    "LANG", "LANGUAGE", "LC_*",
    /* where libraries and packages are */
    "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUNBUFFERED", "VIRTUAL_ENV", "CONDA_*",
    "R_LIBS*", "JULIA_*", "JAVA_HOME",
    /* how many threads, which devices */
    "OMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*", "CUDA_*", "NVIDIA_*",
    /* data sets: caches and the way to the net */
    "XDG_CACHE_HOME", "HF_HOME", "TORCH_HOME", "SSL_CERT_*", "http_proxy", "https_proxy",
    "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"};

/* Words that a shell understands though no file has their name: POSIX, and bash's own. */
static const char *const shell_words[] = {
    ".",        ":",       "[[",      "alias",    "bg",      "bind",  "break",    "builtin",
    "case",     "cd",      "command", "continue", "declare", "do",    "echo",     "enable",
    "eval",     "exec",    "exit",    "export",   "false",   "fc",    "fg",       "for",
    "function", "getopts", "hash",    "if",       "jobs",    "kill",  "let",      "local",
    "mapfile",  "printf",  "pushd",   "popd",     "pwd",     "read",  "readonly", "return",
    "select",   "set",     "shift",   "shopt",    "source",  "test",  "time",     "times",
    "trap",     "true",    "type",    "typeset",  "ulimit",  "umask", "unalias",  "unset",
    "until",    "wait",    "while"};

/* Linux takes no longer one in an environment. */
enum { MAX_VARIABLE = 128 * 1024 };

/* A list of "NAME=value" in the making: a later entry of a name replaces the earlier one. */
typedef struct env_list {
    char **items;
    size_t count;
    size_t room;
    bool failed;
} env_list;

static bool is_inherited(const char *entry);
static void put(env_list *list, const char *entry);
static void put_text(env_list *list, const char *name, const char *value);
static void put_gpus(env_list *list, const dz_machine_gpus *gpus, const dz_job *job);
static char **take(env_list *list);
static bool is_for_the_shell(const char *word);
static int find_program(const char *program, const char *path, const char *folder);
static int look_at(const char *folder, const char *directory, size_t directory_size,
                   const char *name);

char **dz_job_env_inherited(void)
{
    env_list list = {0};
    for (char **entry = environ; *entry != NULL; entry++) {
        if (is_inherited(*entry))
            put(&list, *entry);
    }
    return take(&list);
}

char **dz_job_env_create(char *const *inherited, const dz_machine_gpus *gpus, const dz_job *job,
                         const char *directory)
{
    env_list list = {0};
    put_text(&list, "PYTHONUNBUFFERED", "1");
    for (char *const *entry = inherited; *entry != NULL; entry++)
        put(&list, *entry);
    put_text(&list, "DOZAN_TRIAL_NAME", job->trial_name);
    put_text(&list, "KATIB_TRIAL_NAME", job->trial_name);
    if (job->gpu_count > 0)
        put_gpus(&list, gpus, job);
    for (char *const *entry = job->command->env; entry != NULL && *entry != NULL; entry++)
        put(&list, *entry);
    put_text(&list, "DOZAN_TRIAL_DIR", directory);
    if (job->checkpoint != NULL)
        put_text(&list, "DOZAN_CHECKPOINT_DIR", job->checkpoint);
    return take(&list);
}

const char *dz_job_env_get(char *const *env, const char *name)
{
    size_t size = strlen(name);
    for (; *env != NULL; env++) {
        if (strncmp(*env, name, size) == 0 && (*env)[size] == '=')
            return *env + size + 1;
    }
    return NULL;
}

bool dz_job_env_check(const dz_command *command, char *const *env, char *message, size_t size)
{
    const char *program = command->program;
    const char *path = dz_job_env_get(env, "PATH");
    struct stat folder;
    if (command->working_dir != NULL &&
        (stat(command->working_dir, &folder) != 0 || !S_ISDIR(folder.st_mode))) {
        (void)snprintf(
            message, size,
            "the working directory %s is not on this machine (images are not used by the local "
            "runner); say where it is with --map %s=DIR",
            command->working_dir, command->working_dir);
        return false;
    }
    if (program == NULL || program[0] == '\0')
        return true;
    bool through_shell = command->argv[0] == NULL || strcmp(command->argv[0], program) != 0;
    if (through_shell && is_for_the_shell(program))
        return true;
    int error = find_program(program, path != NULL ? path : "/usr/local/bin:/bin:/usr/bin",
                             command->working_dir != NULL ? command->working_dir : ".");
    if (error == 0)
        return true;
    if (error == EACCES)
        (void)snprintf(message, size,
                       "%s is there but cannot be run: make it executable (chmod +x)", program);
    else if (program[0] == '/')
        (void)snprintf(
            message, size,
            "%s is not on this machine (images are not used by the local runner); say where its "
            "folder is with --map %.*s=DIR, for example --map /opt/trainer=DIR",
            program, (int)(strrchr(program, '/') > program ? strrchr(program, '/') - program : 1),
            program);
    else
        (void)snprintf(
            message, size,
            "there is no command %s in %s: install it, or give its path in the trial's command",
            program, strchr(program, '/') != NULL ? "the working directory" : "PATH");
    return false;
}

char **dz_strings_copy(char *const *strings)
{
    size_t count = 0;
    while (strings != NULL && strings[count] != NULL)
        count++;
    char **copy = calloc(count + 1, sizeof(char *));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = strdup(strings[i]);
        if (copy[i] == NULL) {
            dz_strings_destroy(copy);
            return NULL;
        }
    }
    return copy;
}

void dz_strings_destroy(char **strings)
{
    for (char **entry = strings; entry != NULL && *entry != NULL; entry++)
        free(*entry);
    free(strings);
}

/* ---- the list -------------------------------------------------------------------------------- */

static bool is_inherited(const char *entry)
{
    size_t size = strcspn(entry, "=");
    for (size_t i = 0; i < sizeof inherited_names / sizeof inherited_names[0]; i++) {
        const char *name = inherited_names[i];
        size_t name_size = strlen(name);
        bool family = name[name_size - 1] == '*';
        if (family ? strncmp(entry, name, name_size - 1) == 0
                   : size == name_size && strncmp(entry, name, size) == 0)
            return true;
    }
    return false;
}

static void put(env_list *list, const char *entry)
{
    size_t name_size = strcspn(entry, "=") + 1;
    char *copy = strdup(entry);
    if (copy == NULL || list->failed) {
        list->failed = true;
        free(copy);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->items[i], entry, name_size) == 0) {
            free(list->items[i]);
            list->items[i] = copy;
            return;
        }
    }
    if (list->count + 1 >= list->room) {
        size_t room = list->room == 0 ? 32 : list->room * 2;
        char **grown = realloc(list->items, room * sizeof(char *));
        if (grown == NULL) {
            list->failed = true;
            free(copy);
            return;
        }
        list->items = grown;
        list->room = room;
    }
    list->items[list->count++] = copy;
    list->items[list->count] = NULL;
}

static void put_text(env_list *list, const char *name, const char *value)
{
    dozan_buf text;
    dozan_buf_init(&text, MAX_VARIABLE);
    if (dozan_buf_printf(&text, "%s=%s", name, value))
        put(list, text.data);
    else
        list->failed = true;
    dozan_buf_fini(&text);
}

/* A job that was given a GPU which is no more gets its number: the program will say what is wrong
 * with it. */
static void put_gpus(env_list *list, const dz_machine_gpus *gpus, const dz_job *job)
{
    dozan_buf text;
    dozan_buf_init(&text, MAX_VARIABLE);
    for (size_t i = 0; i < job->gpu_count; i++) {
        int32_t gpu = job->gpus[i];
        if (gpu >= 0 && gpu < gpus->count)
            (void)dozan_buf_printf(&text, "%s%s", i > 0 ? "," : "", gpus->names[gpu]);
        else
            (void)dozan_buf_printf(&text, "%s%d", i > 0 ? "," : "", gpu);
    }
    if (text.failed)
        list->failed = true;
    else
        put_text(list, "CUDA_VISIBLE_DEVICES", text.data);
    dozan_buf_fini(&text);
}

static char **take(env_list *list)
{
    if (list->failed) {
        dz_strings_destroy(list->items);
        return NULL;
    }
    return list->items != NULL ? list->items : calloc(1, sizeof(char *));
}

/* ---- the command ----------------------------------------------------------------------------- */

static bool is_for_the_shell(const char *word)
{
    if (strpbrk(word, "|&;<>()$`\\\"'*?[]#~=%{}! \t\n") != NULL)
        return true;
    for (size_t i = 0; i < sizeof shell_words / sizeof shell_words[0]; i++) {
        if (strcmp(word, shell_words[i]) == 0)
            return true;
    }
    return false;
}

/* 0, or the errno that exec would end with. */
static int find_program(const char *program, const char *path, const char *folder)
{
    if (strchr(program, '/') != NULL)
        return look_at(folder, "", 0, program);
    int error = ENOENT;
    for (;;) {
        size_t size = strcspn(path, ":");
        int found = look_at(folder, size > 0 ? path : ".", size > 0 ? size : 1, program);
        if (found == 0)
            return 0;
        if (found == EACCES)
            error = EACCES;
        if (path[size] == '\0')
            return error;
        path += size + 1;
    }
}

/* Whether directory/name (name alone when there is no directory) is a program, seen from `folder`.
 */
static int look_at(const char *folder, const char *directory, size_t directory_size,
                   const char *name)
{
    dozan_buf text;
    dozan_buf_init(&text, MAX_VARIABLE);
    struct stat about;
    int error = 0;
    if (directory_size > 0 ? directory[0] != '/' : name[0] != '/')
        (void)dozan_buf_printf(&text, "%s/", folder);
    (void)dozan_buf_append(&text, directory, directory_size);
    (void)dozan_buf_printf(&text, "%s%s", directory_size > 0 ? "/" : "", name);
    if (text.failed)
        error = ENAMETOOLONG;
    else if (stat(text.data, &about) != 0)
        error = errno;
    else if (!S_ISREG(about.st_mode) || access(text.data, X_OK) != 0)
        error = EACCES;
    dozan_buf_fini(&text);
    return error;
}
