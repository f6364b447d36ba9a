/*
 * Who asks, and what they may do: users with bearer tokens or client certificates, and their roles
 * by namespace. HTTP, gRPC and nng ask the same functions.
 *
 * The file, which `dozan serve --auth FILE` reads at its start and again on SIGHUP:
 *
 *   users:
 *     - name: alice
 *       tokenSha256: 9f86d081...          # `dozan token` prints a token and this line for it
 *       certificate: alice.example.org    # the common name of her client certificate
 *       grants:
 *         - {role: editor, namespaces: [vision, speech]}
 *         - {role: viewer}                # without namespaces: in all of them, and what belongs to
 * none
 *
 * It holds no secret: a token has 256 random bits, and its hash tells nothing about it. Whoever can
 * write the file gives out roles, so a file that others than its owner and group may write is
 * refused.
 *
 * A loaded set of users never changes; a new reading makes a new one. A look-up takes time
 * proportional to the number of users (at most DZ_AUTH_MAX_USERS) and compares hashes in constant
 * time.
 */
#ifndef DZ_AUTH_AUTH_H
#define DZ_AUTH_AUTH_H

#include <dozan/status.h>
#include <stdint.h>

enum {
    DZ_AUTH_MAX_USERS = 1000,
    DZ_AUTH_MAX_GRANTS = 100,     /* of one user */
    DZ_AUTH_MAX_NAMESPACES = 100, /* of one grant */
    DZ_AUTH_MAX_TOKEN = 512,      /* bytes of a token that is looked at at all */
    DZ_AUTH_HASH_TEXT = 65,       /* a SHA-256 in hexadecimal, with its 0 */
    DZ_AUTH_TOKEN_TEXT = 48       /* a new token, with its 0 */
};

/* Each role may what the ones before it may.
 *   VIEWER  reads
 *   EDITOR  creates, changes, stops and deletes experiments and trials, and reports their metrics
 *   ADMIN   also what belongs to the service: namespaces, its configuration, and /metrics */
#define DZ_ROLES(X)                                                                                \
    X(NONE, "none")                                                                                \
    X(VIEWER, "viewer")                                                                            \
    X(EDITOR, "editor")                                                                            \
    X(ADMIN, "admin")

typedef enum dz_role {
#define DZ_ROLE_ENUM(name, text) DZ_ROLE_##name,
    DZ_ROLES(DZ_ROLE_ENUM)
#undef DZ_ROLE_ENUM
        DZ_ROLE_COUNT
} dz_role;

const char *dz_role_name(dz_role role);

typedef struct dz_auth dz_auth;
typedef struct dz_auth_user dz_auth_user;

/* Reads the file. INVALID_ARGUMENT with err->place "FILE:line: path" for what is wrong in it, two
 * users of one name, token or certificate among it; PERMISSION_DENIED when others may write it;
 * NOT_FOUND when it cannot be read. */
DOZAN_MUST_USE dozan_status dz_auth_read(const char *path, dz_auth **auth, dozan_error *err);

/* The same from text; `name` is what to call it in messages. */
DOZAN_MUST_USE dozan_status dz_auth_parse(const char *text, size_t size, const char *name,
                                          dz_auth **auth, dozan_error *err);
void dz_auth_destroy(dz_auth *auth);
size_t dz_auth_user_count(const dz_auth *auth);

/* Whose token or certificate this is, or NULL. Borrowed from `auth`. */
const dz_auth_user *dz_auth_by_token(const dz_auth *auth, const char *token, size_t size);
const dz_auth_user *dz_auth_by_certificate(const dz_auth *auth, const char *common_name);

/* The token in the value of an Authorization header ("Bearer TOKEN", the scheme in any case), or
 * NULL; *size is its length. Borrowed from `header`. */
const char *dz_auth_bearer(const char *header, size_t *size);

/* The token in "Basic BASE64(NAME:TOKEN)", in `buffer`: some clients know nothing else. NULL when
 * it is none. */
enum { DZ_AUTH_BASIC = 512 };
const char *dz_auth_basic(const char *header, char buffer[DZ_AUTH_BASIC], size_t *size);

const char *dz_auth_user_name(const dz_auth_user *user);

/* The highest role that a user has in a namespace. NULL asks for what belongs to none, or to all at
 * once: only grants without namespaces count then. */
dz_role dz_auth_role(const dz_auth_user *user, const char *namespace_);

/* A new token (256 bits from `random`, URL-safe base64 behind "dz_") and its hash in hexadecimal.
 * `random` fills `size` bytes. */
typedef dozan_status dz_auth_random(void *bytes, size_t size, dozan_error *err);
DOZAN_MUST_USE dozan_status dz_auth_new_token(dz_auth_random *random,
                                              char token[DZ_AUTH_TOKEN_TEXT],
                                              char hash[DZ_AUTH_HASH_TEXT], dozan_error *err);

#endif
