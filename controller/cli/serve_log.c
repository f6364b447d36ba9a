#include "cli/serve_log.h"

#include <dozan/buf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = 4096, TIME_TEXT = 40 };

static void put_time(dozan_buf *line);
static void put_text(dozan_buf *line, const char *key, const char *text);
static void write_line(dz_serve_log *log, dozan_buf *line);

void dz_serve_log_request(void *context, const dz_http_record *record)
{
    dz_serve_log *log = context;
    dozan_buf line;
    if (log->quiet)
        return;
    dozan_buf_init(&line, LINE_MAX_BYTES);
    put_time(&line);
    dozan_buf_puts(&line, " level=info event=request");
    put_text(&line, "method", record->method);
    put_text(&line, "path", record->path);
    dozan_buf_printf(&line, " status=%d ms=%.1f bytes=%lld", record->status, record->seconds * 1e3,
                     (long long)record->bytes);
    put_text(&line, "peer", record->peer);
    if (record->user != NULL)
        put_text(&line, "user", record->user);
    write_line(log, &line);
}

void dz_serve_log_line(dz_serve_log *log, const char *level, const char *event, const char *message)
{
    dozan_buf line;
    dozan_buf_init(&line, LINE_MAX_BYTES);
    put_time(&line);
    dozan_buf_printf(&line, " level=%s event=%s", level, event);
    put_text(&line, "message", message);
    write_line(log, &line);
}

static void put_time(dozan_buf *line)
{
    struct timespec now = {0};
    struct tm parts;
    char text[TIME_TEXT] = "";
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &parts) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    dozan_buf_printf(line, "time=%s.%03ldZ", text, now.tv_nsec / 1000000);
}

/* Quoted where a reader of the line could take it for more than one value. */
static void put_text(dozan_buf *line, const char *key, const char *text)
{
    bool plain = *text != '\0';
    for (const char *letter = text; *letter != '\0'; letter++)
        plain = plain && (unsigned char)*letter > ' ' && *letter != '"' && *letter != '=' &&
                *letter != '\\' && (unsigned char)*letter != 0x7f;
    dozan_buf_printf(line, " %s=", key);
    if (plain) {
        dozan_buf_printf(line, "%.1024s", text);
        return;
    }
    dozan_buf_puts(line, "\"");
    for (size_t i = 0; text[i] != '\0' && i < 1024; i++) {
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

/* One call, so that lines of several threads do not mix. */
static void write_line(dz_serve_log *log, dozan_buf *line)
{
    dozan_buf_puts(line, "\n");
    if (!line->failed)
        (void)fwrite(line->data, 1, line->size, log->file);
    (void)fflush(log->file);
    dozan_buf_fini(line);
}
