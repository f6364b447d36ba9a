/*
 * What the wire_*.c files share: protobuf-c's types stay behind this header.
 */
#ifndef DZ_WIRE_PARTS_H
#define DZ_WIRE_PARTS_H

#include "api.pb-c.h"
#include "dozan.pb-c.h"
#include "rpc.pb-c.h"
#include "wire.h"

/* Unpacks into the arena and checks every text (UTF-8) and enumerator of the tree. NULL with
 * INVALID_ARGUMENT when the bytes are no such message. */
ProtobufCMessage *dz_wire_unpack(const ProtobufCMessageDescriptor *type, dz_bytes bytes,
                                 dz_arena *arena, dozan_error *err);

/* Packs into the arena; RESOURCE_EXHAUSTED when there is no memory. */
DOZAN_MUST_USE dozan_status dz_wire_pack(const ProtobufCMessage *message, dz_arena *arena,
                                         dz_bytes *body, dozan_error *err);

/* The same status everywhere: no memory. */
dozan_status dz_wire_no_memory(dozan_error *err);

/* protobuf-c's structs have no const: packing only reads. NULL becomes "". */
char *dz_wire_text(const char *text);

/* An array of `count` pointers to `count` structs of `size` bytes, both in the arena; NULL when
 * there is no memory or count is 0. */
void *dz_wire_rows(dz_arena *arena, size_t count, size_t size);

/* Pairs both ways; a pair without a name is INVALID_ARGUMENT. */
DOZAN_MUST_USE dozan_status dz_wire_pack_pairs(const dozan_pair *pairs, size_t count,
                                               dz_arena *arena, Dozan__V1__Pair ***packed,
                                               dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_pairs(Dozan__V1__Pair *const *packed, size_t count,
                                                 dz_arena *arena, dozan_pair **pairs,
                                                 dozan_error *err);

DOZAN_MUST_USE dozan_status dz_wire_pack_problem(const dozan_experiment *experiment,
                                                 dz_arena *arena, Dozan__V1__Problem **problem,
                                                 dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_problem(const Dozan__V1__Problem *problem,
                                                   dz_arena *arena,
                                                   const dozan_experiment **experiment,
                                                   dozan_error *err);

/* wire_extras.c: what an experiment has beyond Katib's message. */
DOZAN_MUST_USE dozan_status dz_wire_pack_extras(const dozan_experiment *experiment, dz_arena *arena,
                                                Dozan__V1__Problem *problem, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_extras(const Dozan__V1__Problem *problem,
                                                  dz_arena *arena, dozan_experiment *experiment,
                                                  dozan_error *err);
DOZAN_MUST_USE dozan_status dz_wire_unpack_conditions(const Dozan__V1__Problem *problem,
                                                      dz_arena *arena, dozan_parameter *parameters,
                                                      size_t count, dozan_error *err);
uint64_t dz_wire_extras_digest(uint64_t digest, const dozan_experiment *experiment);

#endif
