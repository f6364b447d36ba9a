#include "loop/draw.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

dozan_status dz_draw(void *bytes, size_t size, dozan_error *err)
{
    ssize_t got = getrandom(bytes, size, 0); /* whole, for up to 256 bytes */
    if (got >= 0 && (size_t)got == size)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "no random bytes: %s",
                           strerrordesc_np(errno));
}

dozan_status dz_draw_uid(char uid[DZ_UUID_TEXT], dozan_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    size_t used = 0;
    dozan_status status = dz_draw(bytes, sizeof(bytes), err);
    if (status != DOZAN_OK)
        return status;
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            uid[used++] = '-';
        uid[used++] = digits[bytes[i] >> 4];
        uid[used++] = digits[bytes[i] & 15];
    }
    uid[used] = '\0';
    return DOZAN_OK;
}

dozan_status dz_draw_suffix(char *text, size_t length, dozan_error *err)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    unsigned char bytes[64];
    size_t used = 0;
    while (used < length) {
        dozan_status status = dz_draw(bytes, sizeof bytes, err);
        if (status != DOZAN_OK)
            return status;
        for (size_t i = 0; i < sizeof bytes && used < length; i++)
            if (bytes[i] < 243) /* nine times 27: so that none is likelier */
                text[used++] = alphabet[bytes[i] % 27];
    }
    text[length] = '\0';
    return DOZAN_OK;
}
