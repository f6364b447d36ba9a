#include "mlflow/key.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "dzr_"
enum { RUN_DIGITS = 32, MAC = 32, TOKEN_SIZE = 4 + RUN_DIGITS + 1 + 2 * MAC };

static dozan_status make(const char *path, dozan_error *err);

dozan_status dz_key_open(const char *path, dz_key *key, dozan_error *err)
{
    struct stat about = {0};
    dozan_status status = access(path, F_OK) == 0 ? DOZAN_OK : make(path, err);
    if (status != DOZAN_OK)
        return status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool whole = file >= 0 && fstat(file, &about) == 0 &&
                 read(file, key->bytes, sizeof(key->bytes)) == (ssize_t)sizeof(key->bytes);
    if (file >= 0)
        (void)close(file);
    if (!whole)
        return dozan_error_set(err, DOZAN_FAILED_PRECONDITION, path,
                               "the key of the trials' tokens cannot be read; remove the file, and "
                               "another is made");
    if ((about.st_mode & 077) != 0)
        return dozan_error_set(err, DOZAN_PERMISSION_DENIED, path,
                               "others may read the key of the trials' tokens: chmod 600");
    return DOZAN_OK;
}

/* It gets its name when it is whole; whoever comes second finds the first one's. */
static dozan_status make(const char *path, dozan_error *err)
{
    dz_key key;
    char other[4096];
    int length = snprintf(other, sizeof(other), "%s.%ld", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof(other))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, path, "the path is too long");
    int file = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool done = file >= 0 && getrandom(&key, sizeof(key), 0) == (ssize_t)sizeof(key) &&
                write(file, &key, sizeof(key)) == (ssize_t)sizeof(key) && fsync(file) == 0;
    if (file >= 0)
        (void)close(file);
    done = done && (link(other, path) == 0 || errno == EEXIST);
    int why = errno;
    (void)unlink(other);
    return done ? DOZAN_OK
                : dozan_error_set(err, DOZAN_PERMISSION_DENIED, path,
                                  "the key of the trials' tokens cannot be written: %s",
                                  strerrordesc_np(why));
}

void dz_key_token(const dz_key *key, const char *run, char token[DZ_RUN_TOKEN])
{
    unsigned char mac[MAC] = {0};
    (void)gnutls_hmac_fast(GNUTLS_MAC_SHA256, key->bytes, sizeof(key->bytes), run, strlen(run),
                           mac);
    int at = snprintf(token, DZ_RUN_TOKEN, MARK "%.32s.", run);
    for (size_t i = 0; i < MAC; i++)
        at += snprintf(token + at, (size_t)(DZ_RUN_TOKEN - at), "%02x", mac[i]);
}

bool dz_key_is_token(const char *token)
{
    return strncmp(token, MARK, sizeof(MARK) - 1) == 0;
}

bool dz_key_check(const dz_key *key, const char *token, size_t size, char run[DZ_RUN_ID])
{
    char right[DZ_RUN_TOKEN];
    unsigned char differ = 0;
    if (size != TOKEN_SIZE || !dz_key_is_token(token))
        return false;
    (void)snprintf(run, DZ_RUN_ID, "%.32s", token + sizeof(MARK) - 1);
    if (strlen(run) != RUN_DIGITS)
        return false;
    dz_key_token(key, run, right);
    for (size_t i = 0; i < TOKEN_SIZE; i++)
        differ |= (unsigned char)(token[i] ^ right[i]);
    return differ == 0;
}
