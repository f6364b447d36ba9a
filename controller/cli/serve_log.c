#include "cli/serve_log.h"

#include "core/turn.h"
#include <dozan/buf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = 32768, TIME_TEXT = 40, TEXT_MAX = 1024 };

static void begin(const dz_serve_log *log, const char *level, const char *event, dozan_buf *line);
static void put_key(const dz_serve_log *log, const char *key, dozan_buf *line);
static void put_text(const dz_serve_log *log, const char *key, const char *text, dozan_buf *line);
static void put_plain(const char *text, dozan_buf *line);
static void put_json(const char *text, dozan_buf *line);
static void write_line(dz_serve_log *log, dozan_buf *line);

void dz_serve_log_request(void *context, const dz_http_record *record)
{
    dz_serve_log *log = context;
    dozan_buf line;
    if (log->quiet)
        return;
    dozan_buf_init(&line, LINE_MAX_BYTES);
    begin(log, "info", "request", &line);
    put_text(log, "method", record->method, &line);
    put_text(log, "path", record->path, &line);
    put_key(log, "status", &line);
    dozan_buf_printf(&line, "%d", record->status);
    put_key(log, "ms", &line);
    dozan_buf_printf(&line, "%.1f", record->seconds * 1e3);
    put_key(log, "bytes", &line);
    dozan_buf_printf(&line, "%lld", (long long)record->bytes);
    put_text(log, "peer", record->peer, &line);
    if (record->user != NULL)
        put_text(log, "user", record->user, &line);
    write_line(log, &line);
}

void dz_serve_log_line(dz_serve_log *log, const char *level, const char *event, const char *message)
{
    dozan_buf line;
    dozan_buf_init(&line, LINE_MAX_BYTES);
    begin(log, level, event, &line);
    put_text(log, "message", message, &line);
    write_line(log, &line);
}

static void begin(const dz_serve_log *log, const char *level, const char *event, dozan_buf *line)
{
    struct timespec now = {0};
    struct tm parts;
    char text[TIME_TEXT] = "", whole[TIME_TEXT + 8];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &parts) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(whole, sizeof(whole), "%s.%03uZ", text,
                   (unsigned)(now.tv_nsec / 1000000) % 1000);
    put_text(log, "time", whole, line);
    put_text(log, "level", level, line);
    put_text(log, "event", event, line);
}

static void put_key(const dz_serve_log *log, const char *key, dozan_buf *line)
{
    if (log->json)
        dozan_buf_printf(line, "%s\"%s\":", line->size > 0 ? "," : "{", key);
    else
        dozan_buf_printf(line, "%s%s=", line->size > 0 ? " " : "", key);
}

static void put_text(const dz_serve_log *log, const char *key, const char *text, dozan_buf *line)
{
    put_key(log, key, line);
    if (log->json)
        put_json(text, line);
    else
        put_plain(text, line);
}

/* Quoted where a reader of the line could take it for more than one value. */
static void put_plain(const char *text, dozan_buf *line)
{
    bool plain = *text != '\0';
    for (const char *letter = text; *letter != '\0'; letter++)
        plain = plain && (unsigned char)*letter > ' ' && *letter != '"' && *letter != '=' &&
                *letter != '\\' && (unsigned char)*letter != 0x7f;
    if (plain) {
        dozan_buf_printf(line, "%.*s", TEXT_MAX, text);
        return;
    }
    dozan_buf_puts(line, "\"");
    for (size_t i = 0; text[i] != '\0' && i < TEXT_MAX; i++) {
        unsigned char letter = (unsigned char)text[i];
        if (letter == '"' || letter == '\\')
            dozan_buf_printf(line, "\\%c", letter);
        else if (letter < ' ' || letter == 0x7f)
            dozan_buf_printf(line, "\\x%02x", letter);
        else
            dozan_buf_append(line, &text[i], 1);
    }
    dozan_buf_puts(line, "\"");
}

/* A path may hold any bytes: what is no UTF-8 is written as if it were Latin-1, so that every line
 * is JSON. A cut may only follow a whole character. */
static void put_json(const char *text, dozan_buf *line)
{
    bool utf8 = dz_text_valid(text);
    dozan_buf_puts(line, "\"");
    for (size_t i = 0; text[i] != '\0'; i++) {
        unsigned char letter = (unsigned char)text[i];
        if (i >= TEXT_MAX && (letter & 0xc0) != 0x80)
            break;
        if (letter == '"' || letter == '\\')
            dozan_buf_printf(line, "\\%c", letter);
        else if (letter < ' ' || letter == 0x7f || (letter > 0x7f && !utf8))
            dozan_buf_printf(line, "\\u%04x", letter);
        else
            dozan_buf_append(line, &text[i], 1);
    }
    dozan_buf_puts(line, "\"");
}

/* One call, so that lines of several threads do not mix. */
static void write_line(dz_serve_log *log, dozan_buf *line)
{
    dozan_buf_puts(line, log->json ? "}\n" : "\n");
    if (!line->failed)
        (void)fwrite(line->data, 1, line->size, log->file);
    (void)fflush(log->file);
    dozan_buf_fini(line);
}
