#include "cli/kubeconfig.h"

#include <dozan/buf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 16 };

static dozan_status put(const char *path, const dozan_buf *text, dozan_error *err);

dozan_status dz_kubeconfig_write(const char *path, const char *url, const char *tls_cert,
                                 bool users, dozan_error *err)
{
    dozan_buf text;
    char *trusted = NULL;
    if (tls_cert != NULL && (trusted = realpath(tls_cert, NULL)) == NULL)
        return dozan_error_set(err, DOZAN_NOT_FOUND, tls_cert, "%s", strerrordesc_np(errno));
    dozan_buf_init(&text, TEXT_MAX);
    dozan_buf_printf(&text,
                     "apiVersion: v1\nkind: Config\nclusters:\n- name: dozan\n  cluster:\n"
                     "    server: %s\n",
                     url);
    if (trusted != NULL)
        dozan_buf_printf(&text, "    certificate-authority: \"%s\"\n", trusted);
    dozan_buf_puts(&text, "users:\n- name: dozan\n");
    dozan_buf_puts(&text, users
                              ? "  user:\n    token: \"\" # a user's, made by `dozan token NAME`\n"
                              : "  user: {}\n");
    dozan_buf_puts(&text, "contexts:\n- name: dozan\n  context:\n    cluster: dozan\n"
                          "    user: dozan\n    namespace: default\ncurrent-context: dozan\n");
    dozan_status status =
        text.failed ? dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory")
                    : put(path, &text, err);
    dozan_buf_fini(&text);
    free(trusted);
    return status;
}

static dozan_status put(const char *path, const dozan_buf *text, dozan_error *err)
{
    char *temporary = NULL;
    int number = 0;
    if (asprintf(&temporary, "%s.%ld", path, (long)getpid()) < 0)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0 || write(file, text->data, text->size) != (ssize_t)text->size)
        number = errno != 0 ? errno : EIO;
    if (file >= 0 && close(file) != 0 && number == 0)
        number = errno;
    if (number == 0 && rename(temporary, path) != 0)
        number = errno;
    if (number != 0 && file >= 0)
        (void)unlink(temporary);
    free(temporary);
    if (number == 0)
        return DOZAN_OK;
    return dozan_error_set(err, number == EACCES ? DOZAN_PERMISSION_DENIED : DOZAN_UNAVAILABLE,
                           path, "cannot be written: %s", strerrordesc_np(number));
}
