/*
 * The ground of the wire: bounded unpacking, the check of a whole message tree by its descriptor,
 * and the envelope.
 *
 * protobuf-c checks neither UTF-8 nor enumerators, and allocates as much as a message asks for
 * (two bytes on the wire can stand for a struct of a hundred). So it gets an allocator that draws
 * from the caller's arena and stops at a multiple of the message's size.
 */
#include "wire_parts.h"

#include <string.h>

enum {
    UNPACK_FACTOR = 32,
    UNPACK_FLOOR = 64 * 1024,
    CHUNK_FACTOR = 4, /* what messages of short texts usually unpack to */
    CHUNK_MOST = 64 * 1024,
    METADATA_MAX = 32,
    METHOD_MAX = 128
};

/* Where a message is unpacked to: pieces are cut from chunks, as most have a few bytes. */
typedef struct unpack_room {
    dz_arena *arena;
    size_t left;  /* that may still be taken */
    size_t chunk; /* bytes of the next chunk */
    char *free;   /* in the current chunk */
    size_t free_bytes;
} unpack_room;

static void *room_alloc(void *data, size_t size);
static void room_free(void *data, void *pointer);
static bool check_tree(const ProtobufCMessage *message, dozan_error *err);
static bool check_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        dozan_error *err);
static bool check_value(const ProtobufCFieldDescriptor *field, const void *value, dozan_error *err);
static bool is_utf8(const char *text);
static void fill_request(const dz_request *request, Dozan__Rpc__V1__Request *packed,
                         Dozan__Rpc__V1__Metadata *metadata);
static void fill_reply(const dz_reply *reply, Dozan__Rpc__V1__Reply *packed);
static ProtobufCBinaryData binary(dz_bytes bytes);

size_t dz_wire_request_size(const dz_request *request)
{
    Dozan__Rpc__V1__Request packed;
    dozan__rpc__v1__request__init(&packed);
    Dozan__Rpc__V1__Metadata metadata;
    dozan__rpc__v1__metadata__init(&metadata);
    Dozan__Rpc__V1__Metadata *rows[] = {&metadata};
    packed.metadata = rows;
    fill_request(request, &packed, &metadata);
    return dozan__rpc__v1__request__get_packed_size(&packed);
}

void dz_wire_pack_request(const dz_request *request, void *out)
{
    Dozan__Rpc__V1__Request packed;
    dozan__rpc__v1__request__init(&packed);
    Dozan__Rpc__V1__Metadata metadata;
    dozan__rpc__v1__metadata__init(&metadata);
    Dozan__Rpc__V1__Metadata *rows[] = {&metadata};
    packed.metadata = rows;
    fill_request(request, &packed, &metadata);
    (void)dozan__rpc__v1__request__pack(&packed, out);
}

size_t dz_wire_reply_size(const dz_reply *reply)
{
    Dozan__Rpc__V1__Reply packed;
    dozan__rpc__v1__reply__init(&packed);
    fill_reply(reply, &packed);
    return dozan__rpc__v1__reply__get_packed_size(&packed);
}

void dz_wire_pack_reply(const dz_reply *reply, void *out)
{
    Dozan__Rpc__V1__Reply packed;
    dozan__rpc__v1__reply__init(&packed);
    fill_reply(reply, &packed);
    (void)dozan__rpc__v1__reply__pack(&packed, out);
}

dozan_status dz_wire_unpack_request(dz_bytes bytes, dz_arena *arena, dz_request *request,
                                    dozan_error *err)
{
    *request = (dz_request){.method = "", .request_id = ""};
    const Dozan__Rpc__V1__Request *packed = (const Dozan__Rpc__V1__Request *)dz_wire_unpack(
        &dozan__rpc__v1__request__descriptor, bytes, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    size_t id_size = strlen(packed->request_id);
    if (id_size == 0 || id_size > DZ_WIRE_REQUEST_ID)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "request_id",
                               "has %zu bytes: must have 1 to %d", id_size, DZ_WIRE_REQUEST_ID);
    request->request_id = packed->request_id;
    if (packed->n_metadata > METADATA_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "metadata",
                               "%zu entries are more than %d", packed->n_metadata, METADATA_MAX);
    if (packed->method[0] == '\0' || strlen(packed->method) > METHOD_MAX)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, "method", "must have 1 to %d bytes",
                               METHOD_MAX);
    request->method = packed->method;
    request->timeout_ms = packed->timeout_ms;
    for (size_t i = 0; i < packed->n_metadata; i++) {
        if (strcmp(packed->metadata[i]->key, "authorization") == 0)
            request->authorization = packed->metadata[i]->value;
    }
    request->body = (dz_bytes){packed->body.data, packed->body.len};
    return DOZAN_OK;
}

dozan_status dz_wire_unpack_reply(dz_bytes bytes, dz_arena *arena, dz_reply *reply,
                                  dozan_error *err)
{
    const Dozan__Rpc__V1__Reply *packed = (const Dozan__Rpc__V1__Reply *)dz_wire_unpack(
        &dozan__rpc__v1__reply__descriptor, bytes, arena, err);
    if (packed == NULL)
        return DOZAN_INVALID_ARGUMENT;
    bool known = packed->code <= (uint32_t)DOZAN_UNAUTHENTICATED;
    *reply = (dz_reply){.request_id = packed->request_id,
                        .code = known ? (dozan_status)packed->code : DOZAN_UNKNOWN,
                        .place = packed->place,
                        .message = packed->message,
                        .body = {packed->body.data, packed->body.len}};
    return DOZAN_OK;
}

ProtobufCMessage *dz_wire_unpack(const ProtobufCMessageDescriptor *type, dz_bytes bytes,
                                 dz_arena *arena, dozan_error *err)
{
    unpack_room room = {.arena = arena, .left = UNPACK_FLOOR, .chunk = CHUNK_MOST};
    if (bytes.size < CHUNK_MOST / CHUNK_FACTOR)
        room.chunk = 512 + CHUNK_FACTOR * bytes.size;
    size_t more = 0;
    if (__builtin_mul_overflow(bytes.size, (size_t)UNPACK_FACTOR, &more) ||
        __builtin_add_overflow(room.left, more, &room.left))
        room.left = SIZE_MAX;
    ProtobufCAllocator allocator = {room_alloc, room_free, &room};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes.size, bytes.data);
    if (message == NULL) {
        (void)dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                              "%zu bytes are not a whole %s message, or unpack to too much",
                              bytes.size, type->name);
        return NULL;
    }
    return check_tree(message, err) ? message : NULL;
}

dozan_status dz_wire_pack(const ProtobufCMessage *message, dz_arena *arena, dz_bytes *body,
                          dozan_error *err)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *out = dz_arena_alloc(arena, size);
    if (out == NULL)
        return dz_wire_no_memory(err);
    *body = (dz_bytes){out, protobuf_c_message_pack(message, out)};
    return DOZAN_OK;
}

dozan_status dz_wire_no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "no memory for a message");
}

char *dz_wire_text(const char *text)
{
    return (char *)(uintptr_t)(text != NULL ? text : protobuf_c_empty_string);
}

void *dz_wire_rows(dz_arena *arena, size_t count, size_t size)
{
    if (count == 0)
        return NULL;
    void **rows = dz_arena_array(arena, count, sizeof(*rows));
    char *structs = dz_arena_array(arena, count, size);
    if (rows == NULL || structs == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        rows[i] = structs + i * size;
    return rows;
}

dozan_status dz_wire_pack_pairs(const dozan_pair *pairs, size_t count, dz_arena *arena,
                                Dozan__V1__Pair ***packed, dozan_error *err)
{
    Dozan__V1__Pair **rows = dz_wire_rows(arena, count, sizeof(**rows));
    if (rows == NULL && count > 0)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        dozan__v1__pair__init(rows[i]);
        rows[i]->name = dz_wire_text(pairs[i].name);
        rows[i]->value = dz_wire_text(pairs[i].value);
    }
    *packed = rows;
    return DOZAN_OK;
}

dozan_status dz_wire_unpack_pairs(Dozan__V1__Pair *const *packed, size_t count, dz_arena *arena,
                                  dozan_pair **pairs, dozan_error *err)
{
    *pairs = NULL;
    if (count == 0)
        return DOZAN_OK;
    dozan_pair *rows = dz_arena_array(arena, count, sizeof(*rows));
    if (rows == NULL)
        return dz_wire_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (packed[i]->name[0] == '\0')
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "name %zu of %zu is empty",
                                   i + 1, count);
        rows[i] = (dozan_pair){packed[i]->name, packed[i]->value};
    }
    *pairs = rows;
    return DOZAN_OK;
}

/* ---- the allocator -------------------------------------------------------------------------- */

static void *room_alloc(void *data, size_t size)
{
    unpack_room *room = data;
    if (size > room->left)
        return NULL;
    room->left -= size;
    size = (size + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
    if (size > room->chunk / 4)
        return dz_arena_alloc(room->arena, size);
    if (size > room->free_bytes) {
        room->free = dz_arena_alloc(room->arena, room->chunk);
        if (room->free == NULL)
            return NULL;
        room->free_bytes = room->chunk;
    }
    void *piece = room->free;
    room->free += size;
    room->free_bytes -= size;
    return piece;
}

/* The arena's owner frees. */
static void room_free(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

/* ---- the check of a tree -------------------------------------------------------------------- */

static bool check_tree(const ProtobufCMessage *message, dozan_error *err)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool checked = field->type == PROTOBUF_C_TYPE_STRING ||
                       field->type == PROTOBUF_C_TYPE_MESSAGE ||
                       field->type == PROTOBUF_C_TYPE_ENUM;
        if (checked && !check_field(message, field, err))
            return false;
    }
    return true;
}

static bool check_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        dozan_error *err)
{
    const char *base = (const char *)message;
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return check_value(field, base + field->offset, err);
    size_t count = 0;
    const char *values = NULL;
    memcpy(&count, base + field->quantifier_offset, sizeof(count));
    memcpy(&values, base + field->offset, sizeof(values));
    size_t stride = field->type == PROTOBUF_C_TYPE_ENUM ? sizeof(int) : sizeof(void *);
    for (size_t i = 0; i < count; i++) {
        if (!check_value(field, values + i * stride, err))
            return false;
    }
    return true;
}

static bool check_value(const ProtobufCFieldDescriptor *field, const void *value, dozan_error *err)
{
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        int number = 0;
        memcpy(&number, value, sizeof(number));
        if (protobuf_c_enum_descriptor_get_value(field->descriptor, number) != NULL)
            return true;
        (void)dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field->name,
                              "%d is not a known value of this field", number);
        return false;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *message = NULL;
        memcpy(&message, value,
               sizeof(message)); /* NOLINT(bugprone-sizeof-expression): the pointer is meant */
        return message == NULL || check_tree(message, err);
    }
    const char *text = NULL;
    memcpy(&text, value, sizeof(text));
    if (text == NULL || is_utf8(text))
        return true;
    (void)dozan_error_set(err, DOZAN_INVALID_ARGUMENT, field->name, "the text is not UTF-8");
    return false;
}

/* RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    for (;;) {
        while (*s - 1u < 0x7F)
            s++;
        if (*s == 0)
            return true;
        unsigned lead = *s++;
        int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4)
            return false;
        unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        for (; more > 0; more--, s++, low = 0x80, high = 0xBF) {
            if (*s < low || *s > high)
                return false;
        }
    }
}

/* ---- the envelope --------------------------------------------------------------------------- */

static void fill_request(const dz_request *request, Dozan__Rpc__V1__Request *packed,
                         Dozan__Rpc__V1__Metadata *metadata)
{
    packed->method = dz_wire_text(request->method);
    packed->request_id = dz_wire_text(request->request_id);
    packed->timeout_ms = request->timeout_ms;
    packed->body = binary(request->body);
    /* the only metadata that is sent */
    metadata->key = dz_wire_text("authorization");
    metadata->value = dz_wire_text(request->authorization);
    packed->n_metadata = request->authorization != NULL ? 1 : 0;
}

static void fill_reply(const dz_reply *reply, Dozan__Rpc__V1__Reply *packed)
{
    packed->request_id = dz_wire_text(reply->request_id);
    packed->code = (uint32_t)reply->code;
    packed->place = dz_wire_text(reply->place);
    packed->message = dz_wire_text(reply->message);
    packed->body = binary(reply->body);
}

static ProtobufCBinaryData binary(dz_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}
