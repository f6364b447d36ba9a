#include "cli/options.h"

#include "cli/text.h"
#include "spec/findings.h"
#include "spec/units.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_ARGUMENTS = 4096,
    MAX_PARALLEL = 1000000,
    MAX_GRACE_S = 86400,
    MAX_PLUGIN_TIMEOUT_S = 86400,
    MAX_PLUGIN_FAULTS = 1000,
    WORD_MAX = 32,
    HINT_MAX = 1 << 16
};

/* What getopt_long is told: one row for each allowed option, and the letters. */
typedef struct getopt_form {
    struct option rows[DZ_OPTION_COUNT + 1];
    char letters[2 + 2 * DZ_OPTION_COUNT + 1];
} getopt_form;

static void make_form(uint64_t allowed, getopt_form *form);
static dozan_status take(dz_cli_options *options, dz_option_id id, const char *value,
                         dozan_error *err);
static void take_plain(dz_cli_options *options, dz_option_id id, const char *value);
static dozan_status take_word(dz_option_id id, const char *value, size_t *index, dozan_error *err);
static dozan_status take_map(dz_cli_options *options, const char *value, dozan_error *err);
static dozan_status take_whole(dz_option_id id, const char *value, long low, long high,
                               long *number, dozan_error *err);
static dozan_status add_override(dz_cli_options *options, const char *path, const char *value,
                                 dozan_error *err);
static dozan_status refuse(uint64_t allowed, int verdict, const char *shown, dozan_error *err);
static dz_option_id by_letter(uint64_t allowed, int letter);
static dozan_status split(dz_cli_options *options, const char *option, const char *value,
                          const char **name, const char **rest, dozan_error *err);
static const char *own(dz_cli_options *options, const char *text, size_t size);
static dozan_status set_defaults(dz_cli_options *options, dozan_error *err);
static dozan_status no_memory(dozan_error *err);

const dz_cli_option dz_cli_option_table[DZ_OPTION_COUNT] = {
#define DZ_OPTION_ROW(id, name, letter, argument, complete, help)                                  \
    [DZ_OPTION_##id] = {name, argument, help, complete, letter},
    DZ_OPTIONS(DZ_OPTION_ROW)
#undef DZ_OPTION_ROW
};

/* in the order of dz_output */
static const char output_words[] = "table|wide|json|yaml|csv|name|mlmd";

dozan_status dz_cli_options_parse(dz_cli_options *options, uint64_t allowed, int argc, char **argv,
                                  dozan_error *err)
{
    *options = (dz_cli_options){0};
    if (argc > MAX_ARGUMENTS)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "more than %d arguments",
                               MAX_ARGUMENTS);
    getopt_form form;
    make_form(allowed, &form);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    for (;;) {
        int row = -1;
        /* The command line is parsed on the main thread, before there are others. */
        int found =
            getopt_long(argc, argv, form.letters, form.rows, &row); /* NOLINT(concurrency-*) */
        if (found == -1)
            break;
        if (found == '?' || found == ':')
            return refuse(allowed, found, argv[optind - 1], err);
        dz_option_id id =
            row >= 0 ? (dz_option_id)form.rows[row].val - 256 : by_letter(allowed, found);
        dozan_status status = take(options, id, optarg, err);
        if (status != DOZAN_OK)
            return status;
    }
    options->arguments = calloc((size_t)argc + 1, sizeof(*options->arguments));
    if (options->arguments == NULL)
        return no_memory(err);
    for (int i = optind; i < argc; i++)
        options->arguments[options->argument_count++] = argv[i];
    return set_defaults(options, err);
}

void dz_cli_options_fini(dz_cli_options *options)
{
    for (size_t i = 0; i < options->owned_count; i++)
        free(options->owned[i]);
    free(options->owned);
    free(options->overrides);
    free(options->maps);
    free(options->plugins);
    free(options->arguments);
    free(options->job_directory);
    free(options->db_hint);
    *options = (dz_cli_options){0};
}

dozan_status dz_cli_options_project(dz_cli_options *options, dozan_error *err)
{
    const char *folder = options->arguments[0];
    char *file = NULL, *whole = NULL;
    dozan_status status = DOZAN_OK;
    if (asprintf(&file, "%s/MLproject", folder) < 0)
        return no_memory(err);
    bool is_project = access(file, F_OK) == 0;
    free(file);
    if (!is_project)
        return DOZAN_OK;
    whole = realpath(folder, NULL);
    if (whole == NULL || asprintf(&file, "%s/experiment.yaml", folder) < 0)
        file = NULL;
    const char *own_file = file != NULL ? own(options, file, strlen(file)) : NULL;
    const char *own_folder = file != NULL ? own(options, whole, strlen(whole)) : NULL;
    if (own_file == NULL || own_folder == NULL)
        status = no_memory(err);
    else
        status = add_override(options, "spec.trialTemplate.project.path", own_folder, err);
    if (status == DOZAN_OK)
        options->arguments[0] = own_file;
    free(file);
    free(whole);
    return status;
}

dozan_status dz_cli_options_add_map(dz_cli_options *options, const char *from, const char *to,
                                    dozan_error *err)
{
    for (size_t i = 0; i < options->map_count; i++)
        if (strcmp(options->maps[i].from, from) == 0)
            return DOZAN_OK;
    dz_path_map *grown =
        reallocarray(options->maps, options->map_count + 1, sizeof(*options->maps));
    if (grown == NULL)
        return no_memory(err);
    options->maps = grown;
    dz_path_map map = {own(options, from, strlen(from)), own(options, to, strlen(to))};
    if (map.from == NULL || map.to == NULL)
        return no_memory(err);
    options->maps[options->map_count++] = map;
    return DOZAN_OK;
}

dozan_status dz_cli_options_add_plugin(dz_cli_options *options, const char *name,
                                       const char *target, dozan_error *err)
{
    for (size_t i = 0; i < options->plugin_count; i++)
        if (strcmp(options->plugins[i].name, name) == 0)
            return DOZAN_OK;
    dz_plugin_config *grown =
        reallocarray(options->plugins, options->plugin_count + 1, sizeof(*options->plugins));
    if (grown == NULL)
        return no_memory(err);
    options->plugins = grown;
    dz_plugin_config plugin = {own(options, name, strlen(name)),
                               own(options, target, strlen(target))};
    if (plugin.name == NULL || plugin.target == NULL)
        return no_memory(err);
    options->plugins[options->plugin_count++] = plugin;
    return DOZAN_OK;
}

bool dz_cli_word(const char *words, const char *word, size_t *index)
{
    size_t size = strlen(word);
    for (*index = 0; size > 0; (*index)++) {
        size_t length = strcspn(words, "|");
        if (length == size && strncmp(words, word, size) == 0)
            return true;
        if (words[length] == '\0')
            return false;
        words += length + 1;
    }
    return false;
}

static void make_form(uint64_t allowed, getopt_form *form)
{
    size_t rows = 0, letters = 0;
    *form = (getopt_form){0};
    form->letters[letters++] = ':'; /* tell a missing argument from an unknown option */
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        if ((allowed >> id & 1) == 0)
            continue;
        const dz_cli_option *option = &dz_cli_option_table[id];
        int has_argument = option->argument != NULL ? required_argument : no_argument;
        form->rows[rows++] = (struct option){option->name, has_argument, NULL, 256 + id};
        if (option->letter == 0)
            continue;
        form->letters[letters++] = option->letter;
        if (option->argument != NULL)
            form->letters[letters++] = ':';
    }
}

static dozan_status take(dz_cli_options *options, dz_option_id id, const char *value,
                         dozan_error *err)
{
    dozan_status status = DOZAN_OK;
    const char *name = NULL, *rest = NULL;
    size_t index = 0;
    long number = 0;
    switch (id) {
    case DZ_OPTION_DB:
        options->db = value;
        if (*value == '\0')
            status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "--db", "the path is empty");
        break;
    case DZ_OPTION_PARALLEL:
        status = take_whole(id, value, 1, MAX_PARALLEL, &number, err);
        if (status == DOZAN_OK)
            status = add_override(options, "spec.parallelTrialCount", value, err);
        break;
    case DZ_OPTION_SET:
        status = split(options, "--set", value, &name, &rest, err);
        if (status == DOZAN_OK)
            status = add_override(options, name, rest, err);
        break;
    case DZ_OPTION_OUTPUT:
    case DZ_OPTION_OUTPUT_GET:
    case DZ_OPTION_OUTPUT_LIST:
    case DZ_OPTION_OUTPUT_CSV:
    case DZ_OPTION_OUTPUT_LINEAGE:
    case DZ_OPTION_OUTPUT_WATCH:
        status = take_word(id, value, &index, err);
        if (status == DOZAN_OK && dz_cli_word(output_words, value, &index))
            options->output = (dz_output)index;
        break;
    case DZ_OPTION_MAP:
        status = take_map(options, value, err);
        break;
    case DZ_OPTION_PLUGIN:
        status = split(options, "--plugin", value, &name, &rest, err);
        if (status == DOZAN_OK)
            status = dz_cli_options_add_plugin(options, name, rest, err);
        break;
    case DZ_OPTION_PLUGIN_TIMEOUT:
        status = take_whole(id, value, 1, MAX_PLUGIN_TIMEOUT_S, &number, err);
        options->plugin_timeout_ms = (uint32_t)number * 1000;
        break;
    case DZ_OPTION_PLUGIN_FAULTS:
        status = take_whole(id, value, 1, MAX_PLUGIN_FAULTS, &number, err);
        options->plugin_faults = (int32_t)number;
        break;
    case DZ_OPTION_DURABILITY:
        status = take_word(id, value, &index, err);
        options->durability = (dz_durability)index;
        break;
    case DZ_OPTION_GRACE:
        status = take_whole(id, value, 1, MAX_GRACE_S, &number, err);
        options->grace_ms = (int64_t)number * 1000;
        break;
    case DZ_OPTION_TIMEOUT:
        if (!dz_duration_parse(value, &options->timeout_ms))
            status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "--timeout",
                                     "\"%s\" is no duration, such as 90s, 5m or 2h", value);
        break;
    case DZ_OPTION_LOG_FORMAT:
        status = take_word(id, value, &index, err);
        options->log_json = index == 1;
        break;
    default:
        take_plain(options, id, value);
        break;
    }
    return status;
}

/* Those that are kept as they are. */
static void take_plain(dz_cli_options *options, dz_option_id id, const char *value)
{
    const char **const texts[DZ_OPTION_COUNT] = {
        [DZ_OPTION_CONFIG] = &options->config,
        [DZ_OPTION_LISTEN] = &options->listen,
        [DZ_OPTION_GRPC] = &options->grpc,
        [DZ_OPTION_AUTH] = &options->auth,
        [DZ_OPTION_TLS_CERT] = &options->tls_cert,
        [DZ_OPTION_TLS_KEY] = &options->tls_key,
        [DZ_OPTION_TLS_CA] = &options->tls_ca,
        [DZ_OPTION_WRITE_KUBECONFIG] = &options->kubeconfig,
        [DZ_OPTION_SERVER] = &options->server,
        [DZ_OPTION_CONTEXT] = &options->context,
        [DZ_OPTION_TOKEN_FILE] = &options->token_file,
        [DZ_OPTION_AUTHORITY] = &options->authority,
        [DZ_OPTION_CLIENT_CERTIFICATE] = &options->client_certificate,
        [DZ_OPTION_CLIENT_KEY] = &options->client_key,
        [DZ_OPTION_NAMESPACE] = &options->namespace_,
        [DZ_OPTION_FOR] = &options->wish,
    };
    bool *const flags[DZ_OPTION_COUNT] = {
        [DZ_OPTION_KEEP] = &options->keep,
        [DZ_OPTION_QUIET] = &options->quiet,
        [DZ_OPTION_FOLLOW] = &options->follow,
        [DZ_OPTION_ALL_NAMESPACES] = &options->all_namespaces,
        [DZ_OPTION_WAIT] = &options->wait,
        [DZ_OPTION_WATCH] = &options->watch,
        [DZ_OPTION_HELP] = &options->help,
    };
    if (texts[id] != NULL)
        *texts[id] = value;
    else if (flags[id] != NULL)
        *flags[id] = true;
}

/* Trials run in folders of their own, so a target that counts from here is made absolute. */
static dozan_status take_map(dz_cli_options *options, const char *value, dozan_error *err)
{
    const char *from = NULL, *to = NULL;
    dozan_status status = split(options, "--map", value, &from, &to, err);
    if (status != DOZAN_OK)
        return status;
    if (*from != '/')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "--map: \"%s\" is no absolute path of the image: write it as in "
                               "--map /opt/trainer=DIR",
                               from);
    char *whole = *to == '/' ? strdup(to) : realpath(to, NULL);
    if (whole == NULL || access(whole, F_OK) != 0)
        status = dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                 "--map: \"%s\", where %s is to be found, cannot be reached: %s",
                                 to, from, strerrordesc_np(errno));
    else
        status = dz_cli_options_add_map(options, from, whole, err);
    free(whole);
    return status;
}

static dozan_status take_word(dz_option_id id, const char *value, size_t *index, dozan_error *err)
{
    const dz_cli_option *option = &dz_cli_option_table[id];
    if (dz_cli_word(option->argument, value, index))
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "--%s: \"%s\" is none of %s",
                           option->name, value, option->argument);
}

static dozan_status take_whole(dz_option_id id, const char *value, long low, long high,
                               long *number, dozan_error *err)
{
    char *end = NULL;
    errno = 0;
    *number = strtol(value, &end, 10);
    if (*value >= '0' && *value <= '9' && *end == '\0' && errno == 0 && *number >= low &&
        *number <= high)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "--%s: \"%s\" is no whole number from %ld to %ld",
                           dz_cli_option_table[id].name, value, low, high);
}

static dozan_status add_override(dz_cli_options *options, const char *path, const char *value,
                                 dozan_error *err)
{
    dz_override *grown =
        reallocarray(options->overrides, options->override_count + 1, sizeof(*grown));
    if (grown == NULL)
        return no_memory(err);
    options->overrides = grown;
    options->overrides[options->override_count++] = (dz_override){.path = path, .value = value};
    return DOZAN_OK;
}

/* getopt_long told '?' (unknown or ambiguous, or an argument where there is none) or ':' (an
 * argument is missing) of the text shown. */
static dozan_status refuse(uint64_t allowed, int verdict, const char *shown, dozan_error *err)
{
    if (verdict == ':')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "%s: its value is missing",
                               shown);
    if (strncmp(shown, "--", 2) != 0 || optopt != 0) {
        if (optopt >= 256) /* a long one, by its row's value: it takes no argument */
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "--%s takes no value",
                                   dz_cli_option_table[optopt - 256].name);
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "unknown option -%c", optopt);
    }
    char word[WORD_MAX] = "";
    size_t size = strcspn(shown + 2, "=");
    if (size < sizeof(word))
        memcpy(word, shown + 2, size);
    const char *names[DZ_OPTION_COUNT];
    size_t count = 0, begun = 0;
    for (int id = 0; id < DZ_OPTION_COUNT; id++) {
        if ((allowed >> id & 1) == 0)
            continue;
        names[count++] = dz_cli_option_table[id].name;
        begun += size > 0 && strncmp(dz_cli_option_table[id].name, word, size) == 0;
    }
    const char *near = dz_nearest(word, names, count);
    const char *what = begun > 1 ? "could be more than one option" : "unknown option";
    if (begun > 1 || near == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "%s --%.*s", what, (int)size,
                               shown + 2);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "%s --%.*s; did you mean --%s?", what,
                           (int)size, shown + 2, near);
}

static dz_option_id by_letter(uint64_t allowed, int letter)
{
    int id = 0;
    while (id < DZ_OPTION_COUNT &&
           ((allowed >> id & 1) == 0 || dz_cli_option_table[id].letter != letter))
        id++;
    return (dz_option_id)id;
}

/* Cuts "NAME=REST" at its first '='. Both have to be there. */
static dozan_status split(dz_cli_options *options, const char *option, const char *value,
                          const char **name, const char **rest, dozan_error *err)
{
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals[1] == '\0') {
        (void)dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                              "%s: \"%s\" has not the form NAME=VALUE", option, value);
        return DOZAN_INVALID_ARGUMENT;
    }
    *name = own(options, value, (size_t)(equals - value));
    *rest = equals + 1;
    return *name != NULL ? DOZAN_OK : no_memory(err);
}

static const char *own(dz_cli_options *options, const char *text, size_t size)
{
    char **grown = reallocarray(options->owned, options->owned_count + 1, sizeof(*grown));
    if (grown == NULL)
        return NULL;
    options->owned = grown;
    char *copy = strndup(text, size);
    if (copy != NULL)
        options->owned[options->owned_count++] = copy;
    return copy;
}

static dozan_status set_defaults(dz_cli_options *options, dozan_error *err)
{
    bool given = options->db != NULL;
    if (!given)
        options->db = getenv("DOZAN_DB"); /* NOLINT(concurrency-mt-unsafe): nothing sets it */
    if (options->db == NULL || *options->db == '\0')
        options->db = "dozan.db";
    if (asprintf(&options->job_directory, "%s.d", options->db) < 0)
        options->job_directory = NULL;
    dozan_buf hint;
    dozan_buf_init(&hint, HINT_MAX);
    options->db_given = given;
    if (given) {
        dozan_buf_puts(&hint, " --db ");
        dz_text_shell_word(&hint, options->db);
    } else if (options->server != NULL || options->context != NULL) {
        dozan_buf_puts(&hint, options->server != NULL ? " --server " : " --context ");
        dz_text_shell_word(&hint, options->server != NULL ? options->server : options->context);
    }
    options->db_hint = dozan_buf_take(&hint);
    if (options->job_directory == NULL || options->db_hint == NULL)
        return no_memory(err);
    return DOZAN_OK;
}

static dozan_status no_memory(dozan_error *err)
{
    (void)dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    return DOZAN_RESOURCE_EXHAUSTED;
}
