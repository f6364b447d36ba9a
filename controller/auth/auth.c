#include "auth/auth_users.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_BYTES = 32 };

static const char *const role_names[DZ_ROLE_COUNT] = {
#define ROLE_NAME(name, text) [DZ_ROLE_##name] = (text),
    DZ_ROLES(ROLE_NAME)
#undef ROLE_NAME
};

static bool grants_in(const dz_auth_grant *grant, const char *namespace_);
static void write_hex(const unsigned char *bytes, size_t size, char *text);

const char *dz_role_name(dz_role role)
{
    return role_names[role < DZ_ROLE_COUNT ? role : DZ_ROLE_NONE];
}

size_t dz_auth_user_count(const dz_auth *auth)
{
    return auth->user_count;
}

const char *dz_auth_user_name(const dz_auth_user *user)
{
    return user->name;
}

/* All users are looked at, so that the time does not tell which one it was. */
const dz_auth_user *dz_auth_by_token(const dz_auth *auth, const char *token, size_t size)
{
    unsigned char hash[DZ_AUTH_HASH_BYTES];
    const dz_auth_user *found = NULL;
    if (size == 0 || size > DZ_AUTH_MAX_TOKEN ||
        gnutls_hash_fast(GNUTLS_DIG_SHA256, token, size, hash) < 0)
        return NULL;
    for (size_t i = 0; i < auth->user_count; i++)
        if (auth->users[i].has_token &&
            gnutls_memcmp(auth->users[i].token_hash, hash, sizeof(hash)) == 0)
            found = &auth->users[i];
    return found;
}

const dz_auth_user *dz_auth_by_certificate(const dz_auth *auth, const char *common_name)
{
    for (size_t i = 0; i < auth->user_count; i++)
        if (auth->users[i].certificate != NULL &&
            strcmp(auth->users[i].certificate, common_name) == 0)
            return &auth->users[i];
    return NULL;
}

const char *dz_auth_bearer(const char *header, size_t *size)
{
    static const char scheme[] = "bearer";
    size_t length = sizeof(scheme) - 1;
    if (header == NULL || strncasecmp(header, scheme, length) != 0 || header[length] != ' ')
        return NULL;
    const char *token = header + length;
    token += strspn(token, " ");
    *size = strcspn(token, " ");
    return *size > 0 && token[*size] == '\0' ? token : NULL;
}

static int base64_value(char letter)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    return found != NULL ? (int)(found - letters) : -1;
}

const char *dz_auth_basic(const char *header, char buffer[DZ_AUTH_BASIC], size_t *size)
{
    static const char scheme[] = "basic ";
    size_t made = 0;
    unsigned bits = 0, held = 0;
    if (header == NULL || strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    const char *text = header + sizeof(scheme) - 1;
    text += strspn(text, " ");
    for (; base64_value(*text) >= 0 && made < DZ_AUTH_BASIC - 1; text++) {
        held = (held << 6 | (unsigned)base64_value(*text)) & 0xffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        buffer[made++] = (char)(held >> bits & 0xff);
    }
    buffer[made] = '\0';
    const char *colon = strchr(buffer, ':');
    if (text[strspn(text, "= ")] != '\0' || strlen(buffer) != made || colon == NULL ||
        colon[1] == '\0')
        return NULL;
    *size = strlen(colon + 1);
    return colon + 1;
}

dz_role dz_auth_role(const dz_auth_user *user, const char *namespace_)
{
    dz_role role = DZ_ROLE_NONE;
    for (size_t i = 0; i < user->grant_count; i++)
        if (user->grants[i].role > role && grants_in(&user->grants[i], namespace_))
            role = user->grants[i].role;
    return role;
}

dozan_status dz_auth_new_token(dz_auth_random *random, char token[DZ_AUTH_TOKEN_TEXT],
                               char hash[DZ_AUTH_HASH_TEXT], dozan_error *err)
{
    unsigned char bytes[TOKEN_BYTES], digest[DZ_AUTH_HASH_BYTES];
    dozan_status status = random(bytes, sizeof(bytes), err);
    if (status != DOZAN_OK)
        return status;
    gnutls_datum_t raw = {bytes, sizeof(bytes)}, text = {0};
    if (gnutls_base64_encode2(&raw, &text) < 0 || text.size + 3 >= DZ_AUTH_TOKEN_TEXT)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    memcpy(token, "dz_", 3);
    size_t size = 3;
    for (unsigned i = 0; i < text.size && text.data[i] != '='; i++) {
        char c = (char)text.data[i];
        if (c == '+')
            c = '-';
        else if (c == '/')
            c = '_';
        token[size++] = c;
    }
    token[size] = '\0';
    gnutls_free(text.data);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, token, size, digest) < 0)
        return dozan_error_set(err, DOZAN_INTERNAL, NULL, "SHA-256 is not to be had of GnuTLS");
    write_hex(digest, sizeof(digest), hash);
    return DOZAN_OK;
}

/* ---- helpers */

static bool grants_in(const dz_auth_grant *grant, const char *namespace_)
{
    if (grant->everywhere)
        return true;
    for (size_t i = 0; namespace_ != NULL && i < grant->namespace_count; i++)
        if (strcmp(grant->namespaces[i], namespace_) == 0)
            return true;
    return false;
}

static void write_hex(const unsigned char *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}
