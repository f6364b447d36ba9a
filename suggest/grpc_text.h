/*
 * The little texts of gRPC over HTTP/2: time-outs, messages in trailers, and the five bytes before
 * a message.
 */
#ifndef DZ_GRPC_TEXT_H
#define DZ_GRPC_TEXT_H

#include <dozan/status.h>

#include <stdint.h>

enum {
    DZ_GRPC_PREFIX = 5,        /* bytes: a flag for compression, and the size, high byte first */
    DZ_GRPC_TIMEOUT_TEXT = 16, /* room of a time-out's text */
    DZ_GRPC_MESSAGE_TEXT = 3 * 1024 /* room of an encoded message; a longer one is cut */
};

/* "grpc-timeout": 1 to 8 digits and a unit of HMSmun. Rounded up to milliseconds. */
bool dz_grpc_timeout_parse(const char *text, int64_t *timeout_ms);
void dz_grpc_timeout_text(uint32_t timeout_ms, char text[DZ_GRPC_TIMEOUT_TEXT]);

/* "grpc-message": all but printable ASCII, and '%', as %XX. A broken escape decodes to itself, and
 * what does not fit is left out. */
void dz_grpc_message_encode(const char *message, char text[DZ_GRPC_MESSAGE_TEXT]);
void dz_grpc_message_decode(const char *text, size_t text_size, char *message, size_t room);

/* The prefix of a message that is not compressed, and what a prefix says. */
void dz_grpc_prefix_write(size_t size, uint8_t prefix[DZ_GRPC_PREFIX]);
size_t dz_grpc_prefix_size(const uint8_t prefix[DZ_GRPC_PREFIX]);

#endif
