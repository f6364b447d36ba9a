/*
 * The users as they lie in memory: what auth_read.c makes and auth.c looks at.
 */
#ifndef DZ_AUTH_AUTH_USERS_H
#define DZ_AUTH_AUTH_USERS_H

#include "auth/auth.h"

enum { DZ_AUTH_HASH_BYTES = 32 };

typedef struct dz_auth_grant {
    dz_role role;
    bool everywhere;   /* no namespaces were given */
    char **namespaces; /* [namespace_count]; owned */
    size_t namespace_count;
} dz_auth_grant;

struct dz_auth_user {
    char *name;        /* owned */
    char *certificate; /* owned; NULL = none */
    bool has_token;
    unsigned char token_hash[DZ_AUTH_HASH_BYTES];
    dz_auth_grant *grants; /* [grant_count]; owned */
    size_t grant_count;
};

struct dz_auth {
    dz_auth_user *users; /* [user_count]; owned */
    size_t user_count;
};

#endif
