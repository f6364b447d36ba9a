/*
 * dozan token NAME: a new bearer token on standard output, and on standard error the user that goes
 * into the file of `dozan serve --auth`. The token itself is printed once and kept nowhere.
 */
#include "auth/auth.h"
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static dozan_status draw(void *bytes, size_t size, dozan_error *err)
{
    ssize_t got = getrandom(bytes, size, 0); /* whole, for up to 256 bytes */
    if (got >= 0 && (size_t)got == size)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_UNAVAILABLE, NULL, "no random bytes: %s",
                           strerrordesc_np(errno));
}

int dz_cli_token(dz_cli *cli)
{
    char token[DZ_AUTH_TOKEN_TEXT], hash[DZ_AUTH_HASH_TEXT];
    dozan_error err = {0};
    if (dz_auth_new_token(draw, token, hash, &err) != DOZAN_OK)
        return dz_cli_fail(cli, &err);
    dozan_buf text;
    dozan_buf_init(&text, 1024);
    dozan_buf_printf(&text, "%s\n", token);
    dz_cli_note(cli,
                "  - name: %s\n"
                "    tokenSha256: %s\n"
                "    grants:\n"
                "      - role: editor\n"
                "        namespaces: [default]",
                cli->options.arguments[0], hash);
    return dz_cli_put(cli, &text);
}
