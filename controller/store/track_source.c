/*
 * What a model's version may be made of.
 *
 * Clients read a version from where its source says: one that points out of what its run or its
 * logged model owns, by a local path or by parts that lead upwards, would have them read any file.
 */
#include "store/track_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SOURCE_MAX = 4096, ROUNDS = 8 };

static bool is_local(const char *source);
static bool is_plain(const char *source);
static bool is_below(const char *source, const char *folder);
static const char *skip_scheme(const char *uri);

dozan_status track_check_source(dz_track *track, const char *source, const char *run,
                                const char *model, dozan_error *err)
{
    static const char *const places[] = {"SELECT location FROM track_runs WHERE uuid = ?",
                                         "SELECT location FROM track_models WHERE uuid = ?"};
    const char *const owners[] = {run, model};
    bool plain = is_plain(source);
    if (!is_local(source) && plain)
        return DOZAN_OK;
    if (!is_local(source))
        return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                               "Invalid model version source: '%.200s'. If supplying a source as "
                               "an http, https, local file path, ftp, objectstore, or "
                               "mlflow-artifacts uri, an absolute path must be provided without "
                               "relative path references present. Please provide an absolute path.",
                               source);
    bool inside = false;
    for (size_t i = 0; i < 2; i++) {
        if (!plain || owners[i] == NULL || *owners[i] == '\0')
            continue;
        track_query query = track_ask(track, places[i], "s", owners[i]);
        if (track_step(&query))
            inside = inside || is_below(source, track_text(&query, 0));
        dozan_status status = track_end(&query, err);
        if (status != DOZAN_OK)
            return status;
    }
    if (inside)
        return DOZAN_OK;
    return dozan_error_set(err, DOZAN_INVALID_ARGUMENT, NULL,
                           "Invalid model version source: '%.200s'. To use a local path as a model "
                           "version source, the run_id request parameter has to be specified and "
                           "the local path has to be contained within the artifact directory of "
                           "the run specified by the run_id.",
                           source);
}

/* Without a scheme, or with file: and no host. */
static bool is_local(const char *source)
{
    if (strncasecmp(source, "file:", 5) == 0)
        return true;
    const char *end = source;
    while (isalnum((unsigned char)*end) || (*end != '\0' && strchr("+-.", *end) != NULL))
        end++;
    return *end != ':' || end == source || !isalpha((unsigned char)*source);
}

/* One step of decoding; false when there was nothing to decode. */
static bool decode_once(char *text)
{
    char *to = text;
    bool any = false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
            const char digits[] = {at[1], at[2], '\0'};
            unsigned char letter = (unsigned char)strtoul(digits, NULL, 16);
            memcpy(to++, letter != 0 ? &letter : (const unsigned char *)"\\",
                   1); /* which is refused as well */
            at += 2;
            any = true;
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
    return any;
}

/* Without parts "." and ".." and without a NUL, however often they are encoded. */
static bool is_plain(const char *source)
{
    char text[SOURCE_MAX];
    if (strlen(source) >= sizeof(text))
        return false;
    memcpy(text, source, strlen(source) + 1);
    int rounds = 0;
    while (decode_once(text))
        if (++rounds == ROUNDS)
            return false;
    const char *part = skip_scheme(text);
    if (rounds > 0 && strchr(text, '\\') != NULL)
        return false;
    for (;;) {
        size_t size = strcspn(part, "/?#");
        if ((size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        if (part[size] == '\0')
            return true;
        part += size + 1;
    }
}

/* What is behind "SCHEME:" and its slashes. */
static const char *skip_scheme(const char *uri)
{
    const char *colon = strchr(uri, ':');
    uri = colon != NULL && memchr(uri, '/', (size_t)(colon - uri)) == NULL ? colon + 1 : uri;
    return uri + strspn(uri, "/");
}

static bool is_below(const char *source, const char *folder)
{
    if (!is_local(folder))
        return false;
    const char *path = skip_scheme(source), *root = skip_scheme(folder);
    size_t size = strlen(root);
    return strncmp(path, root, size) == 0 && (path[size] == '\0' || path[size] == '/');
}
