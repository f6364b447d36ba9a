/*
 * As gRPC's "PROTOCOL-HTTP2" document writes them.
 */
#include "grpc_text.h"

#include <stdio.h>
#include <string.h>

enum { TIMEOUT_DIGITS = 8 };

static int hex_value(char c);

bool dz_grpc_timeout_parse(const char *text, int64_t *timeout_ms)
{
    static const struct {
        char unit;
        int64_t times; /* milliseconds of one, or */
        int64_t parts; /* how many of them are one */
    } units[] = {{'H', 3600000, 1}, {'M', 60000, 1}, {'S', 1000, 1},
                 {'m', 1, 1},       {'u', 1, 1000},  {'n', 1, 1000000}};
    int64_t value = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9'; digits++) {
        if (digits == TIMEOUT_DIGITS)
            return false;
        value = value * 10 + (text[digits] - '0');
    }
    if (digits == 0 || text[digits] == '\0' || text[digits + 1] != '\0')
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit != text[digits])
            continue;
        *timeout_ms = (value * units[i].times + units[i].parts - 1) / units[i].parts;
        return true;
    }
    return false;
}

void dz_grpc_timeout_text(uint32_t timeout_ms, char text[DZ_GRPC_TIMEOUT_TEXT])
{
    if (timeout_ms < 100000000)
        (void)snprintf(text, DZ_GRPC_TIMEOUT_TEXT, "%um", timeout_ms);
    else
        (void)snprintf(text, DZ_GRPC_TIMEOUT_TEXT, "%uS", timeout_ms / 1000);
}

void dz_grpc_message_encode(const char *message, char text[DZ_GRPC_MESSAGE_TEXT])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t size = 0;
    for (const char *at = message; *at != '\0' && size + 4 <= DZ_GRPC_MESSAGE_TEXT; at++) {
        unsigned char c = (unsigned char)*at;
        if (c >= 0x20 && c < 0x7f && c != '%') {
            text[size++] = *at;
            continue;
        }
        text[size++] = '%';
        text[size++] = digits[c >> 4];
        text[size++] = digits[c & 15];
    }
    text[size] = '\0';
}

void dz_grpc_message_decode(const char *text, size_t text_size, char *message, size_t room)
{
    size_t size = 0;
    for (size_t i = 0; i < text_size && size + 1 < room; i++) {
        int high = i + 2 < text_size && text[i] == '%' ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        char c = text[i];
        if (low >= 0) {
            c = (char)(unsigned char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            c = ' ';
        message[size++] = c;
    }
    message[size] = '\0';
}

void dz_grpc_prefix_write(size_t size, uint8_t prefix[DZ_GRPC_PREFIX])
{
    prefix[0] = 0;
    for (int i = 0; i < 4; i++)
        prefix[1 + i] = (uint8_t)(size >> (24 - 8 * i));
}

size_t dz_grpc_prefix_size(const uint8_t prefix[DZ_GRPC_PREFIX])
{
    size_t size = 0;
    for (int i = 1; i < DZ_GRPC_PREFIX; i++)
        size = size << 8 | prefix[i];
    return size;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
