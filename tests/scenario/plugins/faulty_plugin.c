/*
 * A plugin that misbehaves, for the scenarios. Its program's name says how: "hang", "range", ... of
 * the table below, and with "-once" behind it only the first of its processes does.
 *
 * The good answers come from the kit itself, at an inproc address; every message passes through
 * this program, which spoils the answers where it is told to. The first process answers GOOD_ASKS
 * asks before its fault, so that there are trials to lose; the later ones are faulty from their
 * first ask on, but for those whose row says that each of them begins well. A process is counted by
 * a byte in the file PROGRAM.starts.
 */
#include <dozan/algorithm.h>
#include <dozan/host.h>

#include "dozan.pb-c.h"
#include "rpc.pb-c.h"
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIT_URL "inproc://kit"

enum { GOOD_ASKS = 2, OVERSIZE = 17 << 20, NAME_MAX_BYTES = 64 };

typedef Dozan__Rpc__V1__Reply envelope;
typedef Dozan__V1__AskReply answer;

/* One way to be faulty. The members that are NULL do nothing. */
typedef struct fault {
    const char *name;
    bool begins_well;                   /* every process, and not only the first */
    void (*at_start)(void);             /* instead of listening */
    void (*at_ask)(void);               /* instead of an answer */
    void (*spoil_answer)(answer *);     /* what the algorithm said */
    void (*spoil_envelope)(envelope *); /* what it is packed in */
    nng_msg *(*make_message)(void);     /* other bytes altogether */
    void (*after_ask)(void);            /* once the answer is sent */
} fault;

typedef struct plugin {
    const fault *fault;
    nng_socket outside, kit;
    bool first;  /* of its processes */
    bool faulty; /* this process is to be */
    int asks;
} plugin;

static void wait_for_ever(void);
static void crash(void);
static void leave(void);
static void drop_one(answer *a);
static void leave_range(answer *a);
static void name_another(answer *a);
static void forget(answer *a);
static void spoil_id(envelope *e);
static void cut_body(envelope *e);
static nng_msg *make_garbage(void);
static nng_msg *make_large(void);

static const fault faults[] = {
    {.name = "good"},
    {.name = "silent", .at_start = wait_for_ever, .at_ask = crash},
    {.name = "exits", .at_start = leave, .at_ask = crash},
    {.name = "hang", .at_ask = wait_for_ever},
    {.name = "crash", .at_ask = crash},
    {.name = "crash-often", .begins_well = true, .at_ask = crash},
    {.name = "leaves", .begins_well = true, .after_ask = leave},
    {.name = "few", .spoil_answer = drop_one},
    {.name = "range", .spoil_answer = leave_range},
    {.name = "wrong-name", .spoil_answer = name_another},
    {.name = "other-experiment", .spoil_answer = forget},
    {.name = "other-request", .spoil_envelope = spoil_id},
    {.name = "malformed", .spoil_envelope = cut_body},
    {.name = "garbage", .make_message = make_garbage},
    {.name = "large", .make_message = make_large},
};

static bool find_fault(const char *program, plugin *p);
static int count_start(const char *program);
static void check(int number, const char *what);
static void serve(plugin *p);
static bool is_ask(nng_msg *request);
static nng_msg *spoil(const fault *how, nng_msg *reply);
static void replace(char **text, const char *by);

static dozan_status ask(const void *self, const dozan_problem *problem, const dozan_ask *request,
                        dozan_answer *to, dozan_error *err)
{
    dozan_rng rng = dozan_rng_stream(problem->seed, "faulty", (uint64_t)request->trial);
    (void)self;
    (void)err;
    dozan_random_point(problem->space, &rng, to->point);
    return DOZAN_OK;
}

int main(int argc, char **argv)
{
    static const dozan_algorithm faulty = {.abi = DOZAN_ALGORITHM_ABI,
                                           .name = "faulty",
                                           .kind = DOZAN_KIND_SEARCH,
                                           .summary = "Random search that misbehaves.",
                                           .reference = "none",
                                           .limits = "for tests alone",
                                           .ask = ask};
    static const dozan_algorithm *const algorithms[] = {&faulty, NULL};
    const dozan_host_options options = {.workers = 1};
    dozan_host *host = NULL;
    dozan_error err = {0};
    plugin p = {0};
    if (argc != 3 || strcmp(argv[1], "--listen") != 0 || !find_fault(argv[0], &p)) {
        (void)fprintf(stderr, "usage: FAULT[-once] --listen URL, as a link to this program\n");
        return 2;
    }
    if (p.faulty && !p.first && p.fault->at_start != NULL)
        p.fault->at_start();
    if (dozan_host_create(KIT_URL, algorithms, &options, &host, &err) != DOZAN_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    check(nng_rep0_open(&p.outside), "rep");
    check(nng_req0_open(&p.kit), "req");
    check(nng_dial(p.kit, KIT_URL, NULL, 0), KIT_URL);
    check(nng_listen(p.outside, argv[2], NULL, 0), argv[2]);
    for (;;)
        serve(&p);
}

/* ---- the ways to be faulty ---- */

static void wait_for_ever(void)
{
    for (;;)
        (void)pause();
}

static void crash(void)
{
    (void)fprintf(stderr, "the faulty plugin crashes, as it is told to\n");
    abort();
}

static void leave(void)
{
    (void)fprintf(stderr, "the faulty plugin leaves, as it is told to\n");
    _exit(3);
}

static void drop_one(answer *a)
{
    if (a->n_suggestions > 0)
        dozan__v1__suggestion_item__free_unpacked(a->suggestions[--a->n_suggestions], NULL);
}

static void leave_range(answer *a)
{
    if (a->n_suggestions > 0)
        replace(&a->suggestions[0]->assignments[0]->value, "1e9");
}

static void name_another(answer *a)
{
    if (a->n_suggestions > 0)
        replace(&a->suggestions[0]->assignments[0]->name, "no-such-parameter");
}

/* It holds on to another experiment, and does not know this one whatever it is told. */
static void forget(answer *a)
{
    a->stale = 1;
    a->unknown_experiment = 1;
    a->applied_seq = 0;
}

static void spoil_id(envelope *e)
{
    replace(&e->request_id, "of-another-request");
}

static void cut_body(envelope *e)
{
    e->body.len -= e->body.len > 0;
}

static nng_msg *make_garbage(void)
{
    nng_msg *message = NULL;
    check(nng_msg_alloc(&message, 64), "message");
    memset(nng_msg_body(message), 0xff, 64);
    return message;
}

static nng_msg *make_large(void)
{
    nng_msg *message = NULL;
    check(nng_msg_alloc(&message, OVERSIZE), "message");
    memset(nng_msg_body(message), 0, OVERSIZE);
    return message;
}

/* ---- the messages' way ---- */

static bool find_fault(const char *program, plugin *p)
{
    static const char once[] = "-once";
    const char *slash = strrchr(program, '/');
    char name[NAME_MAX_BYTES];
    (void)snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : program);
    size_t size = strlen(name), tail = sizeof(once) - 1;
    bool only_first = size > tail && strcmp(name + size - tail, once) == 0;
    if (only_first)
        name[size - tail] = '\0';
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (strcmp(faults[i].name, name) == 0)
            p->fault = &faults[i];
    if (p->fault == NULL)
        return false;
    p->first = count_start(program) == 1;
    p->faulty = p->first || !only_first;
    return true;
}

static int count_start(const char *program)
{
    char path[4096];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s.starts", program);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || write(file, "x", 1) != 1 || fstat(file, &info) != 0) {
        perror(path);
        exit(1); /* NOLINT(concurrency-mt-unsafe) */
    }
    (void)close(file);
    return (int)info.st_size;
}

static void check(int number, const char *what)
{
    if (number == 0)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, nng_strerror(number));
    exit(1); /* NOLINT(concurrency-mt-unsafe) */
}

/* One call: to the kit and back, or what the fault makes of it. */
static void serve(plugin *p)
{
    nng_msg *message = NULL;
    check(nng_recvmsg(p->outside, &message, 0), "receive");
    bool asked = is_ask(message);
    p->asks += asked;
    bool well = p->first || p->fault->begins_well;
    bool now = asked && p->faulty && (!well || p->asks > GOOD_ASKS);
    if (now && p->fault->at_ask != NULL)
        p->fault->at_ask();
    check(nng_sendmsg(p->kit, message, 0), "ask the kit");
    check(nng_recvmsg(p->kit, &message, 0), "the kit's answer");
    if (now)
        message = spoil(p->fault, message);
    check(nng_sendmsg(p->outside, message, 0), "answer");
    if (now && p->fault->after_ask != NULL)
        p->fault->after_ask();
}

static bool is_ask(nng_msg *request)
{
    Dozan__Rpc__V1__Request *call =
        dozan__rpc__v1__request__unpack(NULL, nng_msg_len(request), nng_msg_body(request));
    bool yes = call != NULL && strcmp(call->method, "/dozan.v1.Algorithm/Ask") == 0;
    dozan__rpc__v1__request__free_unpacked(call, NULL);
    return yes;
}

static nng_msg *spoil(const fault *how, nng_msg *reply)
{
    nng_msg *message = NULL;
    if (how->make_message != NULL) {
        nng_msg_free(reply);
        return how->make_message();
    }
    envelope *e = dozan__rpc__v1__reply__unpack(NULL, nng_msg_len(reply), nng_msg_body(reply));
    answer *a = e != NULL ? dozan__v1__ask_reply__unpack(NULL, e->body.len, e->body.data) : NULL;
    if (a == NULL)
        check(NNG_EPROTO, "the kit's answer");
    if (how->spoil_answer != NULL)
        how->spoil_answer(a);
    free(e->body.data);
    e->body.len = dozan__v1__ask_reply__get_packed_size(a);
    e->body.data = malloc(e->body.len + 1);
    if (e->body.data == NULL)
        check(NNG_ENOMEM, "answer");
    (void)dozan__v1__ask_reply__pack(a, e->body.data);
    if (how->spoil_envelope != NULL)
        how->spoil_envelope(e);
    check(nng_msg_alloc(&message, dozan__rpc__v1__reply__get_packed_size(e)), "message");
    (void)dozan__rpc__v1__reply__pack(e, nng_msg_body(message));
    dozan__v1__ask_reply__free_unpacked(a, NULL);
    dozan__rpc__v1__reply__free_unpacked(e, NULL);
    nng_msg_free(reply);
    return message;
}

static void replace(char **text, const char *by)
{
    char *copy = strdup(by);
    if (copy == NULL)
        check(NNG_ENOMEM, by);
    free(*text);
    *text = copy;
}
