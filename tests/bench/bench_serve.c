/*
 * Cycles a second of `dozan serve`: ask, report one metric, tell, over HTTP with connections that
 * stay; every answer is on the disk (durability full). Against the bare limit of the same run:
 * synced writes of a page a second, one for each of a cycle's three commits, where one client's
 * cycles cannot share any. And metric points a second, in reports of 1,000.
 *
 *   bench_serve [--short] [--url HOST:PORT EXPERIMENT CLIENTS SECONDS]
 *
 * With --url, only cycles against a server that is there: one number.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 4096, EVENTS = 256 };

typedef enum step { ASK, REPORT, TELL } step;

typedef struct client {
    int fd;
    step step;
    char trial[256];
    int attempt;
    char in[TEXT];
    size_t got;
    char out[TEXT];
    size_t size, sent;
    double begun;
} client;

typedef struct load {
    struct sockaddr_in address;
    const char *experiment;
    client *clients;
    int count, poller;
    long cycles;
    double slowest;
} load;

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench_serve: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void send_more(load *l, client *c)
{
    ssize_t done = send(c->fd, c->out + c->sent, c->size - c->sent, MSG_NOSIGNAL);
    must(done >= 0 || errno == EAGAIN, "send");
    c->sent += done > 0 ? (size_t)done : 0;
    struct epoll_event event = {.events = EPOLLIN | (c->sent < c->size ? EPOLLOUT : 0u),
                                .data.ptr = c};
    if (done < 0 || c->sent < c->size)
        must(epoll_ctl(l->poller, EPOLL_CTL_MOD, c->fd, &event) == 0, "epoll");
}

static void say(load *l, client *c, step what)
{
    char body[256], path[512];
    c->step = what;
    c->got = 0;
    c->sent = 0;
    if (what == ASK) {
        c->begun = now();
        (void)snprintf(path, sizeof path, "experiments/%s/ask", l->experiment);
        (void)snprintf(body, sizeof body, "{\"worker\":\"bench\",\"waitSeconds\":60}");
    } else {
        (void)snprintf(path, sizeof path, "trials/%s/%s", c->trial,
                       what == REPORT ? "report" : "tell");
        (void)snprintf(body, sizeof body, "{\"attempt\":%d,\"metrics\":{\"loss\":0.5}}",
                       c->attempt);
    }
    c->size =
        (size_t)snprintf(c->out, sizeof c->out,
                         "POST /api/v1alpha1/namespaces/default/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                         "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                         path, strlen(body), body);
    send_more(l, c);
}

static void connect_client(load *l, client *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(c->fd >= 0, "socket");
    must(connect(c->fd, (struct sockaddr *)(void *)&l->address, sizeof l->address) == 0, "connect");
    must(fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    must(epoll_ctl(l->poller, EPOLL_CTL_ADD, c->fd, &event) == 0, "epoll");
    say(l, c, ASK);
}

/* The whole answer, once it is there; NULL before. */
static const char *answer(const client *c)
{
    const char *end = strstr(c->in, "\r\n\r\n");
    const char *length = strcasestr(c->in, "content-length:");
    if (end == NULL || length == NULL)
        return NULL;
    size_t size = strtoul(length + 15, NULL, 10);
    return c->got >= (size_t)(end + 4 - c->in) + size ? end + 4 : NULL;
}

static void take(load *l, client *c)
{
    ssize_t got = recv(c->fd, c->in + c->got, sizeof c->in - 1 - c->got, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    must(got > 0, "the server has closed the connection");
    c->got += (size_t)got;
    c->in[c->got] = '\0';
    const char *body = answer(c);
    if (body == NULL)
        return;
    if (strstr(c->in, " 200 ") == NULL) {
        (void)fprintf(stderr, "bench_serve: %s\n", c->in);
        exit(1);
    }
    if (c->step == ASK) {
        const char *name = strstr(body, "\"name\":\""), *attempt = strstr(body, "\"attempt\":");
        if (name == NULL || attempt == NULL) {
            say(l, c, ASK);
            return;
        }
        (void)snprintf(c->trial, sizeof c->trial, "%.*s", (int)strcspn(name + 8, "\""), name + 8);
        c->attempt = (int)strtol(attempt + 10, NULL, 10);
        say(l, c, REPORT);
    } else if (c->step == REPORT) {
        say(l, c, TELL);
    } else {
        l->cycles++;
        double took = now() - c->begun;
        l->slowest = took > l->slowest ? took : l->slowest;
        say(l, c, ASK);
    }
}

/* Cycles a second, after a moment for warming up. */
static double run(load *l, double seconds)
{
    struct epoll_event events[EVENTS];
    l->poller = epoll_create1(EPOLL_CLOEXEC);
    l->clients = calloc((size_t)l->count, sizeof *l->clients);
    must(l->poller >= 0 && l->clients != NULL, "clients");
    for (int i = 0; i < l->count; i++)
        connect_client(l, &l->clients[i]);
    double begun = now(), from = begun + seconds * 0.2;
    long before = 0;
    bool warm = false;
    while (now() < begun + seconds) {
        if (!warm && now() >= from) {
            warm = true;
            from = now();
            before = l->cycles;
            l->slowest = 0;
        }
        int count = epoll_wait(l->poller, events, EVENTS, 100);
        for (int i = 0; i < count; i++) {
            client *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                send_more(l, c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                take(l, c);
        }
    }
    double rate = (double)(l->cycles - before) / (now() - from);
    for (int i = 0; i < l->count; i++)
        (void)close(l->clients[i].fd);
    (void)close(l->poller);
    free(l->clients);
    return rate;
}

/* ---- a server of our own */

typedef struct server {
    char folder[64], config[128];
    int port;
    pid_t pid;
} server;

static void start(server *s)
{
    extern char **environ;
    char db[128], program[512];
    const char *build = getenv("DOZAN_BUILD");
    (void)snprintf(s->folder, sizeof s->folder, "%s/dozan-serve-XXXXXX", "/tmp");
    must(mkdtemp(s->folder) != NULL, "folder");
    (void)snprintf(db, sizeof db, "%s/s.db", s->folder);
    (void)snprintf(s->config, sizeof s->config, "%s/kubeconfig", s->folder);
    (void)snprintf(program, sizeof program, "%s/dozan", build != NULL ? build : "build");
    char *argv[] = {program,    "serve",       "-q",     "--db",        db,
                    "--listen", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--write-kubeconfig",
                    s->config,  NULL};
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    must(posix_spawn(&s->pid, program, &actions, NULL, argv, environ) == 0, program);
    (void)posix_spawn_file_actions_destroy(&actions);
    for (double limit = now() + 30; s->port == 0 && now() < limit;) {
        char text[TEXT] = "";
        FILE *file = fopen(s->config, "r");
        size_t got = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
        if (file != NULL)
            (void)fclose(file);
        text[got] = '\0';
        const char *url = strstr(text, "http://127.0.0.1:");
        s->port = url != NULL ? (int)strtol(url + 17, NULL, 10) : 0;
        must(s->port != 0 || waitpid(s->pid, NULL, WNOHANG) == 0, "the server has ended");
    }
    must(s->port != 0, "the server does not come up");
}

static struct sockaddr_in at(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void submit(const server *s, const char *name, int parallel)
{
    char body[1024], text[2048];
    struct sockaddr_in address = at(s->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && connect(fd, (struct sockaddr *)(void *)&address, sizeof address) == 0,
         "connect");
    (void)snprintf(
        body, sizeof body,
        "{\"apiVersion\":\"kubeflow.org/"
        "v1beta1\",\"kind\":\"Experiment\",\"metadata\":{\"name\":\"%s\"},"
        "\"spec\":{\"objective\":{\"type\":\"minimize\",\"objectiveMetricName\":\"loss\"},"
        "\"algorithm\":{\"algorithmName\":\"random\"},\"leases\":{},\"parallelTrialCount\":%d,"
        "\"maxTrialCount\":10000000,\"parameters\":[{\"name\":\"a\",\"parameterType\":\"double\","
        "\"feasibleSpace\":{\"min\":\"0\",\"max\":\"1\"}}]}}",
        name, parallel);
    int size =
        snprintf(text, sizeof text,
                 "POST /apis/kubeflow.org/v1beta1/namespaces/default/experiments HTTP/1.1\r\n"
                 "Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                 "Connection: close\r\n\r\n%s",
                 strlen(body), body);
    must(send(fd, text, (size_t)size, 0) == size, "send");
    ssize_t got = recv(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    must(strstr(text, " 201 ") != NULL, text);
    (void)close(fd);
}

/* {"attempt":1,"metrics":[...]} */
static void write_report(char *body, size_t size, int count)
{
    int used = snprintf(body, size, "{\"attempt\":1,\"metrics\":[");
    for (int i = 0; i < count; i++)
        used += snprintf(body + used, size - (size_t)used, "%s{\"name\":\"loss\",\"value\":0.%04d}",
                         i > 0 ? "," : "", i);
    (void)snprintf(body + used, size - (size_t)used, "]}");
}

/* One blocking call; its answer, which must be good, goes into `reply`. */
static void call(int fd, const char *path, const char *body, char reply[TEXT])
{
    char head[512];
    size_t got = 0, sent = 0, length = strlen(body);
    int size = snprintf(head, sizeof head,
                        "POST /api/v1alpha1/namespaces/default/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        path, length);
    must(send(fd, head, (size_t)size, MSG_MORE) == size, "send");
    while (sent < length) {
        ssize_t done = send(fd, body + sent, length - sent, 0);
        must(done > 0, "send");
        sent += (size_t)done;
    }
    for (const char *end = NULL; end == NULL || strchr(end, '}') == NULL;) {
        ssize_t done = recv(fd, reply + got, TEXT - 1 - got, 0);
        must(done > 0, "recv");
        got += (size_t)done;
        reply[got] = '\0';
        end = strstr(reply, "\r\n\r\n");
    }
    must(strstr(reply, " 200 ") != NULL, reply);
}

/* Metric points a second of one worker, 1,000 in a report. */
static double points(const server *s, const char *experiment, double seconds)
{
    enum { POINTS = 1000, BODY = 64 * 1024 };
    static char body[BODY];
    char path[512], reply[TEXT];
    struct sockaddr_in address = at(s->port);
    long count = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    must(connect(fd, (struct sockaddr *)(void *)&address, sizeof address) == 0, "connect");
    (void)snprintf(path, sizeof path, "experiments/%s/ask", experiment);
    call(fd, path, "{}", reply);
    const char *name = strstr(reply, "\"name\":\"");
    must(name != NULL, reply);
    (void)snprintf(path, sizeof path, "trials/%.*s/report", (int)strcspn(name + 8, "\""), name + 8);
    write_report(body, sizeof body, POINTS);
    double begun = now();
    for (; now() < begun + seconds; count += POINTS)
        call(fd, path, body, reply);
    (void)close(fd);
    return (double)count / (now() - begun);
}

/* Synced writes of a page a second. */
static double synced_writes(const server *s, double seconds)
{
    char path[128], page[4096] = {1};
    long count = 0;
    (void)snprintf(path, sizeof path, "%s/bare", s->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    must(fd >= 0, path);
    double begun = now();
    for (; now() < begun + seconds; count++)
        must(pwrite(fd, page, sizeof page, (count % 1000) * 4096) == sizeof page &&
                 fdatasync(fd) == 0,
             "write");
    (void)close(fd);
    return (double)count / (now() - begun);
}

static void stop(const server *s)
{
    char command[128];
    (void)kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
    static const char *const names[] = {"s.db",   "s.db-wal",   "s.db-shm", "s.db.d/.lock",
                                        "s.db.d", "kubeconfig", "bare",     ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(command, sizeof command, "%s/%s", s->folder, names[i]);
        (void)remove(command);
    }
}

int main(int argc, char **argv)
{
    bool brief = argc == 2 && strcmp(argv[1], "--short") == 0;
    struct rlimit files = {.rlim_cur = 8192, .rlim_max = 8192};
    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (argc == 6 && strcmp(argv[1], "--url") == 0) {
        load l = {.address = at((int)strtol(strchr(argv[2], ':') + 1, NULL, 10)),
                  .experiment = argv[3],
                  .count = (int)strtol(argv[4], NULL, 10)};
        (void)printf("%.1f\n", run(&l, strtod(argv[5], NULL)));
        return 0;
    }
    static const int counts[] = {1, 64, 2000};
    double seconds = brief ? 0.5 : 10;
    server s = {0};
    start(&s);
    double bare = synced_writes(&s, brief ? 0.2 : 2);
    (void)printf("%.0f synced writes of a page a second (the bare limit)\n", bare);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "load-%d", counts[i]);
        submit(&s, name, counts[i] < 4 ? 4 : counts[i]);
        load l = {.address = at(s.port), .experiment = name, .count = counts[i]};
        double rate = run(&l, seconds);
        (void)printf("REST, %4d clients: %7.0f cycles a second (ask, report, tell), the slowest "
                     "%.0f ms; %.2f of the bare limit's third\n",
                     counts[i], rate, l.slowest * 1e3, rate / (bare / 3));
    }
    submit(&s, "points", 4);
    (void)printf("REST,    1 client:  %7.0f metric points a second, 1,000 in a report\n",
                 points(&s, "points", seconds / 2));
    stop(&s);
    return 0;
}
