#include "kubernetes/client_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { TOKEN_FILE_MS = 60000, EXPIRY_MARGIN_MS = 60000, MIN_RENEW_MS = 5000 };

static bool hide(int *file, char **path, const char *text);
static dozan_status set_bearer(cluster_credentials *credentials, const char *token,
                               dozan_error *err);
static dozan_status renew_from_program(cluster_credentials *credentials, dozan_error *err);
static int64_t wall_ms(void);

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL,
                           "out of memory for the credentials of the cluster");
}

dozan_status cluster_credentials_init(cluster_credentials *credentials,
                                      const dz_cluster_access *access, dozan_error *err)
{
    *credentials =
        (cluster_credentials){.access = access, .files = {-1, -1, -1}, .renew_ms = INT64_MAX};
    if (!hide(&credentials->files[0], &credentials->authorities, access->authorities) ||
        !hide(&credentials->files[1], &credentials->certificate, access->certificate) ||
        !hide(&credentials->files[2], &credentials->key, access->key))
        return no_memory(err);
    if (access->username != NULL && access->password != NULL &&
        asprintf(&credentials->userpwd, "%s:%s", access->username, access->password) < 0) {
        credentials->userpwd = NULL;
        return no_memory(err);
    }
    if (cluster_credentials_can_renew(credentials))
        return cluster_credentials_renew(credentials, err);
    return access->token != NULL ? set_bearer(credentials, access->token, err) : DOZAN_OK;
}

static void drop(int *file, char **path)
{
    if (*file >= 0)
        (void)close(*file);
    *file = -1;
    free(*path);
    *path = NULL;
}

void cluster_credentials_fini(cluster_credentials *credentials)
{
    drop(&credentials->files[0], &credentials->authorities);
    drop(&credentials->files[1], &credentials->certificate);
    drop(&credentials->files[2], &credentials->key);
    dz_cluster_forget(credentials->bearer);
    dz_cluster_forget(credentials->userpwd);
    credentials->bearer = credentials->userpwd = NULL;
}

bool cluster_credentials_can_renew(const cluster_credentials *credentials)
{
    return credentials->access != NULL &&
           (credentials->access->token_file != NULL || credentials->access->exec.argv != NULL);
}

dozan_status cluster_credentials_renew(cluster_credentials *credentials, dozan_error *err)
{
    const dz_cluster_access *access = credentials->access;
    char *token = NULL;
    if (access->exec.argv != NULL)
        return renew_from_program(credentials, err);
    credentials->renew_ms = dz_cluster_now_ms() + TOKEN_FILE_MS;
    dozan_status status = dz_cluster_read_file(access->token_file, &token, err);
    if (status == DOZAN_OK)
        status = set_bearer(credentials, token, err);
    dz_cluster_forget(token);
    return status;
}

bool cluster_credentials_apply(const cluster_credentials *credentials, CURL *handle)
{
    bool ok =
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    if (credentials->authorities != NULL) {
        ok = ok && curl_easy_setopt(handle, CURLOPT_CAINFO, credentials->authorities) == CURLE_OK;
        ok = ok && curl_easy_setopt(handle, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    if (credentials->certificate != NULL) {
        ok = ok && curl_easy_setopt(handle, CURLOPT_SSLCERT, credentials->certificate) == CURLE_OK;
        ok = ok && curl_easy_setopt(handle, CURLOPT_SSLKEY, credentials->key) == CURLE_OK;
    }
    if (credentials->userpwd != NULL)
        ok = ok && curl_easy_setopt(handle, CURLOPT_USERPWD, credentials->userpwd) == CURLE_OK;
    if (credentials->access->proxy != NULL)
        ok = ok && curl_easy_setopt(handle, CURLOPT_PROXY, credentials->access->proxy) == CURLE_OK;
    return ok;
}

/* A file in memory, whose path says nothing of what is in it. */
static bool hide(int *file, char **path, const char *text)
{
    drop(file, path);
    if (text == NULL)
        return true;
    size_t size = strlen(text);
    *file = memfd_create("dozan-credential", MFD_CLOEXEC);
    if (*file < 0 || write(*file, text, size) != (ssize_t)size ||
        asprintf(path, "/proc/self/fd/%d", *file) < 0) {
        *path = NULL;
        return false;
    }
    return true;
}

/* The token's own line break, and what is behind it, would end the header. */
static dozan_status set_bearer(cluster_credentials *credentials, const char *token,
                               dozan_error *err)
{
    char *made = NULL;
    int size = (int)strcspn(token, " \t\r\n");
    if (size == 0)
        return dozan_error_set(err, DOZAN_UNAUTHENTICATED, NULL, "the cluster's token is empty");
    if (asprintf(&made, "Authorization: Bearer %.*s", size, token) < 0)
        return no_memory(err);
    dz_cluster_forget(credentials->bearer);
    credentials->bearer = made;
    return DOZAN_OK;
}

static dozan_status renew_from_program(cluster_credentials *credentials, dozan_error *err)
{
    dz_cluster_credential got = {0};
    int64_t now = dz_cluster_now_ms();
    credentials->renew_ms = now + MIN_RENEW_MS; /* a program that fails is not called in a loop */
    dozan_status status = dz_cluster_exec_run(&credentials->access->exec, &got, err);
    if (status != DOZAN_OK)
        return status;
    credentials->renew_ms = INT64_MAX;
    if (got.expires_ms > 0) {
        int64_t left = got.expires_ms - wall_ms() - EXPIRY_MARGIN_MS;
        credentials->renew_ms = now + (left > MIN_RENEW_MS ? left : MIN_RENEW_MS);
    }
    if (got.token != NULL)
        status = set_bearer(credentials, got.token, err);
    if (status == DOZAN_OK && got.certificate != NULL &&
        (!hide(&credentials->files[1], &credentials->certificate, got.certificate) ||
         !hide(&credentials->files[2], &credentials->key, got.key)))
        status = no_memory(err);
    dz_cluster_credential_fini(&got);
    return status;
}

static int64_t wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
