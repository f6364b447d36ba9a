#include "api/http.h"

#include "api/http_stream.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 1024 };

/* Where a param stands in a route's pattern and in a path. */
typedef struct cut {
    const char *name, *value;
    size_t name_size, value_size;
} cut;

static bool make_query(dz_http_request *request, const char *text);
static char *take_part(char **rest, char separator);
static bool decode(char *text, bool plus);
static int hex_digit(char digit);
static bool fits(const dz_http_route *route, const char *path, cut *cuts, size_t *count);
static dozan_status take_params(dz_http_request *request, const cut *cuts, size_t count,
                                dozan_error *err);
static const char *find(const dz_http_pair *pairs, size_t count, const char *name);

dozan_status dz_http_request_init(dz_http_request *request, const char *method, const char *target,
                                  dozan_error *err)
{
    *request = (dz_http_request){.method = method};
    if (target[0] != '/')
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL, "the path has to begin with /");
    request->text = strdup(target);
    if (request->text == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    char *rest = request->text;
    while (rest[0] == '/' && rest[1] == '/') /* some clients join two addresses so */
        rest++;
    rest[strcspn(rest, "#")] = '\0';
    request->path = take_part(&rest, '?');
    if (rest != NULL && !make_query(request, rest))
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    while (rest != NULL && *rest != '\0') {
        char *value = take_part(&rest, '&');
        char *name = take_part(&value, '=');
        if (*name == '\0')
            continue;
        if (request->query_count == DZ_HTTP_MAX_QUERY)
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "the query has more than %d parameters", DZ_HTTP_MAX_QUERY);
        if (!decode(name, true) || (value != NULL && !decode(value, true)))
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "the query has a %% that two hexadecimal digits do not follow");
        request->query[request->query_count++] = (dz_http_pair){name, value != NULL ? value : ""};
    }
    return DOZAN_OK;
}

/* Room for as many parameters as there are separators, and one. */
static bool make_query(dz_http_request *request, const char *text)
{
    size_t count = 1;
    for (; *text != '\0' && count < DZ_HTTP_MAX_QUERY; text++)
        count += *text == '&';
    request->query = calloc(count, sizeof(*request->query));
    return request->query != NULL;
}

void dz_http_request_fini(dz_http_request *request)
{
    free(request->text);
    free(request->query);
    request->query = NULL;
    request->query_count = 0;
    free(request->params_text);
    request->text = request->params_text = NULL;
}

/* Parts are told apart before they are decoded: a %2F is a letter of its part. */
dozan_status dz_http_find(const dz_http_route_set *sets, size_t count, dz_http_request *request,
                          const dz_http_route **route, void **context, dozan_error *err)
{
    bool other = false;
    cut cuts[DZ_HTTP_MAX_PARAMS];
    size_t cut_count;
    const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
    request->param_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sets[i].count; k++) {
            const dz_http_route *row = &sets[i].routes[k];
            if (!fits(row, request->path, cuts, &cut_count))
                continue;
            other = true;
            if (strcmp(row->method, method) != 0)
                continue;
            *route = row;
            *context = sets[i].context;
            return take_params(request, cuts, cut_count, err);
        }
    }
    if (other)
        return dozan_error_set(err, DOZAN_UNIMPLEMENTED, NULL,
                               "the server does not allow this method on the requested resource");
    return dozan_error_set(err, DOZAN_NOT_FOUND, NULL,
                           "the server could not find the requested resource");
}

const char *dz_http_param(const dz_http_request *request, const char *name)
{
    return find(request->params, request->param_count, name);
}

const char *dz_http_query(const dz_http_request *request, const char *name)
{
    return find(request->query, request->query_count, name);
}

const char *dz_http_header(const dz_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

bool dz_http_flag(const dz_http_request *request, const char *name)
{
    const char *value = dz_http_query(request, name);
    return value != NULL &&
           (*value == '\0' || strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0);
}

dozan_status dz_http_number(const dz_http_request *request, const char *name, int64_t min,
                            int64_t max, int64_t otherwise, int64_t *number, dozan_error *err)
{
    const char *text = dz_http_query(request, name);
    char *end = NULL;
    *number = otherwise;
    if (text == NULL || *text == '\0')
        return DOZAN_OK;
    errno = 0;
    intmax_t value = strtoimax(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, name,
                               "has to be a whole number from %" PRId64 " to %" PRId64, min, max);
    *number = value;
    return DOZAN_OK;
}

/* ---- answers ---- */

void dz_http_reply(dz_http_request *request, const dz_http_answer *answer)
{
    dz_http_answer taken = *answer;
    request->deliver(request, &taken);
}

void dz_http_reply_json(dz_http_request *request, int status, cJSON *tree)
{
    static char no_memory[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                              "\"status\":\"Failure\",\"message\":\"out of memory\","
                              "\"reason\":\"InternalError\",\"code\":500}";
    char *text = tree != NULL ? cJSON_PrintUnformatted(tree) : NULL;
    cJSON_Delete(tree);
    dz_http_answer answer = {.status = status, .body = text};
    if (text == NULL)
        answer = (dz_http_answer){.status = 500, .body = no_memory, .borrowed = true};
    answer.size = strlen(answer.body);
    dz_http_reply(request, &answer);
}

void dz_http_reply_text(dz_http_request *request, int status, const char *type, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        dz_http_reply_json(request, 500, NULL);
        return;
    }
    dz_http_answer answer = {.status = status, .type = type, .body = copy, .size = strlen(copy)};
    dz_http_reply(request, &answer);
}

void dz_http_fail(dz_http_request *request, const dozan_error *err)
{
    dz_http_refuse(request, 0, NULL, err);
}

void dz_http_refuse(dz_http_request *request, int status, const char *reason,
                    const dozan_error *err)
{
    char text[TEXT_MAX];
    dozan_error_text(err, text, sizeof(text));
    if (status == 0)
        status = err->code == DOZAN_UNIMPLEMENTED ? 405 : dozan_status_http(err->code);
    if (reason == NULL && err->code == DOZAN_ALREADY_EXISTS)
        reason = "AlreadyExists";
    dz_http_reply_json(request, status, dz_http_status(status, reason, text));
}

void dz_http_refusef(dz_http_request *request, int status, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof(text), format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    dz_http_reply_json(request, status, dz_http_status(status, NULL, text));
}

cJSON *dz_http_status(int status, const char *reason, const char *message)
{
    cJSON *tree = cJSON_CreateObject();
    bool good = cJSON_AddStringToObject(tree, "kind", "Status") != NULL &&
                cJSON_AddStringToObject(tree, "apiVersion", "v1") != NULL &&
                cJSON_AddObjectToObject(tree, "metadata") != NULL &&
                cJSON_AddStringToObject(tree, "status", status < 400 ? "Success" : "Failure") &&
                (message == NULL || cJSON_AddStringToObject(tree, "message", message) != NULL);
    if (good && status >= 400)
        good = cJSON_AddStringToObject(tree, "reason",
                                       reason != NULL ? reason : dz_http_reason(status)) != NULL &&
               cJSON_AddNumberToObject(tree, "code", status) != NULL;
    if (good)
        return tree;
    cJSON_Delete(tree);
    return NULL;
}

const char *dz_http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } table[] = {
        {400, "BadRequest"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "NotFound"},
        {405, "MethodNotAllowed"},
        {406, "NotAcceptable"},
        {409, "Conflict"},
        {410, "Expired"},
        {413, "RequestEntityTooLarge"},
        {415, "UnsupportedMediaType"},
        {422, "Invalid"},
        {429, "TooManyRequests"},
        {503, "ServiceUnavailable"},
        {504, "Timeout"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].status == status)
            return table[i].reason;
    return status >= 500 ? "InternalError" : "BadRequest";
}

/* ---- the target ---- */

/* Cuts *rest at the separator; *rest is what follows, or NULL. */
static char *take_part(char **rest, char separator)
{
    char *part = *rest;
    char *end = strchr(part, separator);
    *rest = NULL;
    if (end != NULL) {
        *end = '\0';
        *rest = end + 1;
    }
    return part;
}

/* In place: what is decoded is never longer. */
static bool decode(char *text, bool plus)
{
    char *out = text;
    for (; *text != '\0'; text++) {
        char letter = *text;
        if (letter == '+' && plus)
            letter = ' ';
        if (letter == '%') {
            int high = hex_digit(text[1]);
            int low = high < 0 ? -1 : hex_digit(text[2]);
            if (low < 0 || high * 16 + low == 0)
                return false;
            letter = (char)(high * 16 + low);
            text += 2;
        }
        *out++ = letter;
    }
    *out = '\0';
    return true;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* ---- routes ---- */

/* Compares part by part, and notes where the params stand. */
static bool fits(const dz_http_route *route, const char *path, cut *cuts, size_t *count)
{
    const char *pattern = route->path;
    *count = 0;
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        size_t wanted = strcspn(pattern, "/"), given = strcspn(path, "/");
        if (*pattern == '{') {
            bool rest = wanted > 4 && strncmp(pattern + wanted - 4, "...}", 4) == 0;
            if (rest)
                given = strlen(path);
            if ((given == 0 && !rest) || *count == DZ_HTTP_MAX_PARAMS)
                return false;
            cuts[(*count)++] = (cut){pattern + 1, path, wanted - (rest ? 5 : 2), given};
        } else if (wanted != given || strncmp(pattern, path, wanted) != 0) {
            return false;
        }
        pattern += wanted;
        path += given;
    }
    return *pattern == '\0' && (*path == '\0' || strcmp(path, "/") == 0);
}

/* Copies names and values, decoded, into one block. */
static dozan_status take_params(dz_http_request *request, const cut *cuts, size_t count,
                                dozan_error *err)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += cuts[i].name_size + cuts[i].value_size + 2;
    char *text = malloc(size);
    if (text == NULL)
        return dozan_error_set(err, DOZAN_RESOURCE_EXHAUSTED, NULL, "out of memory");
    free(request->params_text);
    request->params_text = text;
    for (size_t i = 0; i < count; i++) {
        char *name = text, *value = text + cuts[i].name_size + 1;
        memcpy(name, cuts[i].name, cuts[i].name_size);
        name[cuts[i].name_size] = '\0';
        memcpy(value, cuts[i].value, cuts[i].value_size);
        value[cuts[i].value_size] = '\0';
        text = value + cuts[i].value_size + 1;
        if (!decode(value, false))
            return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                                   "the path has a %% that two hexadecimal digits do not follow");
        request->params[request->param_count++] = (dz_http_pair){name, value};
    }
    return DOZAN_OK;
}

static const char *find(const dz_http_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}
