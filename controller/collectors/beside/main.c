/*
 * dozan-collector KIND: see beside.h. The kinds are those of collectors/table.h that run beside a
 * trial.
 */
#include "collectors/beside/beside.h"
#include "collectors/table.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_COMPLAINT = 256 };

#define RUN_own_process(run) run
#define RUN_user_process(run) NULL
#define RUN_no_process(run) NULL
#define ROW(kind, format, lines, process, run) {DZ_COLLECTOR_##kind, RUN_##process(run)},
static const struct {
    dz_collector_kind kind;
    dz_beside_run *run;
} kinds[] = {DZ_COLLECTOR_TABLE(ROW)};

static dz_beside_run *find(const char *name);
static bool read_task(const char *text, cJSON **document, dz_beside *task);

int main(int argc, char **argv)
{
    cJSON *document = NULL;
    dz_beside task = {0};
    dz_beside_run *run = argc == 2 ? find(argv[1]) : NULL;
    if (run == NULL || !read_task(getenv(DZ_COLLECTOR_TASK), &document, &task)) { /* NOLINT */
        (void)fputs(
            "dozan-collector KIND\n"
            "Collects the metrics of one trial for dozan; not meant to be called by hand.\n",
            stderr);
        return 2;
    }
    sigset_t term;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL); /* NOLINT(concurrency-mt-unsafe): one thread */
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    int status = run(&task);
    free(task.metrics);
    cJSON_Delete(document);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? status : 1;
}

static dz_beside_run *find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].run != NULL && strcmp(dz_collector_kind_name(kinds[i].kind), name) == 0)
            return kinds[i].run;
    }
    return NULL;
}

static bool read_task(const char *text, cJSON **document, dz_beside *task)
{
    cJSON *made = text != NULL ? cJSON_Parse(text) : NULL;
    const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(made, "metrics");
    const cJSON *path = cJSON_GetObjectItemCaseSensitive(made, "path");
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(made, "port");
    const cJSON *metric;
    task->metrics = calloc((size_t)cJSON_GetArraySize(metrics) + 1, sizeof(char *));
    if (made == NULL || task->metrics == NULL) {
        cJSON_Delete(made);
        free(task->metrics);
        return false;
    }
    cJSON_ArrayForEach(metric, metrics)
    {
        const char *name = cJSON_GetStringValue(metric);
        task->metrics[task->metric_count++] = name != NULL ? name : "";
    }
    task->source = cJSON_GetObjectItemCaseSensitive(made, "source");
    task->path = cJSON_IsString(path) ? path->valuestring : "";
    task->port = cJSON_IsNumber(port) ? port->valueint : 0;
    *document = made;
    return true;
}

/* ---- what the kinds call --------------------------------------------------------------------- */

bool dz_beside_wait(int64_t ms)
{
    sigset_t term;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    struct timespec limit = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    int64_t end_ms = dz_beside_now_ms() + ms;
    int signal;
    do
        signal = sigtimedwait(&term, NULL, &limit);
    while (signal < 0 && errno == EINTR && dz_beside_now_ms() < end_ms);
    return signal == SIGTERM;
}

bool dz_beside_ended(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1;
}

void dz_beside_point(size_t metric, int64_t time_ms, const char *value, int64_t step)
{
    (void)printf("point %zu %lld %s", metric, (long long)time_ms, value);
    if (step >= 0)
        (void)printf(" %lld", (long long)step);
    (void)putchar('\n');
}

void dz_beside_complain(const char *format, ...)
{
    char text[MAX_COMPLAINT];
    va_list args;
    va_start(args, format);
    /* clang 14 does not see the va_start: NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    (void)printf("complaint %s\n", text);
}

int64_t dz_beside_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
