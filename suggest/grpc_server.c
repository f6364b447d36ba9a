/*
 * The server's thread: an epoll loop over the listener, the connections, and a descriptor by which
 * other threads wake it (an answer is ready, or the server is to stop).
 *
 * The limits of time are looked at when the earliest of them can have passed, not on every turn.
 */
#include "address.h"
#include "grpc_connection.h"
#include "grpc_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    READ_ROOM = 65536,
    READS_A_TURN = 4, /* of one connection, before the others have theirs */
    ACCEPTS_A_TURN = 64,
    REST_MS = 100,        /* after the system had no descriptor or memory for a connection */
    LAST_WORDS_MS = 1000, /* for a connection that is being closed to take what is left for it */
    STOP_LIMIT_MS = 2000  /* the same, for all when the server ends */
};

typedef struct peer {
    dozan_grpc_server *server;
    dz_grpc_socket *socket;
    dz_grpc_connection *connection;
    bool greeted;
    bool closing;    /* nothing is read any more; ends when all is sent */
    uint32_t events; /* that epoll watches for */
    bool dead;       /* closed; freed at the end of the turn, as events may still name it */
    struct peer *next;
} peer;

struct dozan_grpc_server {
    dz_grpc_core *core;
    dz_grpc_tls *tls;
    int listener;
    int wake_fd;
    int epoll_fd;
    uint16_t port;
    pthread_t thread;
    bool running;
    atomic_bool stop;

    /* The thread's. */
    peer *peers;
    size_t peer_count; /* alive */
    bool any_dead;
    int64_t rest_until_ms; /* the listener is not watched until then; 0 = it is */
    int64_t stop_by_ms;
    uint8_t room[READ_ROOM];
};

static dozan_status open_all(dozan_grpc_server *server, const char *url,
                             const dozan_grpc_server_options *options, dozan_error *err);
static dozan_status start_thread(dozan_grpc_server *server, dozan_error *err);
static int watch(const dozan_grpc_server *server, int fd, void *what, uint32_t events, int how);
static void wake(void *context);
static void *run(void *argument);
static void handle(dozan_grpc_server *server, const struct epoll_event *event, int64_t now_ms);
static void accept_all(dozan_grpc_server *server, int64_t now_ms);
static void rest(dozan_grpc_server *server, int64_t now_ms);
static void add_peer(dozan_grpc_server *server, int fd, int64_t now_ms);
static void end_peer(peer *p);
static void bury(dozan_grpc_server *server, bool all);
static void serve(peer *p, uint32_t events, int64_t now_ms);
static bool greet(peer *p, int64_t now_ms);
static bool take_in(peer *p, int64_t now_ms);
static void send_out(peer *p, int64_t now_ms);
static void take_answers(dozan_grpc_server *server, int64_t now_ms);
static void expire(dozan_grpc_server *server, int64_t now_ms);
static void begin_stop(dozan_grpc_server *server, int64_t now_ms);
static bool has_stopped(const dozan_grpc_server *server, int64_t now_ms);
static int wait_ms(const dozan_grpc_server *server, int64_t now_ms);
static int64_t monotonic_ms(void);

dozan_status dozan_grpc_server_create(const char *url, const dozan_grpc_server_options *options,
                                      dozan_grpc_server **server, dozan_error *err)
{
    dozan_grpc_server *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a server");
    made->listener = made->wake_fd = made->epoll_fd = -1;
    dozan_status status = dz_grpc_core_create(options, &made->core, err);
    if (status == DOZAN_OK)
        status = open_all(made, url, options, err);
    if (status == DOZAN_OK)
        status = start_thread(made, err);
    if (status == DOZAN_OK)
        *server = made;
    else
        dozan_grpc_server_destroy(made);
    return status;
}

void dozan_grpc_server_destroy(dozan_grpc_server *server)
{
    if (server == NULL)
        return;
    if (server->running) {
        atomic_store(&server->stop, true);
        wake(server);
        (void)pthread_join(server->thread, NULL);
    }
    int *const fds[] = {&server->listener, &server->wake_fd, &server->epoll_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (*fds[i] >= 0)
            (void)close(*fds[i]);
    }
    dz_grpc_tls_destroy(server->tls);
    dz_grpc_core_destroy(server->core);
    free(server);
}

uint16_t dozan_grpc_server_port(const dozan_grpc_server *server)
{
    return server->port;
}

/* ---- starting ------------------------------------------------------------------------------- */

static dozan_status open_all(dozan_grpc_server *server, const char *url,
                             const dozan_grpc_server_options *options, dozan_error *err)
{
    dz_grpc_address address;
    dozan_status status = dz_grpc_address_read(url, &address, err);
    if (status != DOZAN_OK)
        return status;
    bool knows_callers =
        options->authorize != NULL ||
        (address.tls && options->tls_ca_file != NULL && !options->tls_peer_optional);
    if (!dz_address_is_loopback(address.host) && !knows_callers)
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL,
                               "%s can be reached from outside: set a token", url);
    if (address.tls && options->tls_cert_file == NULL)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "grpcs needs the PEM file of a certificate and its key");
    if (address.tls)
        status =
            dz_grpc_tls_create(options->tls_cert_file, options->tls_key_file, options->tls_ca_file,
                               options->tls_peer_optional, &server->tls, err);
    if (status == DOZAN_OK)
        status = dz_grpc_listen(address.host, address.port, &server->listener, &server->port, err);
    if (status != DOZAN_OK)
        return status;
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->epoll_fd < 0 || server->wake_fd < 0 ||
        watch(server, server->wake_fd, &server->wake_fd, EPOLLIN, EPOLL_CTL_ADD) != 0 ||
        watch(server, server->listener, &server->listener, EPOLLIN, EPOLL_CTL_ADD) != 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "no descriptor for a server: %s", strerrordesc_np(errno));
    server->core->wake = wake;
    server->core->wake_context = server;
    return DOZAN_OK;
}

/* Signals are the main program's. */
static dozan_status start_thread(dozan_grpc_server *server, dozan_error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    int number = pthread_create(&server->thread, NULL, run, server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                               "no thread can be started for a server: %s",
                               strerrordesc_np(number));
    server->running = true;
    return DOZAN_OK;
}

static int watch(const dozan_grpc_server *server, int fd, void *what, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data = {.ptr = what}};
    return epoll_ctl(server->epoll_fd, how, fd, &event);
}

/* Fails only when the counter is full, and then the thread is being woken already. */
static void wake(void *context)
{
    const dozan_grpc_server *server = context;
    static const uint64_t one = 1;
    ssize_t written = write(server->wake_fd, &one, sizeof(one));
    (void)written;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void *run(void *argument)
{
    dozan_grpc_server *server = argument;
    struct epoll_event events[EVENTS];
    int64_t now_ms = monotonic_ms();
    while (!has_stopped(server, now_ms)) {
        int count = epoll_wait(server->epoll_fd, events, EVENTS, wait_ms(server, now_ms));
        now_ms = monotonic_ms();
        for (int i = 0; i < count; i++)
            handle(server, &events[i], now_ms);
        take_answers(server, now_ms);
        if (atomic_load(&server->stop) && !server->core->stopping)
            begin_stop(server, now_ms);
        if (server->core->due_ms <= now_ms)
            expire(server, now_ms);
        bury(server, false);
    }
    bury(server, true);
    return NULL;
}

static void handle(dozan_grpc_server *server, const struct epoll_event *event, int64_t now_ms)
{
    uint64_t count = 0;
    if (event->data.ptr == &server->wake_fd) {
        ssize_t taken = read(server->wake_fd, &count, sizeof(count));
        (void)taken; /* only woken */
    } else if (event->data.ptr == &server->listener) {
        accept_all(server, now_ms);
    } else {
        serve(event->data.ptr, event->events, now_ms);
    }
}

static void accept_all(dozan_grpc_server *server, int64_t now_ms)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && server->peer_count >= server->core->options.max_connections)
            (void)close(fd);
        else if (fd >= 0)
            add_peer(server, fd, now_ms);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            rest(server, now_ms);
        if (fd < 0)
            return;
    }
}

/* Without this the listener would wake the thread again and again for what it cannot take. */
static void rest(dozan_grpc_server *server, int64_t now_ms)
{
    if (watch(server, server->listener, &server->listener, 0, EPOLL_CTL_MOD) != 0)
        return;
    server->rest_until_ms = now_ms + REST_MS;
    dz_grpc_core_note_due(server->core, server->rest_until_ms);
}

static void add_peer(dozan_grpc_server *server, int fd, int64_t now_ms)
{
    peer *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        (void)close(fd);
        return;
    }
    p->server = server;
    p->next = server->peers;
    server->peers = p;
    server->peer_count++;
    p->events = EPOLLIN;
    p->socket = dz_grpc_socket_create(fd, server->tls, NULL);
    if (p->socket == NULL ||
        dz_grpc_connection_create(server->core, now_ms, &p->connection, NULL) != DOZAN_OK ||
        watch(server, fd, p, p->events, EPOLL_CTL_ADD) != 0) {
        end_peer(p);
    }
}

static void end_peer(peer *p)
{
    if (p->dead)
        return;
    p->dead = true;
    p->server->peer_count--;
    p->server->any_dead = true;
    dz_grpc_connection_destroy(p->connection);
    dz_grpc_socket_destroy(p->socket);
    p->connection = NULL;
    p->socket = NULL;
}

static void bury(dozan_grpc_server *server, bool all)
{
    if (!all && !server->any_dead)
        return;
    server->any_dead = false;
    for (peer **link = &server->peers; *link != NULL;) {
        peer *p = *link;
        if (all)
            end_peer(p);
        if (p->dead) {
            *link = p->next;
            free(p);
        } else {
            link = &p->next;
        }
    }
}

/* ---- a connection --------------------------------------------------------------------------- */

static void serve(peer *p, uint32_t events, int64_t now_ms)
{
    bool good = true;
    if (p->dead)
        return;
    if (!p->greeted)
        good = greet(p, now_ms);
    else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !p->closing)
        good = take_in(p, now_ms);
    if (good)
        send_out(p, now_ms);
    else
        end_peer(p);
}

static bool greet(peer *p, int64_t now_ms)
{
    char name[DZ_GRPC_PEER_NAME];
    int number = dz_grpc_socket_greet(p->socket, name);
    if (number != 0)
        return number == DZ_GRPC_AGAIN;
    p->greeted = true;
    if (name[0] != '\0' && !dz_grpc_connection_set_peer(p->connection, name))
        return false;
    return take_in(p, now_ms);
}

/* False: the connection is to be ended at once. */
static bool take_in(peer *p, int64_t now_ms)
{
    dozan_grpc_server *server = p->server;
    for (int reads = 0; reads < READS_A_TURN || dz_grpc_socket_has_more(p->socket); reads++) {
        ssize_t size = dz_grpc_socket_receive(p->socket, server->room, sizeof(server->room));
        if (size == DZ_GRPC_AGAIN)
            return true;
        if (size <= 0)
            return false;
        if (!dz_grpc_connection_receive(p->connection, server->room, (size_t)size, now_ms))
            p->closing = true; /* what tells the peer why still leaves */
        bool all = (size_t)size < sizeof(server->room) && !dz_grpc_socket_has_more(p->socket);
        if (p->closing || all)
            return true;
    }
    return true;
}

/* Sends what can be sent, and watches for what comes next. Ends the peer when nothing can. */
static void send_out(peer *p, int64_t now_ms)
{
    bool blocked = false;
    while (p->greeted && !blocked) {
        const uint8_t *bytes = NULL;
        int64_t size = dz_grpc_connection_pending(p->connection, &bytes);
        ssize_t sent = size > 0 ? dz_grpc_socket_send(p->socket, bytes, (size_t)size) : 0;
        if (size < 0 || sent == DZ_GRPC_BROKEN) {
            end_peer(p);
            return;
        }
        if (size == 0)
            break;
        if (sent == DZ_GRPC_AGAIN)
            blocked = true;
        else
            dz_grpc_connection_sent(p->connection, (size_t)sent, now_ms);
    }
    if (!blocked && (p->closing || dz_grpc_connection_is_done(p->connection))) {
        end_peer(p);
        return;
    }
    uint32_t events = p->closing ? 0 : EPOLLIN;
    if (blocked || dz_grpc_socket_wants_write(p->socket))
        events |= EPOLLOUT;
    if (events == p->events)
        return;
    p->events = events;
    if (watch(p->server, dz_grpc_socket_fd(p->socket), p, events, EPOLL_CTL_MOD) != 0)
        end_peer(p);
}

/* ---- answers, time, and the end ------------------------------------------------------------- */

/* Answers for the same connection leave together: all are submitted, and then all are sent. */
static void take_answers(dozan_grpc_server *server, int64_t now_ms)
{
    bool any = false;
    for (;;) {
        dozan_grpc_call *call = dz_grpc_core_take_answer(server->core);
        if (call == NULL)
            break;
        any = true;
        if (call->connection != NULL)
            dz_grpc_connection_answer(call, now_ms);
        else
            dz_grpc_call_destroy(call);
    }
    for (peer *p = any ? server->peers : NULL; p != NULL; p = p->next) {
        if (!p->dead && dz_grpc_connection_has_answer(p->connection) && (p->events & EPOLLOUT) == 0)
            send_out(p, now_ms);
    }
}

static void expire(dozan_grpc_server *server, int64_t now_ms)
{
    server->core->due_ms = INT64_MAX;
    if (server->rest_until_ms > now_ms) {
        dz_grpc_core_note_due(server->core, server->rest_until_ms);
    } else if (server->rest_until_ms != 0 && !server->core->stopping) {
        server->rest_until_ms = 0;
        (void)watch(server, server->listener, &server->listener, EPOLLIN, EPOLL_CTL_MOD);
    }
    for (peer *p = server->peers; p != NULL; p = p->next) {
        if (p->dead)
            continue;
        bool alive = dz_grpc_connection_expire(p->connection, now_ms);
        if (!alive && p->closing) {
            end_peer(p);
            continue;
        }
        if (!alive) {
            p->closing = true;
            dz_grpc_connection_stop(p->connection);
            dz_grpc_core_note_due(server->core, now_ms + LAST_WORDS_MS);
        }
        send_out(p, now_ms);
    }
}

static void begin_stop(dozan_grpc_server *server, int64_t now_ms)
{
    server->core->stopping = true;
    server->stop_by_ms = now_ms + STOP_LIMIT_MS;
    (void)watch(server, server->listener, &server->listener, 0, EPOLL_CTL_MOD);
    for (peer *p = server->peers; p != NULL; p = p->next) {
        if (p->dead)
            continue;
        dz_grpc_connection_stop(p->connection);
        if (p->greeted)
            send_out(p, now_ms);
        else
            end_peer(p);
    }
}

/* Handlers are waited for as long as it takes; peers are not. */
static bool has_stopped(const dozan_grpc_server *server, int64_t now_ms)
{
    if (!server->core->stopping || server->core->handed > 0)
        return false;
    return server->peer_count == 0 || now_ms >= server->stop_by_ms;
}

static int wait_ms(const dozan_grpc_server *server, int64_t now_ms)
{
    int64_t due = server->core->due_ms;
    if (server->core->stopping && server->stop_by_ms < due && server->core->handed == 0)
        due = server->stop_by_ms;
    if (due == INT64_MAX)
        return -1;
    if (due <= now_ms)
        return 0;
    return due - now_ms < INT32_MAX ? (int)(due - now_ms) : INT32_MAX;
}

static int64_t monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
