#include "api/access.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Earlier readings are kept: requests under way may hold names of theirs. */
typedef struct reading {
    dz_auth *auth;
    struct reading *before;
} reading;

struct dz_access {
    const char *path;
    pthread_mutex_t lock; /* guards the next one */
    reading *last;
};

dozan_status dz_access_create(const char *path, dz_access **access, dozan_error *err)
{
    dz_access *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    made->path = path;
    (void)pthread_mutex_init(&made->lock, NULL);
    dozan_status status = dz_access_reload(made, err);
    if (status != DOZAN_OK)
        dz_access_destroy(made);
    else
        *access = made;
    return status;
}

void dz_access_destroy(dz_access *access)
{
    if (access == NULL)
        return;
    for (reading *item = access->last, *before; item != NULL; item = before) {
        before = item->before;
        dz_auth_destroy(item->auth);
        free(item);
    }
    (void)pthread_mutex_destroy(&access->lock);
    free(access);
}

dozan_status dz_access_reload(dz_access *access, dozan_error *err)
{
    reading *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    dozan_status status = dz_auth_read(access->path, &item->auth, err);
    if (status != DOZAN_OK) {
        free(item);
        return status;
    }
    (void)pthread_mutex_lock(&access->lock);
    item->before = access->last;
    access->last = item;
    (void)pthread_mutex_unlock(&access->lock);
    return DOZAN_OK;
}

dozan_status dz_access_find(dz_access *access, const char *authorization, const char *certificate,
                            const dz_auth_user **user, dozan_error *err)
{
    char basic[DZ_AUTH_BASIC] = "";
    size_t size = 0;
    (void)pthread_mutex_lock(&access->lock);
    const dz_auth *auth = access->last->auth;
    (void)pthread_mutex_unlock(&access->lock);
    const char *token = authorization != NULL ? dz_auth_bearer(authorization, &size) : NULL;
    if (token == NULL)
        token = dz_auth_basic(authorization, basic, &size);
    const dz_auth_user *found = token != NULL ? dz_auth_by_token(auth, token, size) : NULL;
    explicit_bzero(basic, sizeof(basic));
    if (found == NULL && token == NULL && certificate != NULL)
        found = dz_auth_by_certificate(auth, certificate);
    if (found == NULL)
        return dozan_error_set(err, DOZAN_UNAUTHENTICATED, NULL,
                               token != NULL ? "this token is not known"
                                             : "a bearer token or a client certificate is needed");
    *user = found;
    return DOZAN_OK;
}

dozan_status dz_access_authorize(void *context, dz_http_request *request, dz_role role,
                                 const char *namespace_, const char *certificate, dozan_error *err)
{
    const dz_auth_user *user = NULL;
    dozan_status status =
        dz_access_find(context, dz_http_header(request, "Authorization"), certificate, &user, err);
    if (status != DOZAN_OK)
        return status;
    request->user = dz_auth_user_name(user);
    if (dz_auth_role(user, namespace_) >= role)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_PERMISSION_DENIED, NULL, "user \"%s\" needs the role %s %s%s",
                           request->user, dz_role_name(role),
                           namespace_ != NULL ? "in namespace "
                                              : "for all "
                                                "namespaces",
                           namespace_ != NULL ? namespace_ : "");
}
