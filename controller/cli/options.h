/*
 * The options of all commands, as one table, and what they come to once parsed.
 */
#ifndef DZ_CLI_OPTIONS_H
#define DZ_CLI_OPTIONS_H

#include "loop/run.h"

/* What a shell offers for an argument. */
typedef enum dz_cli_complete {
    DZ_COMPLETE_NOTHING,
    DZ_COMPLETE_WORDS, /* the argument's name is the words: "table|json|yaml" */
    DZ_COMPLETE_FILE,
    DZ_COMPLETE_COMMAND,
    DZ_COMPLETE_EXPERIMENT,
    DZ_COMPLETE_TRIAL,
    DZ_COMPLETE_OBJECT, /* an experiment or a trial */
    DZ_COMPLETE_ALGORITHM,
    DZ_COMPLETE_CONTEXT
} dz_cli_complete;

/* name, long name, letter (0 = none), argument (NULL = none), what completes it, help */
#define DZ_OPTIONS(X)                                                                              \
    X(DB, "db", 0, "PATH", DZ_COMPLETE_FILE,                                                       \
      "the database; trials' directories are in PATH.d (default: $DOZAN_DB, else dozan.db)")       \
    X(PARALLEL, "parallel", 0, "N", DZ_COMPLETE_NOTHING,                                           \
      "run N trials at a time: spec.parallelTrialCount")                                           \
    X(SET, "set", 0, "KEY=VALUE", DZ_COMPLETE_NOTHING,                                             \
      "change a field of the file before it is checked, as in spec.maxTrialCount=5; repeatable")   \
    X(OUTPUT, "output", 'o', "table|json|yaml", DZ_COMPLETE_WORDS, "how to print the result")      \
    X(OUTPUT_GET, "output", 'o', "table|wide|json|yaml|csv|name", DZ_COMPLETE_WORDS,               \
      "how to print the list")                                                                     \
    X(OUTPUT_LIST, "output", 'o', "table|json|yaml|name", DZ_COMPLETE_WORDS,                       \
      "how to print the list")                                                                     \
    X(OUTPUT_CSV, "output", 'o', "table|csv", DZ_COMPLETE_WORDS, "how to print the list")          \
    X(MAP, "map", 0, "FROM=TO", DZ_COMPLETE_NOTHING,                                               \
      "find the image's absolute path FROM at TO on this machine; repeatable")                     \
    X(PLUGIN, "plugin", 0, "NAME=TARGET", DZ_COMPLETE_NOTHING,                                     \
      "the algorithm NAME is served by TARGET, a program or a URL; repeatable")                    \
    X(PLUGIN_TIMEOUT, "plugin-timeout", 0, "SECONDS", DZ_COMPLETE_NOTHING,                         \
      "how long a plugin may take to come up (default: 30), and to answer (default: 60)")          \
    X(PLUGIN_FAULTS, "plugin-faults", 0, "N", DZ_COMPLETE_NOTHING,                                 \
      "the experiment fails after N faults of its algorithm in a row (default: 8)")                \
    X(CONFIG, "config", 0, "FILE", DZ_COMPLETE_FILE,                                               \
      "plugins and maps (default: $DOZAN_CONFIG, else ~/.config/dozan/config.yaml)")               \
    X(DURABILITY, "durability", 0, "full|normal|off", DZ_COMPLETE_WORDS,                           \
      "what a commit survives: full = power loss; normal = kill -9, and power loss but for the "   \
      "last commits; off = kill -9 (default: full)")                                               \
    X(GRACE, "grace", 0, "SECONDS", DZ_COMPLETE_NOTHING,                                           \
      "time between SIGTERM and SIGKILL for a trial that is stopped (default: 5)")                 \
    X(KEEP, "keep", 0, NULL, DZ_COMPLETE_NOTHING,                                                  \
      "leave the trials running on Ctrl-C; the next run takes them up")                            \
    X(QUIET, "quiet", 'q', NULL, DZ_COMPLETE_NOTHING, "no progress and no notes")                  \
    X(FOLLOW, "follow", 'f', NULL, DZ_COMPLETE_NOTHING, "go on until the trial has ended")         \
    X(LISTEN, "listen", 0, "HOST:PORT", DZ_COMPLETE_NOTHING,                                       \
      "where HTTP is served (default: 127.0.0.1:7070); not loopback alone only with --auth")       \
    X(GRPC, "grpc", 0, "HOST:PORT", DZ_COMPLETE_NOTHING,                                           \
      "where Katib's DBManager is served over gRPC (default: 127.0.0.1:7071; \"\": nowhere)")      \
    X(AUTH, "auth", 0, "FILE", DZ_COMPLETE_FILE,                                                   \
      "the users, their tokens and roles; read again on SIGHUP")                                   \
    X(TLS_CERT, "tls-cert", 0, "FILE", DZ_COMPLETE_FILE, "serve TLS with this certificate (PEM)")  \
    X(TLS_KEY, "tls-key", 0, "FILE", DZ_COMPLETE_FILE, "the certificate's key (PEM)")              \
    X(TLS_CA, "tls-ca", 0, "FILE", DZ_COMPLETE_FILE,                                               \
      "take client certificates that these (PEM) have signed")                                     \
    X(WRITE_KUBECONFIG, "write-kubeconfig", 0, "FILE", DZ_COMPLETE_FILE,                           \
      "write a configuration for kubectl and Katib's SDK, once it is served")                      \
    X(SERVER, "server", 's', "URL", DZ_COMPLETE_NOTHING,                                           \
      "work on the service at URL, and not on a database (default: $DOZAN_SERVER, else the "       \
      "current context)")                                                                          \
    X(CONTEXT, "context", 0, "NAME", DZ_COMPLETE_CONTEXT,                                          \
      "work on the service of this context; \"local\" is the database")                            \
    X(TOKEN_FILE, "token-file", 0, "FILE", DZ_COMPLETE_FILE,                                       \
      "the file with the bearer token for the service (default: $DOZAN_TOKEN_FILE)")               \
    X(AUTHORITY, "certificate-authority", 0, "FILE", DZ_COMPLETE_FILE,                             \
      "trust a service whose certificate these (PEM) have signed (default: "                       \
      "$DOZAN_CERTIFICATE_AUTHORITY, else the system's)")                                          \
    X(CLIENT_CERTIFICATE, "client-certificate", 0, "FILE", DZ_COMPLETE_FILE,                       \
      "show the service this certificate (PEM)")                                                   \
    X(CLIENT_KEY, "client-key", 0, "FILE", DZ_COMPLETE_FILE, "the client certificate's key (PEM)") \
    X(NAMESPACE, "namespace", 'n', "NAME", DZ_COMPLETE_NOTHING,                                    \
      "the namespace of what is named (with a service the default is the context's, else "         \
      "default)")                                                                                  \
    X(ALL_NAMESPACES, "all-namespaces", 'A', NULL, DZ_COMPLETE_NOTHING, "of all namespaces")       \
    X(OUTPUT_LINEAGE, "output", 'o', "table|json|yaml|mlmd", DZ_COMPLETE_WORDS,                    \
      "how to print it; mlmd: ML Metadata's messages as JSON")                                     \
    X(OUTPUT_WATCH, "output", 'o', "table|json", DZ_COMPLETE_WORDS,                                \
      "how to print what changes: lines, or the objects as JSON, one a line")                      \
    X(WAIT, "wait", 'w', NULL, DZ_COMPLETE_NOTHING, "wait for its end, and print its result")      \
    X(WATCH, "watch", 0, NULL, DZ_COMPLETE_NOTHING,                                                \
      "print what becomes of it and of its trials, to its end")                                    \
    X(FOR, "for", 0, "CONDITION", DZ_COMPLETE_NOTHING,                                             \
      "what to wait for: condition=TYPE (Succeeded, Failed, Running, ...) or delete (default: "    \
      "its end)")                                                                                  \
    X(TIMEOUT, "timeout", 0, "DURATION", DZ_COMPLETE_NOTHING,                                      \
      "how long to wait, as in 90s or 2h (default: for ever)")                                     \
    X(LOG_FORMAT, "log-format", 0, "text|json", DZ_COMPLETE_WORDS,                                 \
      "how each line of the log is written: key=value, or a JSON object (default: text)")          \
    X(HELP, "help", 'h', NULL, DZ_COMPLETE_NOTHING, "print this help")

typedef enum dz_option_id {
#define DZ_OPTION_ENUM(id, ...) DZ_OPTION_##id,
    DZ_OPTIONS(DZ_OPTION_ENUM)
#undef DZ_OPTION_ENUM
        DZ_OPTION_COUNT
} dz_option_id;

#define DZ_OPTION_BIT(id) (UINT64_C(1) << DZ_OPTION_##id)

typedef struct dz_cli_option {
    const char *name;
    const char *argument; /* NULL = it takes none */
    const char *help;
    dz_cli_complete complete;
    char letter; /* 0 = none */
} dz_cli_option;

extern const dz_cli_option dz_cli_option_table[DZ_OPTION_COUNT];

typedef enum dz_output {
    DZ_OUTPUT_TABLE,
    DZ_OUTPUT_WIDE,
    DZ_OUTPUT_JSON,
    DZ_OUTPUT_YAML,
    DZ_OUTPUT_CSV,
    DZ_OUTPUT_NAME,
    DZ_OUTPUT_MLMD
} dz_output;

/* What a command line said. Texts borrow from argv, the environment or `owned`. */
typedef struct dz_cli_options {
    bool help;
    const char *db;
    bool db_given;       /* by --db */
    char *job_directory; /* "<db>.d" */
    char *db_hint;       /* " --db PATH", or " --server URL", where that has to be said again */
    dz_output output;
    dz_override *overrides; /* --set and --parallel, in their order */
    size_t override_count;
    dz_path_map *maps;
    size_t map_count;
    dz_plugin_config *plugins;
    size_t plugin_count;
    const char *config; /* NULL = not given */
    /* of serve; NULL = not given */
    const char *listen, *grpc, *auth, *tls_cert, *tls_key, *tls_ca, *kubeconfig;
    /* of a client; NULL = not given */
    const char *server, *context, *token_file, *authority, *client_certificate, *client_key;
    const char *namespace_; /* NULL = not given */
    bool all_namespaces;
    bool wait, watch;
    const char *wish;   /* --for; NULL = not given */
    int64_t timeout_ms; /* 0 = none */
    bool log_json;
    dz_durability durability;
    int64_t grace_ms;           /* 0 = the default */
    uint32_t plugin_timeout_ms; /* 0 = the defaults */
    int32_t plugin_faults;      /* 0 = the default */
    bool keep, quiet, follow;
    const char **arguments; /* what is no option */
    size_t argument_count;

    char **owned; /* texts that were cut out of others */
    size_t owned_count;
} dz_cli_options;

/* Parses argv[1..] (argv[0] is the command's name and is not looked at) by the options whose bits
 * are set in `allowed`; options and arguments may be mixed, "--" ends the options, and a long
 * option may be shortened. argv's order may change; its texts must live as long as *options.
 * INVALID_ARGUMENT names the option, why it is refused, and one that was nearly meant. *options is
 * in any case to be given to dz_cli_options_fini. */
DOZAN_MUST_USE dozan_status dz_cli_options_parse(dz_cli_options *options, uint64_t allowed,
                                                 int argc, char **argv, dozan_error *err);
void dz_cli_options_fini(dz_cli_options *options);

/* Adds a map or a plugin, unless one of that name is there already; copies the texts. */
/* Where the first argument is a folder with an MLproject, it becomes the folder's experiment.yaml,
 * whose trials run the folder as a project of MLflow's. */
DOZAN_MUST_USE dozan_status dz_cli_options_project(dz_cli_options *options, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_cli_options_add_map(dz_cli_options *options, const char *from,
                                                   const char *to, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_cli_options_add_plugin(dz_cli_options *options, const char *name,
                                                      const char *target, dozan_error *err);

/* Adds what the configuration file says (config.c): --config, else $DOZAN_CONFIG, else
 * ~/.config/dozan/config.yaml where there is one. INVALID_ARGUMENT with file, line and path. */
DOZAN_MUST_USE dozan_status dz_cli_config_load(dz_cli_options *options, dozan_error *err);

/* Reads a whole file ("-" = standard input) of at most DZ_TREE_MAX_BYTES. Owned text, ended by a 0.
 */
DOZAN_MUST_USE dozan_status dz_cli_read_file(const char *path, char **text, size_t *size,
                                             dozan_error *err);

/* Whether `word` is one of the words in "a|b|c"; *index is its place. */
bool dz_cli_word(const char *words, const char *word, size_t *index);

#endif
