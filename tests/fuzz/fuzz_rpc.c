/*
 * Fuzzes the host from a request's bytes to its reply's, and what the client reads: no input may
 * crash either or leak, and every request gets a reply that can be read and bears its id.
 *
 * An input is a row of frames: one byte for the kind, two for the size (low byte first), and that
 * many bytes. All go to one host, so that calls meet the sessions that earlier ones left. Kinds:
 * 0 a whole request; 1 to 5 the body of an Ask, Judge, Validate, Describe or Release; else the body
 * of a reply, as a client gets it. A batch of more than MOST_ASKED is left out: it only takes time.
 */
#include "rpc_service.h"
#include "table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ASKED = 64, KINDS = 9 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const dozan_algorithm *const algorithms[] = {&dz_random, &dz_grid, &dz_medianstop, NULL};

static void call(dz_rpc_service *service, const void *bytes, size_t size, const char *request_id)
{
    size_t reply_size = 0;
    void *out = dz_host_handle(service, bytes, size, &reply_size);
    dz_arena arena = {0};
    dozan_error err;
    dz_reply reply;
    if (out == NULL)
        abort();
    if (dz_wire_unpack_reply((dz_bytes){out, reply_size}, &arena, &reply, &err) != DOZAN_OK)
        abort();
    if (request_id != NULL && strcmp(reply.request_id, request_id) != 0)
        abort();
    dz_arena_fini(&arena);
    free(out);
}

static void call_method(dz_rpc_service *service, unsigned kind, dz_bytes body)
{
    static const char *const methods[] = {DZ_METHOD_ASK, DZ_METHOD_JUDGE, DZ_METHOD_VALIDATE,
                                          DZ_METHOD_DESCRIBE, DZ_METHOD_RELEASE};
    dz_arena arena = {0};
    dozan_error err;
    dz_ask_request ask;
    dz_request request = {
        .method = methods[kind - 1], .request_id = "id", .authorization = "Bearer t", .body = body};
    bool large = kind == 1 && dz_wire_unpack_ask(body, &arena, &ask, &err) == DOZAN_OK &&
                 ask.count > MOST_ASKED;
    size_t size = dz_wire_request_size(&request);
    void *bytes = dz_arena_alloc(&arena, size);
    if (bytes == NULL)
        abort();
    dz_wire_pack_request(&request, bytes);
    if (!large)
        call(service, bytes, size, "id");
    dz_arena_fini(&arena);
}

static void read_reply(unsigned kind, dz_bytes body)
{
    dz_arena arena = {0};
    dozan_error err;
    dozan_ask_reply ask;
    dozan_judge_reply judge;
    dozan_describe_reply describe;
    dz_bytes again;
    if (kind == KINDS - 3 && dz_wire_unpack_ask_reply(body, &arena, &ask, &err) == DOZAN_OK &&
        dz_wire_pack_ask_reply(&ask, &arena, &again, &err) != DOZAN_OK)
        abort();
    if (kind == KINDS - 2 && dz_wire_unpack_judge_reply(body, &arena, &judge, &err) == DOZAN_OK &&
        dz_wire_pack_judge_reply(&judge, &arena, &again, &err) != DOZAN_OK)
        abort();
    if (kind == KINDS - 1 &&
        dz_wire_unpack_describe_reply(body, &arena, &describe, &err) == DOZAN_OK &&
        dz_wire_pack_describe_reply(&describe, &arena, &again, &err) != DOZAN_OK)
        abort();
    dz_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dz_rpc_service_options options = {
        .algorithms = algorithms, .token = "t", .max_message_bytes = 1 << 20, .max_experiments = 2};
    dz_rpc_service *service = NULL;
    dozan_error err;
    if (dz_rpc_service_create(&options, &service, &err) != DOZAN_OK)
        abort();
    while (size >= 3) {
        unsigned kind = data[0] % KINDS;
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        dz_bytes bytes = {data, length};
        if (kind == 0)
            call(service, data, length, NULL);
        else if (kind <= 5)
            call_method(service, kind, bytes);
        else
            read_reply(kind, bytes);
        data += length;
        size -= length;
    }
    dz_rpc_service_destroy(service);
    return 0;
}
