/*
 * The page's files, out of the program. The browser asks again each time whether they are the same,
 * and a new program is a new page at once.
 */
#include "api/page_parts.h"

#include "web/files.h"
#include <dozan/rng.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Nothing from elsewhere, no script or style inside the HTML, no frame around it. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void send_file(dz_http_request *request, const dz_page_file *file);

void page_root(void *context, dz_http_request *request)
{
    (void)context;
    for (size_t i = 0; i < dz_page_file_count; i++) {
        if (strcmp(dz_page_files[i].name, "index.html") != 0)
            continue;
        send_file(request, &dz_page_files[i]);
        return;
    }
    dz_http_refusef(request, 404, "this program has no page");
}

void page_file(void *context, dz_http_request *request)
{
    const char *name = dz_http_param(request, "file");
    (void)context;
    for (size_t i = 0; i < dz_page_file_count; i++) {
        if (strcmp(dz_page_files[i].name, name) != 0)
            continue;
        send_file(request, &dz_page_files[i]);
        return;
    }
    dz_http_refusef(request, 404, "there is no \"%.100s\" here", name);
}

/* ---- helpers */

static uint64_t hash(const dz_page_file *file)
{
    uint64_t sum = (uint64_t)(file->end - file->begin);
    for (const char *at = file->begin; at < file->end; at += sizeof sum) {
        uint64_t word = 0;
        size_t left = (size_t)(file->end - at);
        memcpy(&word, at, left < sizeof word ? left : sizeof word);
        sum = dozan_hash_words(sum, word);
    }
    return sum;
}

static void send_file(dz_http_request *request, const dz_page_file *file)
{
    char tag[32];
    const char *known = dz_http_header(request, "If-None-Match");
    const char *takes = dz_http_header(request, "Accept-Encoding");
    bool packed = takes != NULL && strstr(takes, "gzip") != NULL;
    const char *begin = packed ? file->packed_begin : file->begin;
    const char *end = packed ? file->packed_end : file->end;
    (void)snprintf(tag, sizeof tag, "\"%016" PRIx64 "%s\"", hash(file), packed ? "z" : "");
    dz_http_answer answer = {.type = file->type, .borrowed = true};
    answer.headers[0] = (dz_http_pair){"ETag", tag};
    answer.headers[1] = (dz_http_pair){"Cache-Control", "no-cache"};
    answer.headers[2] = (dz_http_pair){"Content-Security-Policy", policy};
    if (known != NULL && strcmp(known, tag) == 0) {
        answer.status = 304;
        answer.body = (char *)(uintptr_t) "";
        dz_http_reply(request, &answer);
        return;
    }
    if (packed)
        answer.headers[3] = (dz_http_pair){"Content-Encoding", "gzip"};
    answer.body = (char *)(uintptr_t)begin; /* borrowed, and never written to */
    answer.size = (size_t)(end - begin);
    dz_http_reply(request, &answer);
}
