/*
 * The file of users to the users in memory. All of it is checked before any of it counts.
 */
#include "auth/auth_users.h"

#include "spec/findings.h"
#include "spec/tree.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static dozan_status read_whole(const char *path, FILE *file, char **text, size_t *size,
                               dozan_error *err);
static dozan_status take_users(const char *file, const dz_node *root, dz_auth *auth,
                               dozan_error *err);
static dozan_status take_user(const char *file, const dz_node *node, dz_auth_user *user,
                              dozan_error *err);
static dozan_status take_token(const char *file, const dz_node *node, dz_auth_user *user,
                               dozan_error *err);
static dozan_status take_grants(const char *file, const dz_node *node, dz_auth_user *user,
                                dozan_error *err);
static dozan_status take_grant(const char *file, const dz_node *node, dz_auth_grant *grant,
                               dozan_error *err);
static dozan_status take_role(const char *file, const dz_node *node, dz_role *role,
                              dozan_error *err);
static dozan_status take_namespaces(const char *file, const dz_node *node, dz_auth_grant *grant,
                                    dozan_error *err);
static dozan_status check_unlike(const char *file, const dz_node *node, const dz_auth *auth,
                                 const dz_auth_user *user, dozan_error *err);
static dozan_status check_fields(const char *file, const dz_node *map, const char *const *known,
                                 size_t count, dozan_error *err);
static dozan_status refuse(const char *file, const dz_node *node, dozan_error *err,
                           const char *format, ...) DOZAN_PRINTF(4, 5);
static dozan_status no_memory(dozan_error *err);
static int hex_digit(char c);

#define COUNT(names) (sizeof(names) / sizeof *(names))

dozan_status dz_auth_read(const char *path, dz_auth **auth, dozan_error *err)
{
    struct stat about;
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &about) != 0) {
        int code = errno;
        if (file != NULL)
            (void)fclose(file);
        return dozan_error_set(err, DOZAN_NOT_FOUND, path, "cannot be read: %s",
                               strerrordesc_np(code));
    }
    dozan_status status = DOZAN_OK;
    if ((about.st_mode & S_IWOTH) != 0)
        status = dozan_error_set(err, DOZAN_PERMISSION_DENIED, path,
                                 "everybody may write this file, and so give out roles; run: "
                                 "chmod o-w on it");
    if (status == DOZAN_OK)
        status = read_whole(path, file, &text, &size, err);
    (void)fclose(file);
    if (status == DOZAN_OK)
        status = dz_auth_parse(text, size, path, auth, err);
    free(text);
    return status;
}

dozan_status dz_auth_parse(const char *text, size_t size, const char *name, dz_auth **auth,
                           dozan_error *err)
{
    dz_tree *tree = NULL;
    dz_auth *made = calloc(1, sizeof *made);
    if (made == NULL)
        return no_memory(err);
    dozan_status status = dz_tree_parse(text, size, name, &tree, err);
    if (status == DOZAN_OK)
        status = take_users(name, dz_tree_root(tree), made, err);
    dz_tree_destroy(tree);
    if (status != DOZAN_OK) {
        dz_auth_destroy(made);
        return status;
    }
    *auth = made;
    return DOZAN_OK;
}

void dz_auth_destroy(dz_auth *auth)
{
    if (auth == NULL)
        return;
    for (size_t u = 0; u < auth->user_count; u++) {
        dz_auth_user *user = &auth->users[u];
        for (size_t g = 0; g < user->grant_count; g++) {
            for (size_t n = 0; n < user->grants[g].namespace_count; n++)
                free(user->grants[g].namespaces[n]);
            free(user->grants[g].namespaces);
        }
        free(user->grants);
        free(user->certificate);
        free(user->name);
    }
    free(auth->users);
    free(auth);
}

/* ---- helpers */

static dozan_status read_whole(const char *path, FILE *file, char **text, size_t *size,
                               dozan_error *err)
{
    char part[16384];
    size_t got;
    dozan_buf buf;
    dozan_buf_init(&buf, DZ_TREE_MAX_BYTES);
    while (!buf.failed && (got = fread(part, 1, sizeof(part), file)) > 0)
        dozan_buf_append(&buf, part, got);
    dozan_status status = DOZAN_OK;
    *size = buf.size;
    if (ferror(file))
        status = dozan_error_set(err, DOZAN_NOT_FOUND, path, "cannot be read: %s",
                                 strerrordesc_np(errno));
    else if ((*text = dozan_buf_take(&buf)) == NULL)
        status = dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, path,
                                 "has more than %d MiB, or there is no memory for it",
                                 DZ_TREE_MAX_BYTES >> 20);
    dozan_buf_fini(&buf);
    return status;
}

static dozan_status take_users(const char *file, const dz_node *root, dz_auth *auth,
                               dozan_error *err)
{
    static const char *const known[] = {"users"};
    if (root == NULL || root->kind != DZ_NODE_MAP)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, file,
                               "is no mapping with a list of users in it");
    dozan_status status = check_fields(file, root, known, COUNT(known), err);
    if (status != DOZAN_OK)
        return status;
    const dz_node *users = dz_node_get(root, "users");
    if (users == NULL || users->kind != DZ_NODE_LIST || users->count == 0)
        return refuse(file, users != NULL ? users : root, err,
                      "has to have a list of at least one user");
    if (users->count > DZ_AUTH_MAX_USERS)
        return refuse(file, users, err, "has more than %d users", DZ_AUTH_MAX_USERS);
    auth->users = calloc(users->count, sizeof *auth->users);
    if (auth->users == NULL)
        return no_memory(err);
    for (const dz_node *node = users->first; node != NULL; node = node->next) {
        dz_auth_user *user =
            &auth->users[auth->user_count++]; /* what is half made goes with the rest */
        status = take_user(file, node, user, err);
        if (status == DOZAN_OK)
            status = check_unlike(file, node, auth, user, err);
        if (status != DOZAN_OK)
            return status;
    }
    return DOZAN_OK;
}

static dozan_status take_user(const char *file, const dz_node *node, dz_auth_user *user,
                              dozan_error *err)
{
    static const char *const known[] = {"name", "tokenSha256", "certificate", "grants"};
    if (node->kind != DZ_NODE_MAP)
        return refuse(file, node, err, "is no mapping with a name and grants");
    dozan_status status = check_fields(file, node, known, COUNT(known), err);
    if (status != DOZAN_OK)
        return status;
    const char *name = dz_node_string(node, "name");
    const dz_node *certificate = dz_node_get(node, "certificate");
    if (name == NULL)
        return refuse(file, node, err, "a user needs a name");
    if (certificate != NULL && dz_node_string(node, "certificate") == NULL)
        return refuse(file, certificate, err, "has to be the common name of a certificate");
    user->name = strdup(name);
    if (certificate != NULL)
        user->certificate = strdup(certificate->text);
    if (user->name == NULL || (certificate != NULL && user->certificate == NULL))
        return no_memory(err);
    status = take_token(file, node, user, err);
    if (status == DOZAN_OK && !user->has_token && certificate == NULL)
        return refuse(file, node, err,
                      "a user needs a tokenSha256 or a certificate; `dozan token` makes a token");
    return status == DOZAN_OK ? take_grants(file, node, user, err) : status;
}

static dozan_status take_token(const char *file, const dz_node *node, dz_auth_user *user,
                               dozan_error *err)
{
    const dz_node *token = dz_node_get(node, "tokenSha256");
    if (token == NULL)
        return DOZAN_OK;
    bool good =
        token->kind == DZ_NODE_SCALAR && strlen(token->text) == (size_t)2 * DZ_AUTH_HASH_BYTES;
    for (size_t i = 0; good && i < DZ_AUTH_HASH_BYTES; i++) {
        int high = hex_digit(token->text[2 * i]), low = hex_digit(token->text[2 * i + 1]);
        good = high >= 0 && low >= 0;
        if (good)
            user->token_hash[i] = (unsigned char)(high * 16 + low);
    }
    if (!good)
        return refuse(file, token, err,
                      "has to be the SHA-256 of the token, 64 hexadecimal digits; `dozan token` "
                      "prints it");
    user->has_token = true;
    return DOZAN_OK;
}

static dozan_status take_grants(const char *file, const dz_node *node, dz_auth_user *user,
                                dozan_error *err)
{
    const dz_node *grants = dz_node_get(node, "grants");
    if (grants == NULL || grants->kind != DZ_NODE_LIST || grants->count == 0)
        return refuse(file, grants != NULL ? grants : node, err,
                      "a user needs a list of grants, each with a role");
    if (grants->count > DZ_AUTH_MAX_GRANTS)
        return refuse(file, grants, err, "has more than %d grants", DZ_AUTH_MAX_GRANTS);
    user->grants = calloc(grants->count, sizeof *user->grants);
    if (user->grants == NULL)
        return no_memory(err);
    for (const dz_node *grant = grants->first; grant != NULL; grant = grant->next) {
        dozan_status status = take_grant(file, grant, &user->grants[user->grant_count++], err);
        if (status != DOZAN_OK)
            return status;
    }
    return DOZAN_OK;
}

static dozan_status take_grant(const char *file, const dz_node *node, dz_auth_grant *grant,
                               dozan_error *err)
{
    static const char *const known[] = {"role", "namespaces"};
    if (node->kind != DZ_NODE_MAP)
        return refuse(file, node, err, "is no mapping with a role");
    dozan_status status = check_fields(file, node, known, COUNT(known), err);
    if (status == DOZAN_OK)
        status = take_role(file, node, &grant->role, err);
    return status == DOZAN_OK ? take_namespaces(file, node, grant, err) : status;
}

static dozan_status take_role(const char *file, const dz_node *node, dz_role *role,
                              dozan_error *err)
{
    const char *name = dz_node_string(node, "role");
    for (dz_role r = DZ_ROLE_VIEWER; name != NULL && r < DZ_ROLE_COUNT; r++)
        if (strcmp(dz_role_name(r), name) == 0) {
            *role = r;
            return DOZAN_OK;
        }
    return refuse(file, node, err, "its role has to be viewer, editor or admin");
}

/* A list that is there but empty grants nothing, which nobody means. */
static dozan_status take_namespaces(const char *file, const dz_node *node, dz_auth_grant *grant,
                                    dozan_error *err)
{
    const dz_node *list = dz_node_get(node, "namespaces");
    grant->everywhere = list == NULL;
    if (list == NULL)
        return DOZAN_OK;
    if (list->kind != DZ_NODE_LIST || list->count == 0 || list->count > DZ_AUTH_MAX_NAMESPACES)
        return refuse(file, list, err,
                      "has to be a list of 1 to %d namespaces; leave it out for all of them",
                      DZ_AUTH_MAX_NAMESPACES);
    grant->namespaces = calloc(list->count, sizeof *grant->namespaces);
    if (grant->namespaces == NULL)
        return no_memory(err);
    for (const dz_node *name = list->first; name != NULL; name = name->next) {
        if (name->kind != DZ_NODE_SCALAR || name->text[0] == '\0')
            return refuse(file, name, err, "has to be the name of a namespace");
        char *copy = strdup(name->text);
        if (copy == NULL)
            return no_memory(err);
        grant->namespaces[grant->namespace_count++] = copy;
    }
    return DOZAN_OK;
}

/* Two users of one token would be one whose roles nobody can tell. */
static dozan_status check_unlike(const char *file, const dz_node *node, const dz_auth *auth,
                                 const dz_auth_user *user, dozan_error *err)
{
    const char *name = dz_node_string(node, "name");
    if (name == NULL)
        return no_memory(err); /* take_user saw it */
    for (const dz_auth_user *other = auth->users; other < user; other++) {
        if (strcmp(other->name, name) == 0)
            return refuse(file, node, err, "there are two users named %s", name);
        if (other->has_token && user->has_token &&
            memcmp(other->token_hash, user->token_hash, sizeof(user->token_hash)) == 0)
            return refuse(file, node, err, "%s has the token of %s", name, other->name);
        if (other->certificate != NULL && user->certificate != NULL &&
            strcmp(other->certificate, user->certificate) == 0)
            return refuse(file, node, err, "%s has the certificate of %s", name, other->name);
    }
    return DOZAN_OK;
}

static dozan_status check_fields(const char *file, const dz_node *map, const char *const *known,
                                 size_t count, dozan_error *err)
{
    for (const dz_node *field = map->first; field != NULL; field = field->next) {
        bool found = false;
        for (size_t i = 0; i < count; i++)
            found = found || strcmp(known[i], field->key) == 0;
        if (found)
            continue;
        const char *near = dz_nearest(field->key, known, count);
        return refuse(file, field, err, "unknown field%s%s%s", near != NULL ? "; is " : "",
                      near != NULL ? near : "", near != NULL ? " meant?" : "");
    }
    return DOZAN_OK;
}

static dozan_status refuse(const char *file, const dz_node *node, dozan_error *err,
                           const char *format, ...)
{
    char place[sizeof(err->place)], message[sizeof(err->message)];
    dozan_buf inside;
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    dozan_buf_init(&inside, sizeof(place));
    dz_node_path(node, &inside);
    int placed = snprintf(place, sizeof(place), "%s:%u%s%s", file, node->line,
                          inside.size > 0 ? ": " : "", inside.size > 0 ? inside.data : "");
    dozan_buf_fini(&inside);
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, placed > 0 ? place : file, "%s",
                           written >= 0 ? message : "is not what it should be");
}

static dozan_status no_memory(dozan_error *err)
{
    return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
