/*
 * The main program of a plugin: options, a host, and a wait for the signal to stop.
 *
 * A plugin that a controller started must not outlive it. So when DOZAN_PLUGIN_PARENT names the
 * parent, the kernel is asked to tell of its end. And as an algorithm may compute for long, a stop
 * that takes more than a grace period ends the process.
 */
#include "address.h"
#include "grpc_katib.h"

#include <dozan/algorithm.h>
#include <dozan/host.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, STOP_GRACE_SECONDS = 10, MOST_WORKERS = 1024 };

typedef struct plugin_options {
    const char *url;
    bool open;
    bool verbose;
    bool help;
    dozan_host_options host;
} plugin_options;

static bool read_options(int argc, char **argv, plugin_options *options);
static bool read_count(const char *text, uint32_t *count);
static void print_help(FILE *out, const char *program, const dozan_algorithm *const *algorithms);
static bool follow_parent(const char *program);
static int serve(const char *program, const plugin_options *options,
                 const dozan_algorithm *const *algorithms, const sigset_t *stop_signals);

int dozan_plugin_main(int argc, char **argv, const dozan_algorithm *const *algorithms)
{
    const char *program = argc > 0 ? argv[0] : "plugin";
    plugin_options options = {.url = NULL};
    if (!read_options(argc, argv, &options)) {
        print_help(stderr, program, algorithms);
        return EXIT_USAGE;
    }
    if (options.help) {
        print_help(stdout, program, algorithms);
        return EXIT_SUCCESS;
    }
    /* Blocked before any thread is there, so that all inherit it and only sigwait sees them. */
    sigset_t stop_signals;
    (void)sigemptyset(&stop_signals);
    (void)sigaddset(&stop_signals, SIGTERM);
    (void)sigaddset(&stop_signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
    if (!follow_parent(program))
        return EXIT_FAILURE;
    return serve(program, &options, algorithms, &stop_signals);
}

static bool read_options(int argc, char **argv, plugin_options *options)
{
    static const struct option names[] = {
        {"listen", required_argument, NULL, 'l'}, {"tls-cert", required_argument, NULL, 'c'},
        {"tls-ca", required_argument, NULL, 'a'}, {"workers", required_argument, NULL, 'w'},
        {"open", no_argument, NULL, 'o'},         {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    options->host.token = getenv("DOZAN_PLUGIN_TOKEN"); /* NOLINT(concurrency-mt-unsafe) */
    if (options->host.token != NULL && options->host.token[0] == '\0')
        options->host.token = NULL;
    for (;;) {
        switch (getopt_long(argc, argv, "", names, NULL)) { /* NOLINT(concurrency-mt-unsafe) */
        case 'l':
            options->url = optarg;
            break;
        case 'c':
            options->host.tls_cert_file = optarg;
            break;
        case 'a':
            options->host.tls_ca_file = optarg;
            break;
        case 'w':
            if (!read_count(optarg, &options->host.workers))
                return false;
            break;
        case 'o':
            options->open = true;
            break;
        case 'v':
            options->verbose = true;
            break;
        case 'h':
            options->help = true;
            break;
        case -1:
            return options->help || (options->url != NULL && optind == argc &&
                                     (!options->open || dz_grpc_address_is(options->url)));
        default:
            return false;
        }
    }
}

static bool read_count(const char *text, uint32_t *count)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 1 || value > MOST_WORKERS)
        return false;
    *count = (uint32_t)value;
    return true;
}

static void print_help(FILE *out, const char *program, const dozan_algorithm *const *algorithms)
{
    (void)fprintf(out,
                  "usage: %s --listen URL [--tls-cert FILE] [--tls-ca FILE] [--workers N] "
                  "[--open] [--verbose]\n"
                  "Serves these algorithms to Dozan, or to Katib, until SIGTERM:\n",
                  program);
    for (size_t i = 0; algorithms[i] != NULL; i++)
        (void)fprintf(out, "  %-22s %s\n", algorithms[i]->name, algorithms[i]->summary);
    (void)fprintf(
        out,
        "\n"
        "  --listen URL     ipc://PATH, tcp://HOST:PORT or tls+tcp://HOST:PORT: to Dozan\n"
        "                   grpc://HOST:PORT or grpcs://HOST:PORT: as Katib's Suggestion\n"
        "                   service\n"
        "  --tls-cert FILE  PEM with the certificate and key of this host\n"
        "  --tls-ca FILE    PEM of authorities: demand a client certificate of theirs\n"
        "  --workers N      threads that compute (1 to %d)\n"
        "  --open           grpc: serve whoever can reach it, without a token\n"
        "  --verbose        say on the error output when it listens\n"
        "  --help           this text\n"
        "\n"
        "Environment:\n"
        "  DOZAN_PLUGIN_TOKEN   callers must show this bearer token\n"
        "  DOZAN_PLUGIN_PARENT  process id of the parent: end when it ends\n",
        MOST_WORKERS);
}

/* False when the parent is gone already. */
static bool follow_parent(const char *program)
{
    const char *text = getenv("DOZAN_PLUGIN_PARENT"); /* NOLINT(concurrency-mt-unsafe) */
    if (text == NULL || text[0] == '\0')
        return true;
    char *end = NULL;
    errno = 0;
    long parent = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || parent < 1) {
        (void)fprintf(stderr, "%s: DOZAN_PLUGIN_PARENT=%s is no process id\n", program, text);
        return false;
    }
    /* In this order: a parent that ends between the two is seen by one of them. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && (long)getppid() == parent)
        return true;
    (void)fprintf(stderr, "%s: the parent process %ld is not there any more\n", program, parent);
    return false;
}

static int serve(const char *program, const plugin_options *options,
                 const dozan_algorithm *const *algorithms, const sigset_t *stop_signals)
{
    dozan_host *host = NULL;
    dz_katib *katib = NULL;
    dozan_error err = {.code = DOZAN_OK};
    dozan_status status =
        dz_grpc_address_is(options->url)
            ? dz_katib_create(options->url, algorithms, &options->host, options->open, &katib, &err)
            : dozan_host_create(options->url, algorithms, &options->host, &host, &err);
    if (status != DOZAN_OK) {
        char text[sizeof(err.place) + sizeof(err.message) + 2];
        dozan_error_text(&err, text, sizeof(text));
        (void)fprintf(stderr, "%s: %s\n", program, text);
        return EXIT_FAILURE;
    }
    if (options->verbose && katib != NULL)
        (void)fprintf(stderr, "listening on %s, port %u\n", options->url,
                      (unsigned)dz_katib_port(katib));
    else if (options->verbose)
        (void)fprintf(stderr, "listening on %s\n", options->url);
    int number = 0;
    while (sigwait(stop_signals, &number) != 0) {
        /* interrupted: wait on */
    }
    (void)alarm(STOP_GRACE_SECONDS); /* its default action ends a stop that takes too long */
    dozan_host_destroy(host);
    dz_katib_destroy(katib);
    return EXIT_SUCCESS;
}
