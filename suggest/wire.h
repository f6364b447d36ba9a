/*
 * The messages of proto/ to and from plain structs. This is the border where bytes from outside are
 * checked: sizes, counts, enumerators, UTF-8 and required fields. Past it, structs can be trusted
 * to be well-formed (not to be sensible: that is the session's business).
 *
 * Whatever a function hands out lives in the arena that it was given. A message that unpacks to
 * more memory than its size justifies is refused.
 */
#ifndef DZ_WIRE_H
#define DZ_WIRE_H

#include "arena.h"

#include <dozan/message.h>

enum {
    DZ_WIRE_REQUEST_ID = 64,          /* bytes of a request id, at most */
    DZ_WIRE_UID = 256,                /* bytes of an experiment's uid, at most */
    DZ_WIRE_MESSAGE_BYTES = 16 << 20, /* the default limit of a message */
    DZ_WIRE_TRIALS = 65536            /* running trials in one request to judge, at most */
};

#define DZ_METHOD_DESCRIBE "/dozan.v1.Algorithm/Describe"
#define DZ_METHOD_VALIDATE "/dozan.v1.Algorithm/Validate"
#define DZ_METHOD_ASK "/dozan.v1.Algorithm/Ask"
#define DZ_METHOD_JUDGE "/dozan.v1.Algorithm/Judge"
#define DZ_METHOD_RELEASE "/dozan.v1.Algorithm/Release"

typedef struct dz_bytes {
    const void *data;
    size_t size;
} dz_bytes;

/* ---- the envelope --------------------------------------------------------------------------- */

typedef struct dz_request {
    const char *method;
    const char *request_id;
    uint32_t timeout_ms;
    const char *authorization; /* the metadata of that name; NULL = none */
    dz_bytes body;
} dz_request;

typedef struct dz_reply {
    const char *request_id;
    dozan_status code;
    const char *place; /* NULL counts as "" in both */
    const char *message;
    dz_bytes body;
} dz_reply;

/* The packed size, and the packing into room of that size. */
size_t dz_wire_request_size(const dz_request *request);
void dz_wire_pack_request(const dz_request *request, void *out);
size_t dz_wire_reply_size(const dz_reply *reply);
void dz_wire_pack_reply(const dz_reply *reply, void *out);

/* INVALID_ARGUMENT; *request is filled as far as it could be read (request_id is never NULL). */
DOZAN_MUST_USE dozan_status dz_wire_unpack_request(dz_bytes bytes, dz_arena *arena,
                                                   dz_request *request, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_reply(dz_bytes bytes, dz_arena *arena, dz_reply *reply,
                                                 dozan_error *err);

/* ---- the bodies of requests ----------------------------------------------------------------- */

typedef struct dz_ask_request {
    dozan_log_part log;
    int64_t first_trial;
    uint32_t count;
} dz_ask_request;

typedef struct dz_judge_request {
    dozan_log_part log;
    const int64_t *trials;
    size_t trial_count;
} dz_judge_request;

typedef struct dz_validate_request {
    const dozan_experiment *experiment;
    dozan_algorithm_kind kind;
} dz_validate_request;

DOZAN_MUST_USE dozan_status dz_wire_pack_ask(const dz_ask_request *request, dz_arena *arena,
                                             dz_bytes *body, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_ask(dz_bytes body, dz_arena *arena,
                                               dz_ask_request *request, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_wire_pack_judge(const dz_judge_request *request, dz_arena *arena,
                                               dz_bytes *body, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_judge(dz_bytes body, dz_arena *arena,
                                                 dz_judge_request *request, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_wire_pack_validate(const dz_validate_request *request,
                                                  dz_arena *arena, dz_bytes *body,
                                                  dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_validate(dz_bytes body, dz_arena *arena,
                                                    dz_validate_request *request, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_wire_pack_release(const char *uid, dz_arena *arena, dz_bytes *body,
                                                 dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_release(dz_bytes body, dz_arena *arena, const char **uid,
                                                   dozan_error *err);

/* A digest of all that an experiment says: two that differ anywhere differ here. */
uint64_t dz_wire_experiment_digest(const dozan_experiment *experiment);

/* ---- the bodies of replies ------------------------------------------------------------------ */

DOZAN_MUST_USE dozan_status dz_wire_pack_ask_reply(const dozan_ask_reply *reply, dz_arena *arena,
                                                   dz_bytes *body, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_ask_reply(dz_bytes body, dz_arena *arena,
                                                     dozan_ask_reply *reply, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_wire_pack_judge_reply(const dozan_judge_reply *reply,
                                                     dz_arena *arena, dz_bytes *body,
                                                     dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_judge_reply(dz_bytes body, dz_arena *arena,
                                                       dozan_judge_reply *reply, dozan_error *err);

DOZAN_MUST_USE dozan_status dz_wire_pack_describe_reply(const dozan_describe_reply *reply,
                                                        dz_arena *arena, dz_bytes *body,
                                                        dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_describe_reply(dz_bytes body, dz_arena *arena,
                                                          dozan_describe_reply *reply,
                                                          dozan_error *err);

#endif
